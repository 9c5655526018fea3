"""The answers of each message of the log by themselves: the same ones, and none beside another message's."""

from itertools import pairwise
from random import Random

import msgspec
import pytest

from engine.decided import Answers
from engine.guarded import Guarded
from schemas.dead_letter import OFFSET_HEADER, PARTITION_HEADER, TOPIC_HEADER
from schemas.records import Fetch, Message, Record, RowPlace
from schemas.row import row_dtype, runs
from tests.engine.guarded import live, written
from tests.simulation.cell import LOG, ORIGINS

Place = tuple[str, int, int]


def place_of(message: Message) -> Place:
    """Of the row that it answers."""
    if message.topic == "decisions":
        source = msgspec.json.decode(message.value or b"")["source"]
        return source["topic"], source["partition"], source["offset"]
    headers = dict(message.headers or [])
    return headers[TOPIC_HEADER].decode(), int(headers[PARTITION_HEADER]), int(headers[OFFSET_HEADER])


def first_places(log: list[Record]) -> dict[Place, int]:
    """The message of the log in which each row stands first."""
    found: dict[Place, int] = {}
    dtype = row_dtype()
    for blocks in runs(Fetch(LOG, 0, log), cut_at=(), dtype_of=lambda: dtype):
        for block in blocks:
            if block.origin is not None:
                for offset in block.rows["offset"].tolist():
                    found.setdefault((block.origin.topic, block.origin.partition, offset), block.offset)
    return found


@pytest.mark.parametrize("quarantined", [0, 5])
def test_they_are_the_same_and_none_stands_with_those_of_another_message(quarantined: int) -> None:
    log = written()
    first = first_places(log)
    origins = {(origin.topic, origin.partition): origin for origin in ORIGINS.values()}
    rows = [RowPlace(origins[topic, partition], offset) for topic, partition, offset in Random(7).sample(sorted(first), quarantined)]
    whole, apart = (live(log, guarded=Guarded(quarantined=rows), apart=each) for each in (False, True))
    assert apart.values == whole.values
    for topic in ("decisions", "dead-letters"):
        assert of(apart.answers, topic) == of(whole.answers, topic)
    assert len(apart.answers) > 2 * len(whole.answers)
    assert all(before.upto < after.upto for before, after in pairwise(apart.answers))
    for answers in apart.answers:
        assert {first[place_of(message)] + 1 for message in answers.messages} == {answers.upto}


def of(answers: list[Answers], topic: str) -> list[Message]:
    return [message for each in answers for message in each.messages if message.topic == topic]
