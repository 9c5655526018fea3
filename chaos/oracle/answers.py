"""Decisions and dead letters against what is due: each there, each place answered with one text however often, and nothing else."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import Any, NamedTuple

from chaos.oracle.due import Due, Place
from chaos.oracle.log import Origin

Spot = tuple[str, int, int]
"""Topic, partition and offset of a source record."""

OF_THE_STATE = {"late", "event_time_ahead", "transaction_id_reused", "label_too_old"}
"""Reasons that the record alone does not show."""


class Answer(NamedTuple):
    """A message of the decisions or the dead letters."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]


class Found:
    """What was read of one topic, by place. first: of each place the first answer that was read, in its partition."""

    def __init__(self) -> None:
        self.first: dict[Spot, Answer] = {}
        self.repeats: list[int] = []
        """Timestamps of answers that came again."""
        self.differing: dict[Spot, str] = {}
        """In what two answers to a place differ, and when each was given."""

    def add(self, spot: Spot, answer: Answer) -> None:
        """One more; of one partition in order."""
        first = self.first.get(spot)
        if first is None:
            self.first[spot] = answer
        else:
            self.repeats.append(answer.timestamp)
            if (first.key, first.value) != (answer.key, answer.value):
                self.differing[spot] = _difference(first, answer)


def decisions(messages: Iterable[Answer]) -> Found:
    """Where they come from stands in them."""
    found = Found()
    for answer in messages:
        source = json.loads(answer.value)["source"]
        found.add((source["topic"], source["partition"], source["offset"]), answer)
    return found


def letters(messages: Iterable[Answer]) -> Found:
    """Where they point to stands in their headers."""
    found = Found()
    for answer in messages:
        said = answer.headers
        found.add((said["weir-topic"].decode(), int(said["weir-partition"]), int(said["weir-offset"])), answer)
    return found


class Verdict(NamedTuple):
    """lost: places without the answer that is due; by spot. wrong: places whose answer is not the one due, with what is wrong."""

    lost: set[Spot]
    wrong: dict[Spot, str]
    counts: Counter[str]


def judge(due: Mapping[Place, Due], origins: list[Origin], told: Found, refused: Found) -> Verdict:
    """due: of every place that was appended."""
    lost: set[Spot] = set()
    wrong: dict[Spot, str] = {}
    counts: Counter[str] = Counter()
    spots = {(number, offset): (origins[number].topic, origins[number].partition, offset) for number, offset in due}
    verdicts: dict[Place, list[Any]] = defaultdict(list)
    for place, owed in due.items():
        spot = spots[place]
        answer, letter = told.first.get(spot), refused.first.get(spot)
        if (owed.id and answer is None) or (owed.letter and letter is None):
            lost.add(spot)
        if (answer is not None and not owed.id) or (letter is not None and not owed.letter):
            wrong[spot] = "an answer that nobody is owed"
        if letter is not None and owed.letter and not agree(said := json.loads(letter.value)["reason"], owed.reason):
            wrong[spot] = f"dead letter {said} where {owed.reason} is due"
        if answer is not None and owed.id:
            decision = json.loads(answer.value)
            kind = "refusals" if owed.reason else "retries" if owed.first else "accepted"
            counts[kind] += 1
            verdicts[place] = [decision["action"], decision["scores"], decision["versions"], decision["decision_id"]]
            if complaint := _complaint(owed, place, decision, answer, origins, verdicts):
                wrong[spot] = complaint
    return Verdict(lost, wrong, counts)


def unowed(appended: AbstractSet[Spot], told: Found, refused: Found) -> dict[Spot, str]:
    """What is wrong with answers by themselves. appended: every record that is in the log."""
    wrong = dict.fromkeys((told.first.keys() | refused.first.keys()) - appended, "an answer to a record that is not in the log")
    return wrong | {spot: f"two answers that differ, {how}" for spot, how in (told.differing | refused.differing).items()}


def _difference(first: Answer, other: Answer) -> str:
    """As `at 1795964277128 and 1795964277301: features.card_count_24h 8.0 and 7.0`."""
    one, two = (_flat("", json.loads(answer.value)) for answer in (first, other))
    named = [f"{name} {one.get(name)} and {two.get(name)}" for name in one | two if one.get(name) != two.get(name)]
    return f"at {first.timestamp} and {other.timestamp}: {', '.join(named) or 'their keys or how they are spelt'}"


def _flat(name: str, said: Any) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(said, dict):
        return {name: said}
    return {path: value for key, part in said.items() for path, value in _flat(f"{name}.{key}" if name else key, part).items()}


def _complaint(
    owed: Due, place: Place, decision: dict[str, Any], answer: Answer, origins: list[Origin], verdicts: Mapping[Place, list[Any]]
) -> str:
    """What is wrong with a decision; empty: nothing."""
    by = "refusal" if owed.reason else "model"
    if decision["decided_by"] != by or (owed.reason and not agree(decision["reason"], owed.reason)):
        return f"decided by {decision['decided_by']}, {decision['reason']}, where {by} {owed.reason} is due"
    if decision["decision_id"] != id_of(owed.id, owed.first or place, origins) or decision["transaction_id"] != owed.id:
        return "the id of another"
    if ("weir-repeat" in answer.headers) != (owed.first is not None):
        return "marked as a repeat, or not"
    if owed.first is not None and verdicts[owed.first] and verdicts[place] != verdicts[owed.first]:
        return "a repeat with another verdict than the first's"
    shown = decision.get("features", {}).get("card_count_24h")
    if owed.of_card is not None and shown is not None and shown != owed.of_card:
        return f"counted {shown:g} of its card within 24 h where there were {owed.of_card}"
    return ""


def agree(said: str, due: str) -> bool:
    """Whether that reason may be given. Half a record may be wrong in other ways too, before it ends."""
    return said == due or (due == "not_json" and said not in OF_THE_STATE)


def id_of(transaction_id: str, place: Place, origins: list[Origin]) -> str:
    """A decision's id follows from its transaction's id and the place that was answered first."""
    origin = origins[place[0]]
    said = f"{origin.topic_id}:{origin.partition}:{place[1]}:{transaction_id}"
    return blake2b(said.encode(), digest_size=16).hexdigest()
