"""A history that is put into the log: its place, and the two control rows that it stands between.

    control rows | begin | rows of the history ...        | end | the first live row
                          folded, never answered

A backfilled row has the hash of file and mapping for a topic id, so the same history put in twice is the same rows twice.
"""

import msgspec

from schemas.control import BACKFILL, Control
from schemas.records import Origin

TOPIC = "backfill"
"""The name of a history's origins: no source topic, and never looked up."""
BEGIN, END = 0, 1
"""Offsets of the two rows among the wishes of their history: the end stands above the begin, and neither counts twice."""


def begin_of(sha256: str) -> Control:
    """From here on the log takes rows of this history only."""
    return Control(key=BACKFILL, version=f"begin {sha256[:12]}", sha256=sha256, wish_topic_id=sha256, wish_offset=BEGIN)


def end_of(begin: Control) -> Control:
    """From here on it is open to all."""
    return msgspec.structs.replace(begin, version=f"end {begin.sha256[:12]}", wish_offset=END)


def under_way(held: Control | None) -> bool:
    """Whether the newest control row of this key has begun a history that has not ended."""
    return held is not None and held.wish_offset == BEGIN


def is_of(origin: Origin | None, held: Control | None) -> bool:
    """Whether rows of this origin belong to the history of that control row."""
    return origin is not None and held is not None and origin.topic == TOPIC and origin.topic_id == held.sha256


def origins_of(sha256: str) -> tuple[Origin, Origin]:
    """Of transactions, and of labels: the offset of one is its row's number in the file, of the other its number among the labels."""
    return Origin(sha256, 0, TOPIC), Origin(sha256, 1, TOPIC)
