"""What a change of the catalogue means is said before it is wished."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.catalogue_diff import unserved
from features.catalogue import catalogue_text, read_catalogue
from models.package import read_manifest
from tests.commands.run import ROOT, weir


def written(folder: Path, said: dict[str, Any]) -> Path:
    file = folder / "new.yaml"
    file.write_text(yaml.safe_dump(said, sort_keys=False))
    return file


@pytest.fixture
def said() -> dict[str, Any]:
    shipped: dict[str, Any] = yaml.safe_load(catalogue_text())
    return shipped


def test_a_change_names_what_comes_goes_and_costs(said: dict[str, Any], tmp_path: Path) -> None:
    said["entities"]["account"]["velocity"]["windows"].append("2m")
    said["entities"]["email"] = {"id": "email", "velocity": {"measures": ["count"], "windows": ["1m"]}}
    said["transaction"].remove("night")
    said["filters"] = {**said.get("filters", {}), "large": "amount >= 123456"}
    done = weir("catalogue", "diff", written(tmp_path, said), "--json", KAFKA_BOOTSTRAP="")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    added = {each["name"]: each["filled_after"] for each in found["added"]}
    assert added["account_count_2m"] == "2m"
    assert added["email_count_1m"] == "1m"
    assert [each["name"] for each in found["removed"]] == ["night"]
    assert found["changed"] == []
    assert found["filters"]["takes_a_bit"] == ["large"]
    entities = {each["name"]: each for each in found["entities"]}
    assert entities["email"]["bytes_max"][0] is None
    assert entities["email"]["bytes_max"][1] > 256 * 16
    before, after = entities["account"]["windows"]
    assert after == before + 1


def test_no_change_is_exit_code_0(said: dict[str, Any], tmp_path: Path) -> None:
    done = weir("catalogue", "diff", written(tmp_path, said), KAFKA_BOOTSTRAP="")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)


def test_a_longer_reach_defines_anew_what_looks_back_as_far_as_things_are_kept(said: dict[str, Any], tmp_path: Path) -> None:
    said["entities"]["ip"]["velocity"]["windows"].append("40d")
    done = weir("catalogue", "diff", written(tmp_path, said), KAFKA_BOOTSTRAP="")
    assert done.returncode == 1
    assert "~ ip_seconds_since_previous " in done.stdout
    assert "filled 47d after the row that declares it" in done.stdout
    assert "events_keep 44d -> 47d" in done.stdout


def test_what_a_model_or_a_policy_would_lack_is_said(said: dict[str, Any]) -> None:
    manifest, _ = read_manifest(ROOT / "models" / "packages" / "demo")
    needed = [(each.name, each.hash) for each in manifest.features]
    assert unserved(needed, ("amount",), read_catalogue(catalogue_text(), place="shipped")) == []
    said["grace"] = "6d"
    other = read_catalogue(yaml.safe_dump(said, sort_keys=False), place="other")
    lacks = unserved(needed, ("amount", "nothing_24h"), other)
    assert "the policy shows nothing_24h" in lacks
    assert any(each.startswith("the model was trained on another ") for each in lacks)


def test_the_catalogue_is_shown_as_one_that_reads_as_itself() -> None:
    done = weir("catalogue", "show", KAFKA_BOOTSTRAP="")
    shipped = read_catalogue(catalogue_text(), place="shipped")
    assert read_catalogue(done.stdout, place="shown").sha256 == shipped.sha256
