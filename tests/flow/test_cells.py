"""A log of three cells behind one running engine: each record is counted in the cell of its market, and in no other."""

import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from app.commands.topics import create
from app.running import POLICY_FILE
from app.settings import Settings
from broker.connection import Connection
from broker.once import read_all
from broker.topics import Topics
from schemas.cells import made
from schemas.control import CATALOGUE, CELLS, MODEL, POLICY, decode_control
from schemas.decision import Decision
from schemas.errors import CellsDiffer
from schemas.reasons import Reason
from schemas.row import Kind, Rows, unpack
from tests.flow.commands import weir
from tests.flow.engine import Engine, prepare, running, settings_of
from tests.flow.records import BAD, Customer, label_of
from tests.flow.starts import assert_refused, end_of_start

MAP = {"DE": 1, "FR": 2}
MARKETS = ("DE", "FR", "GB")
OF_MARKETS = made(field="market", partitions=3, by=MAP, mapping=None)
FRAUDS = "card_count_fraud_7d"


@pytest.fixture(scope="module")
def cells(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Its policy shows what labels are counted in."""
    folder = tmp_path_factory.mktemp("cells")
    settings, policy = settings_of(kafka, f"t{secrets.token_hex(4)}", folder), folder / "policy.yaml"
    policy.write_text(POLICY_FILE.read_text() + f"  - {FRAUDS}\n")
    create(settings, Connection(kafka), OF_MARKETS)
    with running(settings, folder, policy=policy) as engine:
        yield engine


def rows_of(cells: Engine, *, partition: int) -> Iterator[tuple[int, Rows]]:
    """The blocks of one partition of the transactions, by cell."""
    for place, record in read_all(cells.connection, cells.settings.topic("log")):
        block = unpack(record)
        if block.origin and (block.origin.topic, block.origin.partition) == (cells.settings.transactions_topic, partition):
            yield place.number, block.rows


def count(decision: Decision, name: str = "card_count_24h") -> float | None:
    assert isinstance(decision.features, dict)
    return decision.features[name]


def test_a_customer_is_another_one_in_each_cell(cells: Engine) -> None:
    customer = Customer()
    markets = [*MARKETS, None, "DE", "FR", "DE", ..., "XX"]
    decisions = cells.decided(cells.send([customer.record(market=market) for market in markets]))
    assert [count(each) for each in decisions] == [1, 1, 1, 2, 2, 2, 3, 3, 4]
    assert {each.decided_by for each in decisions} == {"model"}, "model and policy are in force in every cell"


def test_each_record_is_one_row_in_the_cell_of_its_market(cells: Engine) -> None:
    sent = [(market, Customer().record(market=market)) for market in MARKETS * 40]
    spots = cells.send([value for _, value in sent], partition=1)
    cells.decided(spots)
    wanted = {offset: MAP.get(market, 0) for (_, offset), (market, _) in zip(spots, sent, strict=True)}
    found: Counter[tuple[int, int]] = Counter()
    newest = dict.fromkeys(range(3), -1)
    for cell, rows in rows_of(cells, partition=1):
        assert (np.diff(rows["offset"]) > 0).all()
        assert rows["offset"][0] > newest[cell], "in order in each cell, as nobody died"
        newest[cell] = int(rows["offset"][-1])
        found.update((cell, int(offset)) for offset in rows["offset"])
    assert {offset: cell for cell, offset in found if offset in wanted} == wanted
    assert set(found.values()) == {1}


def test_a_label_is_counted_in_the_cell_that_it_names(cells: Engine) -> None:
    customer = Customer()
    first = customer.fields(market="FR")
    cells.decided(cells.send([msgspec.json.encode(first)]))
    sent = [label_of(first, market="FR"), label_of(first, market="DE", label_id="elsewhere"), label_of(first, market="FR", label="perhaps")]
    (*_, refused) = cells.send_labels(sent)
    cells.until(lambda: refused in cells.reading.label_letters, "the letter of the label that is refused")
    assert cells.reading.label_letters[refused][0].said.reason == Reason.UNKNOWN_LABEL.code
    cells.until(lambda: cells.metric("weir_labels_total", label="fraud") == 2, "two labels")
    decisions = cells.decided(cells.send([customer.record(market=market) for market in ("FR", "DE", "GB")]))
    assert [count(each, FRAUDS) for each in decisions] == [1, 1, 0]
    labels: Counter[int] = Counter()
    for partition, record in read_all(cells.connection, cells.settings.topic("log")):
        labels[partition.number] += int(np.count_nonzero(unpack(record).rows["kind"] == Kind.LABEL))
    assert +labels == {1: 1, 2: 1}


@pytest.mark.parametrize("name", ["NaN", "negative amount", "truncated UTF-8 in an unknown field", "no amount"])
def test_a_refused_record_is_answered_by_its_cell(cells: Engine, name: str) -> None:
    customer = Customer()
    value = BAD[name].make(customer, customer.fields())
    assert value is not None
    (spot,) = cells.send([b'{"market":"FR",' + value[1:]], partition=2)
    (decision,) = cells.decided([spot])
    assert (decision.decided_by, decision.reason) == ("refusal", BAD[name].reason.code)
    cells.until(lambda: spot in cells.reading.letters, "its dead letter")
    assert [cell for cell, rows in rows_of(cells, partition=2) if spot[1] in rows["offset"]] == [2]


def test_every_cell_begins_with_catalogue_and_cells_and_has_what_was_wished(cells: Engine) -> None:
    controls: dict[int, list[str]] = {}
    for partition, record in read_all(cells.connection, cells.settings.topic("log")):
        if (body := unpack(record).control) is not None:
            controls.setdefault(partition.number, []).append(decode_control(body).key)
    assert set(controls) == {0, 1, 2}
    assert all(each[:2] == [CATALOGUE, CELLS] for each in controls.values())
    assert all(sorted(each) == sorted([CATALOGUE, CELLS, MODEL, POLICY]) for each in controls.values())


def test_topics_of_a_log_with_cells_are_made_once_and_checked(cells: Engine) -> None:
    settings, topics = cells.settings, Topics(cells.connection)
    assert [topics.partitions(settings.topic(name)) for name in ("log", "changelog", "dead-letters")] == [3, 3, 1]
    assert create(settings, cells.connection) == []
    assert create(settings, cells.connection, OF_MARKETS) == []
    assert weir(settings, "topics", "check").code == 0
    for other in (
        made(field="market", partitions=3, by={"DE": 1}, mapping=None),
        made(field="country", partitions=3, by=MAP, mapping=None),
        made(field="card_id", partitions=3, by=None, mapping=None),
    ):
        with pytest.raises(CellsDiffer, match="-log has cells 3 by market, 2 values mapped, version 1, not "):
            create(settings, cells.connection, other)


SHOP = """\
name: shop
fields: {transaction_id: orderNo, event_time_ms: {column: at, unit: s}, amount_minor: total, card_id: token, country: land}
constants: {currency: EUR}
"""


def of_countries(kafka: str, prefix: str, folder: Path, **changed: object) -> Settings:
    """Topics that no worker has seen, told apart by country."""
    settings = settings_of(kafka, prefix, folder, **changed)
    create(settings, Connection(kafka), made(field="country", partitions=2, by={"DE": 1}, mapping=None))
    prepare(settings, wished=False)
    return settings


def test_a_start_by_another_field_is_refused(kafka: str, prefix: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP)
    settings = of_countries(kafka, prefix, tmp_path, mapping=str(file))
    assert_refused(end_of_start(settings), "told by country of a transaction, mapping shop has country in land")


def test_a_log_with_other_partitions_than_it_says_is_refused(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = of_countries(kafka, prefix, tmp_path)
    Topics(Connection(kafka)).grow(settings.topic("log"), 3)
    assert_refused(end_of_start(settings), f"topic {settings.topic('log')}: partitions must be 2, found 3$")
    said = weir(settings, "topics", "check")
    assert (said.code, "partitions must be 2, found 3" in said.err) == (2, True)


def test_a_log_without_cells_gets_none_later(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path)
    create(settings, Connection(kafka))
    for said, asked in {
        "cells by hash need a field that identifies": ("--cells", "2", "--cell", "country", "--cell-hash"),
        "partitions must be 2, found 1": ("--cells", "2", "--cell", "card_id", "--cell-hash"),
        "cells need all of": ("--cells", "2"),
    }.items():
        refused = weir(settings, "topics", "create", *asked)
        assert (refused.code, said in refused.err) == (2, True), refused.err
