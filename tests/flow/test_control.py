"""What is wished while a worker runs: it takes effect from a place in the log on, or is refused, and the worker stays up.

nothing wished ─> policy ─> model ─> decided by the model ─> another policy, another model ─> what does not fit is refused
"""

import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from app.running import PACKAGE, POLICY_FILE
from broker.once import send_all
from models.package import MANIFEST, Manifest, encode_manifest, read_manifest, sha256_of
from schemas.control import MODEL, WISH, Control, encode_control
from schemas.decision import Decision
from schemas.errors import PackageMismatch
from schemas.records import Message
from tests.flow.commands import weir
from tests.flow.engine import Engine, running, settings_of
from tests.flow.records import Customer
from tests.models.test_scorer import spoilt

OTHER_POLICY = "name: nobody\nthresholds: {decline: 0.0}\nfallback: approve\nshows: [amount]\n"


@pytest.fixture(scope="module")
def bare(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A worker that runs before anything was wished. The tests of this file go on from each other."""
    folder = tmp_path_factory.mktemp("bare")
    with running(settings_of(kafka, f"t{secrets.token_hex(4)}", folder), folder, partitions=1, wished=False) as engine:
        yield engine


def listed(engine: Engine) -> dict[tuple[str, str], dict[str, Any]]:
    """(key, state) -> the line of `weir control list --json`."""
    said = weir(engine.settings, "control", "list", "--json")
    assert (said.code, said.err) == (0, "")
    return {(line["key"], line["state"]): line for line in json.loads(said.out)}


def until_listed(engine: Engine, key: str, state: str, **fields: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def holds() -> bool:
        found.clear()
        found.update(listed(engine).get((key, state), {}))
        return bool(found) and all(found[name] == value for name, value in fields.items())

    engine.until(holds, f"{key} {state} {fields} in `weir control list`")
    return found


def put(engine: Engine, key: str, path: Path) -> None:
    said = weir(engine.settings, "control", "put", key, str(path))
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(key.encode())


def decided(engine: Engine) -> Decision:
    """The decision about a new customer."""
    (decision,) = engine.decided(engine.send([Customer().record()]))
    return decision


def remade(folder: Path, change: Callable[[Manifest], Manifest]) -> Path:
    """The package that ships with another manifest."""
    shutil.copytree(PACKAGE, folder)
    (folder / MANIFEST).write_bytes(encode_manifest(change(read_manifest(folder)[0])))
    return folder


def test_until_a_model_and_a_policy_stand_the_answer_is_the_fallback(bare: Engine) -> None:
    assert set(listed(bare)) == {("catalogue", "in force")}
    for wish in ((), ("policy", POLICY_FILE)):
        if wish:
            put(bare, *wish)
            until_listed(bare, "policy", "in force")
        decision = decided(bare)
        assert (decision.action, decision.decided_by, decision.reason) == ("review", "fallback", "no_model")
        assert decision.versions.model is None
        assert (decision.versions.policy is None) == (not wish)
    put(bare, "model", PACKAGE)
    held = until_listed(bare, "model", "in force")
    decision = decided(bare)
    assert (decision.decided_by, decision.reason) == ("model", "score")
    assert decision.versions.model == held["version"]
    assert bare.worker.ready()


def test_another_policy_and_another_model_decide_from_where_they_stand_on(bare: Engine, tmp_path: Path) -> None:
    before = decided(bare)
    policy = tmp_path / "other.yaml"
    policy.write_text(OTHER_POLICY)
    put(bare, "policy", policy)
    until_listed(bare, "policy", "in force", version=listed(bare)["policy", "wished"]["version"])
    by_policy = decided(bare)
    assert by_policy.action == "decline"
    assert by_policy.versions == msgspec.structs.replace(before.versions, policy=by_policy.versions.policy)
    assert (by_policy.versions.policy or "").startswith("nobody@")
    assert by_policy.features is not msgspec.UNSET
    assert set(by_policy.features) == {"amount"}

    put(bare, "model", remade(tmp_path / "second", lambda manifest: msgspec.structs.replace(manifest, version="second", score="risk")))
    until_listed(bare, "model", "in force", version=listed(bare)["model", "wished"]["version"])
    by_model = decided(bare)
    assert "-second@" in (by_model.versions.model or "")
    assert set(by_model.scores) == {"risk"}

    def shown(version: str | None) -> float:
        return bare.metric("weir_in_force", key="model", partition="0", version=version or "")

    bare.until(lambda: shown(by_model.versions.model) == 1, "the metric of what is in force")
    assert shown(before.versions.model) == 0, "what is not in force any more is still shown"


def missing(_: Path) -> str:
    return "0" * 64


def corrupt(artefacts: Path) -> str:
    folder = remade(artefacts / "arriving", lambda manifest: msgspec.structs.replace(manifest, version="corrupt"))
    model = bytearray((folder / "model.onnx").read_bytes())
    model[len(model) // 2] ^= 1
    (folder / "model.onnx").write_bytes(model)
    return arrived(folder)


def of_other_features(artefacts: Path) -> str:
    def change(manifest: Manifest) -> Manifest:
        first, *others = manifest.features
        return msgspec.structs.replace(manifest, features=(msgspec.structs.replace(first, name="card_count_99h"), *others))

    return arrived(remade(artefacts / "arriving", change))


def of_another_definition(artefacts: Path) -> str:
    def change(manifest: Manifest) -> Manifest:
        first, *others = manifest.features
        return msgspec.structs.replace(manifest, features=(msgspec.structs.replace(first, hash="0" * len(first.hash)), *others))

    return arrived(remade(artefacts / "arriving", change))


def returning_nan(artefacts: Path) -> str:
    folder = artefacts / "arriving"
    shutil.copytree(PACKAGE, folder)
    spoilt(PACKAGE / "model.onnx", folder / "model.onnx", leaves=slice(None), value=np.nan)
    manifest, _ = read_manifest(folder)
    files = {**manifest.files, "model.onnx": sha256_of(folder / "model.onnx")}
    (folder / MANIFEST).write_bytes(encode_manifest(msgspec.structs.replace(manifest, files=files)))
    return arrived(folder)


def arrived(folder: Path) -> str:
    """Under the name of its sha256, as a package stands among the artefacts."""
    sha256 = sha256_of(folder / MANIFEST)
    folder.rename(folder.with_name(sha256))
    return sha256


UNFIT: dict[str, tuple[Callable[[Path], str], str]] = {
    "missing": (missing, "no package 000"),
    "corrupt": (corrupt, "model.onnx is corrupt: its sha256 is "),
    "of other features": (of_other_features, "has no feature card_count_99h"),
    "of another definition": (of_another_definition, "was trained as 000"),
    "returning NaN": (returning_nan, "the model returned nan, a score is in [0, 1]"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_package_that_does_not_fit_is_refused_and_the_worker_stays_up(bare: Engine, name: str) -> None:
    make, says = UNFIT[name]
    before = listed(bare)["model", "in force"]
    sha256 = make(Path(bare.settings.artefacts))
    wish = Control(key=MODEL, version=f"by hand, {name}", sha256=sha256)
    send_all(bare.connection, [Message(bare.settings.topic("control"), f"{WISH}/{MODEL}".encode(), encode_control(wish))])
    refused = until_listed(bare, "model", "refused", version=wish.version)
    assert says in refused["reason"]
    assert refused["sha256"] == sha256
    assert says.encode() in weir(bare.settings, "control", "list").out
    decision = decided(bare)
    assert (decision.decided_by, decision.versions.model) == ("model", before["version"])
    assert listed(bare)["model", "in force"] == before
    assert bare.worker.ready(), "what was refused is not waited for"


def test_a_policy_that_shows_what_the_catalogue_lacks_is_refused(bare: Engine, tmp_path: Path) -> None:
    before = listed(bare)["policy", "in force"]
    policy = tmp_path / "unfit.yaml"
    policy.write_text(OTHER_POLICY.replace("amount", "card_count_99h"))
    put(bare, "policy", policy)
    refused = until_listed(bare, "policy", "refused")
    assert "shows card_count_99h, which catalogue " in refused["reason"]
    assert decided(bare).versions.policy == before["version"]
    put(bare, "policy", POLICY_FILE)  # a later wish is not held up by it
    until_listed(bare, "policy", "in force", version=listed(bare)["policy", "wished"]["version"])
    assert decided(bare).versions.policy != before["version"]
    assert ("policy", "refused") not in listed(bare), "a refusal that a later wish has overtaken is history"


def test_what_can_be_seen_beforehand_is_not_even_wished(bare: Engine, tmp_path: Path) -> None:
    before = listed(bare)
    package = remade(tmp_path / "package", lambda manifest: manifest)
    (package / "model.txt").unlink()
    policy = tmp_path / "policy.yaml"
    policy.write_text(OTHER_POLICY.replace("0.0", "1.5"))
    for key, path, says in (
        ("model", package, f"weir: package {package}: model.txt is missing\n"),
        ("model", tmp_path, f"weir: package {tmp_path}: manifest.json is missing (No such file or directory)\n"),
        ("policy", policy, f"weir: {policy}, line 2: decline is 1.5, a threshold is in [0, 1]\n"),
        ("policy", tmp_path / "none.yaml", f"weir: policy {tmp_path}/none.yaml cannot be read: No such file or directory\n"),
    ):
        assert weir(bare.settings, "control", "put", key, str(path)) == (PackageMismatch.exit_code, b"", says)
    assert listed(bare) == before


def test_what_is_no_wish_is_left_alone(bare: Engine) -> None:
    topic = bare.settings.topic("control")
    before = listed(bare)
    keys = (None, b"", b"\xff", b"wish/", b"wish/weather", b"in-force/x/model", b"refused/0/model/more", b"wish/model")
    send_all(bare.connection, [Message(topic, key, value) for key in keys[:-1] for value in (b"hello", None) if key])
    send_all(bare.connection, [Message(topic, keys[-1], b"\xff\xfe {}")])
    assert decided(bare).decided_by == "model"
    assert listed(bare) == before
