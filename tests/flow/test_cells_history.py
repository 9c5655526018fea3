"""A history in a log of several cells: each row goes where its record would have gone, and an engine goes on from there, cell by cell."""

import json
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from app.commands.topics import create
from broker.connection import Connection
from broker.once import read_all
from schemas.backfill import TOPIC
from schemas.cells import made
from schemas.control import decode_control
from schemas.row import unpack
from tests.flow.commands import weir
from tests.flow.engine import running, settings_of
from tests.flow.records import Customer
from tests.flow.test_cells import count

ROWS = 600
MAPPING = """\
name: past
fields: {transaction_id: ID, event_time_ms: {column: T, unit: ms}, amount_minor: A, card_id: C, merchant_id: M}
constants: {currency: EUR}
label: {column: F, fraud: [1], delay: 1h}
"""
CELL = {"DE": 1, "FR": 2, "GB": 0}


def test_a_history_is_counted_in_its_cells(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path)
    create(settings, Connection(kafka), made(field="market", partitions=3, by={"DE": 1, "FR": 2}, mapping=None))
    now, customer = int(time.time() * 1000), Customer()
    markets = [("DE", "FR", "GB")[at % 3] for at in range(ROWS)]
    card = customer.fields()["card_id"]
    columns = {
        "ID": [f"past-{at}" for at in range(ROWS)],
        "T": [now - 20 * 3_600_000 + at * 60_000 for at in range(ROWS)],
        "A": [100 + at for at in range(ROWS)],
        "C": [card if at < 9 else f"card-{at % 50}" for at in range(ROWS)],
        "M": ["m1"] * ROWS,
        "F": [int(at % 10 == 0) for at in range(ROWS)],
        "market": markets,
    }
    file, mapping = tmp_path / "past.parquet", tmp_path / "past.yaml"
    pq.write_table(pa.table(columns), file)
    mapping.write_text(MAPPING)
    said = weir(settings, "backfill", str(file), "--mapping", str(mapping), "--json")
    assert said.code == 0, said.err
    figures = json.loads(said.out)
    assert (figures["rows"], figures["cells"], figures["strangers"], figures["refused"]) == (ROWS, 3, 0, {})
    found: dict[int, set[bytes]] = {cell: set() for cell in range(3)}
    controls: dict[int, list[str]] = {}
    labels = 0
    for place, record in read_all(Connection(kafka), settings.topic("log")):
        block = unpack(record)
        if block.control is not None:
            controls.setdefault(place.number, []).append(decode_control(block.control).version.split()[0].split("@")[0])
        elif block.origin and block.origin.topic == TOPIC:
            found[place.number].update(block.rows["transaction_id"].tolist())
            labels += block.origin.partition * len(block.rows)
    assert found == {cell: {f"past-{at}".encode() for at, market in enumerate(markets) if CELL[market] == cell} for cell in range(3)}
    assert labels == figures["labels"] > 20
    assert controls == {cell: ["default", "market", "begin", "end"] for cell in range(3)}
    again = json.loads(weir(settings, "backfill", str(file), "--mapping", str(mapping), "--json").out)
    assert (again["complete_before"], again["rows"], again["labels"]) == (True, ROWS, labels)
    with running(settings, tmp_path) as engine:
        decisions = engine.decided(engine.send([customer.record(market=market) for market in ("DE", "FR", "GB", "GB")]))
        assert [count(each) for each in decisions] == [4, 4, 4, 5], "three of each market in the history"
        assert weir(settings, "skew").code == 0
