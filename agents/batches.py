"""What of the log is folded at once: what waits together, as far as the event loop may stand for it; parts where a row must stand alone."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from schemas.records import Fetch, Partition, Record
from schemas.row import is_control

RECORDS_MAX = 2000
BYTES_MAX = 1 << 19
"""A thousand rows, some 30 ms. One who is behind has up to 32 MiB waiting: folded in one go they stood the event loop still for seconds."""


def together(partition: Partition, waiting: Iterable[Fetch], *, folded: int, records_max: int = RECORDS_MAX) -> Fetch | None:
    """What is folded at once, from `folded` on: at least one record, else `records_max` of them or 512 KiB. None: all was folded before.

    So a cell that is behind pays once for many small fetches, and a large one is folded in pieces.
    """
    records, size = list[Record](), 0
    for fetch in waiting:
        for record in fetch.records:
            if record.offset < folded:
                continue
            size += len(record.value or b"")
            if records and (size > BYTES_MAX or len(records) == records_max):
                return Fetch(partition, folded, records)
            records.append(record)
    return Fetch(partition, folded, records) if records else None


def parts(fetch: Fetch, *, apart: bool) -> Iterator[Fetch]:
    """The whole of it. apart: each control row by itself, so that nothing is half done where one cannot be loaded."""
    partition, after, records = fetch
    cuts = [at for at, each in enumerate(records) if apart and each.headers and is_control(each)]
    bounds = sorted({0, *cuts, *(cut + 1 for cut in cuts), len(records)})
    for begin, end in pairwise(bounds):
        yield Fetch(partition, after, records[begin:end])
        after = records[end - 1].offset + 1
