"""Blocks come back as they were packed, within the size of a message, whatever columns come and go."""

from io import BytesIO

import numpy as np
import pytest

from schemas.records import Fetch, Message, Origin, Partition, Record
from schemas.row import CONTROL_HEADER, ROW, Block, Rows, pack, row_dtype, runs, unpack

ORIGIN = Origin("topic-id", 3, "a:topic")
LOG = Partition("weir-log", 0)


def rows_with(offsets: range, dtype: np.dtype[np.void] = ROW) -> Rows:
    rows = np.zeros(len(offsets), dtype)
    rows["offset"] = offsets
    rows["transaction_id"] = [b"tx-%d" % offset for offset in offsets]
    rows["card_id"] = [(offset, offset + 1) for offset in offsets]
    return rows


def packed(rows: Rows, *, bytes_max: int = 900_000) -> list[Message]:
    return pack(rows, topic="weir-log", partition=0, origin=ORIGIN, config="c", bytes_max=bytes_max)


def stored(at: int, message: Message) -> Record:
    return Record(at, 0, None, message.value, message.headers or [])


def control(at: int) -> Record:
    return Record(at, 0, None, b"{}", [(CONTROL_HEADER, b"catalogue")])


@pytest.mark.parametrize("count", [1, 2, 9, 10, 99, 100, 1000])
def test_a_block_comes_back_with_its_origin(count: int) -> None:
    rows = rows_with(range(count))
    (message,) = packed(rows)
    block = unpack(stored(7, message))
    assert (block.offset, block.origin, block.control) == (7, ORIGIN, None)
    assert block.rows.tobytes() == rows.tobytes()


def test_a_block_is_a_file_that_numpy_reads() -> None:
    rows = rows_with(range(5))
    (message,) = packed(rows)
    np.testing.assert_array_equal(np.load(BytesIO(message.value or b""), allow_pickle=False), rows)


def test_a_file_that_numpy_wrote_is_a_block() -> None:
    rows, out = rows_with(range(5)), BytesIO()
    np.save(out, rows)
    (message,) = packed(rows)
    assert unpack(Record(0, 0, None, out.getvalue(), message.headers or [])).rows.tobytes() == rows.tobytes()


def test_messages_stay_below_the_size_and_keep_the_order() -> None:
    rows = rows_with(range(1000))
    messages = packed(rows, bytes_max=20_000)
    assert max(len(message.value or b"") for message in messages) <= 20_000
    blocks = [unpack(stored(at, message)) for at, message in enumerate(messages)]
    assert len(blocks) > 1
    assert np.concatenate([block.rows for block in blocks]).tobytes() == rows.tobytes()


def test_columns_are_read_by_name_whatever_else_the_block_has() -> None:
    wider = row_dtype({"age": "number", "browser": "text"})
    rows = rows_with(range(3), wider)
    rows["signal_age"], rows["signal_browser"] = 5.0, b"x"
    (message,) = packed(rows)
    narrow = unpack(stored(0, message)).rows
    assert narrow.dtype == ROW
    assert narrow["transaction_id"].tolist() == [b"tx-0", b"tx-1", b"tx-2"]
    (message,) = packed(rows_with(range(3)))
    wide = unpack(stored(0, message), wider).rows
    assert wide["offset"].tolist() == [0, 1, 2]
    assert np.isnan(wide["signal_age"]).all(), "what was not declared yet is unknown, not 0"
    assert wide["signal_browser"].tolist() == [b"", b"", b""]


@pytest.mark.parametrize("value", [None, b"", b"{}", b"\x93NUMPY\x02\x00" + bytes(90), b"\x93NUMPY\x01\x00" + bytes(90)])
def test_what_is_no_block_is_an_error_that_names_the_offset_or_the_header(value: bytes | None) -> None:
    with pytest.raises(ValueError, match=r"offset 9|subsection"):
        unpack(Record(9, 0, None, value, [("weir-origin", b"i:0:t")]))


def test_a_control_row_stands_alone() -> None:
    block = unpack(control(4))
    assert (block.offset, block.control, len(block.rows)) == (4, b"{}", 0)


def shape(batches: list[list[Block]]) -> list[list[int]]:
    return [[block.offset for block in batch] for batch in batches]


def test_batches_end_at_control_rows_at_cuts_and_at_their_size() -> None:
    blocks = {at: stored(at, packed(rows_with(range(10 * at, 10 * at + 10)))[0]) for at in range(10)}
    fetch = Fetch(LOG, 0, [control(at) if at == 4 else blocks[at] for at in range(10)])
    assert shape(list(runs(fetch, cut_at=()))) == [[0, 1, 2, 3], [4], [5, 6, 7, 8, 9]]
    assert shape(list(runs(fetch, cut_at=(2, 7)))) == [[0, 1], [2, 3], [4], [5, 6], [7, 8, 9]]
    assert shape(list(runs(fetch, cut_at=(), rows_max=25))) == [[0, 1], [2, 3], [4], [5, 6], [7, 8], [9]]
    assert shape(list(runs(fetch, cut_at=(), rows_max=5))) == [[at] for at in range(10)]
