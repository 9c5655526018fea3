"""Whether *committed* ever passed what was not safe yet: for each sample, all that stands below it has come to stand where it must by then.

sample    1. the group's offset of a partition     2. afterwards: where the topics of the answers end
law       every record below 1 is answered below 2
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import NamedTuple

Partition = tuple[str, int]


class Sample(NamedTuple):
    """What was asked one after the other."""

    at: float
    """Seconds since 1970."""
    committed: Mapping[Partition, int]
    ends: Mapping[Partition, int]


class Followed:
    """Records of one partition in order of offset, and where what follows from each first came to stand."""

    def __init__(self, records: Iterable[tuple[int, Partition, int]]) -> None:
        """records: offset, and the partition and offset of what follows; a record may have several, or none."""
        by: dict[Partition, list[tuple[int, int]]] = defaultdict(list)
        for offset, partition, place in records:
            by[partition].append((offset, place))
        self._by = {}
        for partition, pairs in by.items():
            pairs.sort()
            self._by[partition] = [offset for offset, _ in pairs], list(accumulate((place for _, place in pairs), max))

    def early(self, committed: int, ends: Mapping[Partition, int]) -> bool:
        """Whether something below is not there yet. A partition whose end was not asked tells nothing."""
        for partition, (offsets, highest) in self._by.items():
            below = bisect_left(offsets, committed)
            if below and partition in ends and highest[below - 1] >= ends[partition]:
                return True
        return False


def judge(samples: Iterable[Sample], followed: Mapping[Partition, Followed]) -> list[str]:
    """A sentence for each sample that breaks the law, and for each step back."""
    complaints = []
    highest: dict[Partition, int] = {}
    for sample in samples:
        for partition, offset in sample.committed.items():
            if offset < highest.get(partition, offset):
                complaints.append(f"{partition[0]}[{partition[1]}] committed {offset} after {highest[partition]}")
            highest[partition] = max(offset, highest.get(partition, offset))
            if partition in followed and followed[partition].early(offset, sample.ends):
                complaints.append(f"{partition[0]}[{partition[1]}] committed {offset} before all below it was answered")
    return complaints
