"""A cell more: only with every worker stopped and drained, cut off and gone on with, and nothing is counted in two cells.

three cells, GB in cell 0 ── stopped ── weir cells add GB=3 ── started ──> GB is new in cell 3, everybody else goes on
"""

import json
from pathlib import Path
from typing import Any

import pytest

from app.commands.topics import create
from app.running import RunningWorker
from app.settings import Settings
from broker.connection import Connection
from broker.once import read_all, send_all
from broker.topics import Topics
from engine.control import announcement
from schemas.cells import cells_row, grown, made
from schemas.row import unpack
from tests.flow.commands import weir
from tests.flow.engine import Engine, prepare, settings_of
from tests.flow.records import Customer
from tests.flow.test_cells import OF_MARKETS, count


def shown(settings: Settings) -> dict[str, Any]:
    said = weir(settings, "cells", "show", "--rows", "--json")
    assert said.code == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


def assert_once(engine: Engine) -> None:
    """Every place of a source in one cell."""
    cells: dict[tuple[str, int, int], set[int]] = {}
    for place, record in read_all(engine.connection, engine.settings.topic("log")):
        block = unpack(record)
        if block.origin:
            for each in block.rows["offset"].tolist():
                cells.setdefault((block.origin.topic, block.origin.partition, each), set()).add(place.number)
    assert all(len(each) == 1 for each in cells.values()), "one record in two cells"


def test_a_value_gets_a_cell_of_its_own(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path, worker="m1")
    create(settings, Connection(kafka), OF_MARKETS)
    connection = prepare(settings)
    worker = RunningWorker(settings, log=tmp_path / "worker.log")
    worker.start()
    try:
        worker.wait_ready()
        engine = Engine(settings, connection, worker)
        customer = Customer()
        markets = ("DE", "GB", "FR", "GB", "XX")
        assert [count(each) for each in engine.decided(engine.send([customer.record(market=each) for each in markets]))] == [1, 1, 1, 2, 3]
        said = weir(settings, "cells", "add", "GB=3")
        assert (said.code, "1 of group" in said.err and "m1; stop every worker first" in said.err) == (2, True), said.err
        found = shown(settings)
        assert (found["field"], found["by"], found["version"], found["agreed"]) == ("market", "map", 1, True)
        assert [each["owner"] for each in found["cells"]] == ["m1"] * 3
        assert [(each["values"], each["rows"]) for each in found["cells"]] == [([], 3), (["DE"], 1), (["FR"], 1)]
        assert {each["in_force"]["cells"] for each in found["cells"]} == {"market@1"}
        text = weir(settings, "cells", "show").out.decode()
        assert "cell 1 DE: " in text
        assert "owner m1; in force default@" in text

        assert worker.stop() == 0
        refused = ("DE=2", "stays"), ("GB=5", "no cell 5: the next one is 3"), ("DE=1", "nothing is to be added"), ("GB", "VALUE=CELL")
        for asked, refusal in refused:
            said = weir(settings, "cells", "add", asked)
            assert (said.code, refusal in said.err) == (2, True), said.err
        said = weir(settings, "cells", "add", "GB=3")
        assert (said.code, b"GB: what was counted stays in cell 0" in said.out) == (0, True), said.err
        topics = Topics(connection)
        assert [topics.partitions(settings.topic(name)) for name in ("log", "changelog")] == [4, 4]
        assert weir(settings, "topics", "check").code == 0
        assert weir(settings, "topics", "create").code == 0
        assert not shown(settings)["agreed"], "no worker has put it in force yet"
        said = weir(settings, "cells", "add", "GB=3")
        assert (said.code, "nothing is to be added" in said.err) == (2, True), said.err

        worker.start()
        worker.wait_ready()
        decisions = engine.decided(engine.send([customer.record(market=each) for each in (*markets, "GB")]))
        assert [count(each) for each in decisions] == [2, 1, 2, 2, 4, 3], "GB begins without history, all others go on"
        assert {each.decided_by for each in decisions} == {"model"}
        assert_once(engine)
        assert {each["in_force"]["cells"] for each in shown(settings)["cells"]} == {"market@2"}
        assert weir(settings, "skew").code == 0
        engine.close()
        assert worker.stop() == 0
    finally:
        worker.kill()


def test_what_was_killed_is_not_drained_and_what_was_cut_off_is_gone_on_with(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path, commit_ms=600_000)  # so that a kill leaves records in the log that are not committed
    create(settings, Connection(kafka), OF_MARKETS)
    connection = prepare(settings)
    worker = RunningWorker(settings, log=tmp_path / "worker.log")
    worker.start()
    try:
        worker.wait_ready()
        engine = Engine(settings, connection, worker)
        customer = Customer()
        engine.decided(engine.send([customer.record(market="GB")]))
        worker.kill()
        said = weir(settings, "cells", "add", "GB=3")
        assert (said.code, "the log holds its record 0, the group stands at no offset" in said.err) == (2, True), said.err
        assert Topics(connection).partitions(settings.topic("log")) == 3
        worker.start()
        worker.wait_ready()
        assert worker.stop() == 0
        wanted = grown(OF_MARKETS, {"GB": 3})
        topic = settings.topic("control")
        send_all(connection, [announcement(cells_row(wanted), topic)])  # and the command dies
        worker.start()
        assert worker.wait(60) == 2
        assert "log: partitions must be 4, found 3" in worker.last_words()
        said = weir(settings, "cells", "add", "IT=3")
        assert (said.code, "version 2 was begun and does not stand in every cell" in said.err) == (2, True), said.err
        Topics(connection).grow(settings.topic("changelog"), 4)  # and dies again
        assert weir(settings, "cells", "add").code == 0
        worker.start()
        worker.wait_ready()
        decisions = engine.decided(engine.send([customer.record(market=each) for each in ("GB", "XX")]))
        assert [count(each) for each in decisions] == [1, 2]
        assert_once(engine)
        engine.close()
        assert worker.stop() == 0
    finally:
        worker.kill()


def test_an_intake_ends_where_cells_are_told_apart_otherwise_while_it_runs(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path)
    create(settings, Connection(kafka), OF_MARKETS)
    connection = prepare(settings)
    worker = RunningWorker(settings, log=tmp_path / "worker.log")
    worker.start()
    try:
        worker.wait_ready()
        engine = Engine(settings, connection, worker)
        engine.decided(engine.send([Customer().record(market="GB")]))
        send_all(connection, [announcement(cells_row(grown(OF_MARKETS, {"GB": 1})), settings.topic("control"))])
        engine.send([Customer().record(market="GB") for _ in range(3)])
        assert worker.wait(30) == 2
        assert "told apart by market@2 now, this intake works by market@1: stop every worker while cells are added" in worker.last_words()
        engine.close()
    finally:
        worker.kill()


@pytest.mark.parametrize("how", ["hash", "none"])
def test_what_cannot_grow_is_refused(kafka: str, prefix: str, tmp_path: Path, how: str) -> None:
    settings = settings_of(kafka, prefix, tmp_path)
    cells = made(field="card_id", partitions=2, by=None, mapping=None) if how == "hash" else None
    create(settings, Connection(kafka), cells)
    said = weir(settings, "cells", "add", "--cells", "3")
    assert (said.code, ("told by the hash of card_id" if cells else "was made without cells") in said.err) == (2, True), said.err
    assert weir(settings, "cells", "show").code == 0
