"""What of the log is folded at once: fetches that wait together, in parts where a row must stand alone."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from schemas.records import Fetch
from schemas.row import is_control

RECORDS_MAX = 2000


def together(waiting: Iterable[Fetch]) -> list[Fetch]:
    """Those that are folded at once, so that a cell which is behind pays once for many small fetches: at least one, else 2,000 records."""
    found: list[Fetch] = []
    count = 0
    for fetch in waiting:
        count += len(fetch.records)
        if found and count > RECORDS_MAX:
            break
        found.append(fetch)
    return found


def parts(fetch: Fetch, *, folded: int, apart: bool) -> Iterator[Fetch]:
    """What of a fetch is not folded yet. apart: each control row by itself, so that nothing is half done where one cannot be loaded."""
    partition, after, records = fetch
    if folded > after:
        after, records = folded, [record for record in records if record.offset >= folded]
    cuts = [at for at, each in enumerate(records) if apart and each.headers and is_control(each)]
    bounds = sorted({0, *cuts, *(cut + 1 for cut in cuts), len(records)})
    for begin, end in pairwise(bounds):
        yield Fetch(partition, after, records[begin:end])
        after = records[end - 1].offset + 1
