"""Several cells: each record becomes one row in one cell, in order, by what is in force there; and none in two, however it is fetched."""

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.control import Board, announcement, echo
from engine.intake import Intake, Way
from schemas.cells import cell_reader, cells_row, made
from schemas.control import CELLS, Control
from schemas.label_writer import LabelWriter
from schemas.pseudonyms import Pseudonyms
from schemas.records import Fetch, Message, Origin, Partition, Record
from schemas.row import CONFIG_HEADER, Kind, Rows, row_dtype, unpack
from schemas.topics import BLOCK_BYTES_MAX
from tests.schemas.examples import KEY, NOW_MS, SIGNALS, record, writer
from tests.schemas.label_examples import label

SOURCE, ORIGIN = Partition("payments", 3), Origin("topic-id", 3, "payments")
DTYPE = row_dtype(SIGNALS)
MAPPED = made(field="market", partitions=3, by={"DE": 1, "FR": 2}, mapping=None)
of_market = cell_reader(MAPPED, name="market", pseudonyms=Pseudonyms(KEY))
MARKETS = ("DE", "FR", "GB", None)


def intake() -> Intake:
    """Cell 2 works by another catalogue, whose rows have no signals."""
    by, other = Way(writer(), "a-hash"), Way(writer(signals={}), "another")
    return Intake("weir-log", ways={0: by, 1: by, 2: other}, cell_of=of_market)


def fetch_of(markets: list[str | None], *, after: int = 0) -> Fetch:
    values = [record(transaction_id=f"tx-{after + at}", market=market) for at, market in enumerate(markets)]
    return Fetch(SOURCE, after, [Record(after + at, NOW_MS, None, value, []) for at, value in enumerate(values)])


def by_cell(messages: list[Message]) -> dict[int, Rows]:
    parts = defaultdict(list)
    for message in messages:
        block = unpack(Record(0, 0, None, message.value, message.headers or []), DTYPE)
        assert block.origin == ORIGIN
        parts[message.partition].append(block.rows)
    return {cell: np.concatenate(rows) for cell, rows in parts.items()}


@given(st.lists(st.sampled_from(MARKETS), min_size=1, max_size=30), st.data())
def test_every_record_is_one_row_of_one_cell_in_order_however_it_is_fetched(markets: list[str | None], data: st.DataObject) -> None:
    whole = by_cell(intake().rows(fetch_of(markets), ORIGIN))
    expected = {"DE": 1, "FR": 2}
    for cell in range(3):
        offsets = [at for at, market in enumerate(markets) if expected.get(market or "", 0) == cell]
        assert (whole[cell]["offset"].tolist() if cell in whole else []) == offsets
    cut = data.draw(st.integers(0, len(markets)))
    parts = [fetch_of(markets[:cut]), fetch_of(markets[cut:], after=cut)]
    messages = [message for fetch in parts if fetch.records for message in intake().rows(fetch, ORIGIN)]
    assert {cell: rows.tobytes() for cell, rows in by_cell(messages).items()} == {cell: rows.tobytes() for cell, rows in whole.items()}


def test_a_cell_works_by_its_own_catalogue() -> None:
    messages = intake().rows(fetch_of(["DE", "FR", "GB"]), ORIGIN)
    assert [(message.topic, message.partition) for message in messages] == [("weir-log", cell) for cell in (0, 1, 2)]
    assert [dict(message.headers or [])[CONFIG_HEADER] for message in messages] == [b"a-hash", b"a-hash", b"another"]
    rows = by_cell(messages)
    assert [rows[cell]["signal_browser"].tolist() for cell in range(3)] == [[b"Firefox"], [b"Firefox"], [b""]]


def test_a_block_of_each_cell_keeps_within_the_limit() -> None:
    messages = intake().rows(fetch_of([*MARKETS] * 2000), ORIGIN)
    assert max(len(message.value or b"") for message in messages) <= BLOCK_BYTES_MAX
    rows = by_cell(messages)
    assert [len(rows[cell]) for cell in range(3)] == [4000, 2000, 2000]
    assert all((np.diff(each["offset"]) > 0).all() for each in rows.values())


def test_labels_carry_the_field_beside_their_contract_and_what_is_refused_keeps_its_cell() -> None:
    labels = Intake("weir-log", ways=dict.fromkeys(range(3), Way(LabelWriter(writer()), "a-hash")), cell_of=of_market)
    values = [label(market="FR"), label(), label(market="DE", label="perhaps")]
    rows = by_cell(labels.rows(Fetch(SOURCE, 0, [Record(at, NOW_MS, None, value, []) for at, value in enumerate(values)]), ORIGIN))
    assert {cell: each["kind"].tolist() for cell, each in rows.items()} == {0: [Kind.LABEL], 1: [Kind.REFUSED], 2: [Kind.LABEL]}


TOPIC = "weir-control"


def told(*messages: Message) -> Board:
    board = Board()
    for offset, message in enumerate(messages):
        board.hear(message.key, message.value, place=("id", offset))
    return board


def test_cells_agree_where_each_echoes_the_newest() -> None:
    first = cells_row(MAPPED)
    second = cells_row(made(field="market", partitions=3, by={"DE": 1, "FR": 2, "GB": 1}, mapping=None))
    second = Control(CELLS, "market@2", second.sha256, second.body, wish_offset=0)
    echoes = [echo(first, TOPIC, cell) for cell in range(3)]
    assert told().agreed_cells(1) is None
    assert told(*echoes[:2]).agreed_cells(3) is None, "one has not said anything"
    assert told(*echoes).agreed_cells(3) == first == told(*echoes).cells
    one_further = told(*echoes, echo(second, TOPIC, 1))
    assert (one_further.cells, one_further.agreed_cells(3)) == (second, None)
    announced = told(*echoes, announcement(second, TOPIC))
    assert (announced.cells, announced.agreed_cells(3)) == (second, None), "before a row of it stands anywhere"
    through = told(*echoes, announcement(second, TOPIC), *(echo(second, TOPIC, cell) for cell in range(3)))
    assert through.agreed_cells(3) == second
    assert told(*echoes, announcement(second, TOPIC), announcement(None, TOPIC)).agreed_cells(3) == first, "called off"


def test_nobody_can_wish_other_cells() -> None:
    control = cells_row(MAPPED)
    board = told(
        Message(TOPIC, b"wish/cells", echo(control, TOPIC, 0).value), Message(TOPIC, b"announced/model", echo(control, TOPIC, 0).value)
    )
    assert (board.wishes, board.cells) == ({}, None)
