"""A window and an entity are declared while the engine runs: decisions go on; new features are unknown until they have filled, then right.

catalogue, policy wished ─> in force ─> null ─> filled ─> killed, its disk gone ─> the same      and `weir skew` computes all of it again
"""

import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from app.running import POLICY_FILE
from broker.once import read_all, send_all
from broker.topics import Topics
from features.catalogue import catalogue_text
from schemas.decision import Decision
from schemas.errors import BadCatalogue, LogTooShort
from schemas.records import Message
from schemas.topics import DECISIONS, LOG, Topic
from tests.flow.commands import weir
from tests.flow.engine import Engine, delete_records, running, settings_of
from tests.flow.records import Customer
from tests.flow.test_control import put, until_listed

NEW = ("account_count_2m", "email_count_1m")
MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def engine(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The tests of this file go on from each other."""
    folder = tmp_path_factory.mktemp("changing")
    with running(settings_of(kafka, f"t{secrets.token_hex(4)}", folder), folder, partitions=1) as engine:
        yield engine


def catalogue(**changed: object) -> str:
    """The one that ships, and a window and an entity more."""
    said: dict[str, Any] = yaml.safe_load(catalogue_text())
    said["entities"]["account"]["velocity"]["windows"] = [*said["entities"]["account"]["velocity"]["windows"], "2m"]
    said["entities"]["email"] = {"id": "email", "velocity": {"measures": ["count"], "windows": ["1m"]}}
    return yaml.safe_dump({**said, **changed}, sort_keys=False)


def policy(*shows: str) -> str:
    said: dict[str, Any] = yaml.safe_load(POLICY_FILE.read_text())
    return yaml.safe_dump({**said, "shows": list(shows)})


def written(folder: Path, text: str) -> Path:
    file = folder / "made.yaml"
    file.write_text(text)
    return file


def decided(engine: Engine, customer: Customer, time_ms: int) -> Decision:
    (decision,) = engine.decided(engine.send([customer.record(event_time_ms=time_ms)]))
    return decision


def shown(decision: Decision) -> list[float | None]:
    assert decision.features is not msgspec.UNSET
    return [decision.features[name] for name in NEW]


def test_a_new_feature_is_unknown_until_it_has_filled_and_then_right(engine: Engine, tmp_path: Path) -> None:
    customer, fields = Customer(), Customer().fields()
    began_ms = fields["event_time_ms"] - 10 * MINUTE_MS
    before = [decided(engine, customer, began_ms + at) for at in range(3)]
    put(engine, "catalogue", written(tmp_path, catalogue()))
    held = until_listed(engine, "catalogue", "in force", version=until_listed(engine, "catalogue", "wished")["version"])
    put(engine, "policy", written(tmp_path, policy("account_count_1h", *NEW)))
    until_listed(engine, "policy", "in force", version=until_listed(engine, "policy", "wished")["version"])
    since_ms = began_ms + 2
    times = [since_ms, since_ms + MINUTE_MS - 1, since_ms + MINUTE_MS, since_ms + 2 * MINUTE_MS - 1, since_ms + 2 * MINUTE_MS]
    after = [decided(engine, customer, time_ms) for time_ms in times]
    assert {decision.decided_by for decision in (*before, *after)} == {"model"}, "no model is disturbed"
    assert {decision.versions.model for decision in after} == {before[0].versions.model}
    assert {decision.versions.catalogue for decision in after} == {held["version"]} != {before[0].versions.catalogue}
    assert [shown(decision) for decision in after] == [[None, None], [None, None], [None, 2], [None, 2], [4, 2]]
    known = [each.features["account_count_1h"] for each in after if each.features is not msgspec.UNSET]
    assert known == [4, 5, 6, 7, 8], "what stays goes on"


def test_a_disk_that_is_gone_is_made_again_and_says_the_same(engine: Engine) -> None:
    customer, now_ms = Customer(), Customer().fields()["event_time_ms"]
    first = decided(engine, customer, now_ms)
    engine.worker.kill()
    shutil.rmtree(engine.settings.data_folder)
    engine.worker.start()
    engine.worker.wait_ready()
    assert shown(decided(engine, customer, now_ms + 1)) == [2, 2]
    assert shown(first) == [1, 1]
    engine.drained()
    assert all(len({answer.value for answer in each}) == 1 for each in engine.reading.decisions.values())


def test_what_a_log_cannot_change_is_not_even_wished(engine: Engine, tmp_path: Path) -> None:
    rates = {"USD": "1", "EUR": "1.1"}
    said = weir(engine.settings, "control", "put", "catalogue", str(written(tmp_path, catalogue(base_currency="USD", rates=rates))))
    assert said.code == BadCatalogue.exit_code
    assert "has base currency USD, EUR is in force" in said.err


def test_a_catalogue_that_a_model_or_policy_cannot_do_without_is_refused(engine: Engine, tmp_path: Path) -> None:
    less: dict[str, Any] = yaml.safe_load(catalogue())
    del less["entities"]["email"]
    put(engine, "catalogue", written(tmp_path, yaml.safe_dump(less, sort_keys=False)))
    assert "shows email_count_1m, which catalogue" in until_listed(engine, "catalogue", "refused")["reason"]
    grace = catalogue(grace="6d")
    put(engine, "catalogue", written(tmp_path, grace))
    wished = until_listed(engine, "catalogue", "wished")["version"]
    assert "was trained as" in until_listed(engine, "catalogue", "refused", version=wished)["reason"]
    assert shown(decided(engine, Customer(), Customer().fields()["event_time_ms"])) == [1, 1]
    assert engine.worker.ready()


def skew(engine: Engine, *arguments: str) -> tuple[int, dict[str, Any]]:
    said = weir(engine.settings, "skew", "--json", *arguments)
    return said.code, json.loads(said.out) if said.out else {"error": said.err}


def test_all_that_decisions_show_is_computed_again_with_the_same_bits(engine: Engine) -> None:
    code, figures = skew(engine)
    assert (code, figures["values_differing"], figures["not_in_the_log"]) == (0, 0, 0), figures
    assert figures["decisions_read"] >= figures["decisions_compared"] >= 11, "a kill may send some again"
    assert figures["values_compared"] > 3 * figures["decisions_compared"]
    code, sampled = skew(engine, "--sample", "3")
    assert (code, sampled["decisions_compared"]) == (0, 3)
    assert b": 0 differ" in weir(engine.settings, "skew").out


def test_a_decision_that_was_altered_is_found(engine: Engine) -> None:
    altered = Topic(f"altered-{secrets.token_hex(3)}")
    name = altered.under(engine.settings.prefix)
    Topics(engine.connection).create([altered], prefix=engine.settings.prefix)
    values = [json.loads(record.value or b"") for _, record in read_all(engine.connection, DECISIONS.under(engine.settings.prefix))]
    victim = next(value for value in values if value.get("features", {}).get("account_count_1h") == 5)
    victim["features"]["account_count_1h"] = 5.000001
    values.append({**victim, "decision_id": "0" * 32})
    send_all(engine.connection, [Message(name, None, json.dumps(value).encode()) for value in values])
    code, figures = skew(engine, "--decisions", name)
    assert (code, figures["values_differing"], figures["not_in_the_log"]) == (1, 1, 1)
    assert figures["differences"] == [
        {"decision_id": victim["decision_id"], "value": "account_count_1h", "said": 5.000001, "computed": 5.0}
    ]


def test_a_log_that_has_lost_its_begin_cannot_be_compared(engine: Engine) -> None:
    delete_records(engine.connection, LOG.under(engine.settings.prefix), 0, before=2)
    code, said = skew(engine)
    assert code == LogTooShort.exit_code
    assert "begins at offset 2: what stood before is gone" in said["error"]
