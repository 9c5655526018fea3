"""What is lost, doubled, changed or nobody's among the answers is found, and what is as it must be is not complained of."""

import json

import pytest

from chaos.oracle import answers
from chaos.oracle.answers import Answer, Found, Verdict, id_of, judge
from chaos.oracle.due import Due
from chaos.oracle.log import Origin

ORIGINS = [Origin("topic-id", 0, "payments")]
DUE = {
    (0, 0): Due("t0", "", letter=False, of_card=1),
    (0, 1): Due("t0", "", letter=False, first=(0, 0)),
    (0, 2): Due("t2", "late", letter=True),
    (0, 3): Due("", "not_json", letter=True),
}


def decision(
    offset: int, transaction: str, *, first: int | None = None, by: str = "model", reason: str = "score", **changed: object
) -> Answer:
    said = {
        "decision_id": id_of(transaction, (0, offset if first is None else first), ORIGINS),
        "transaction_id": transaction,
        "action": "approve",
        "decided_by": by,
        "reason": reason,
        "scores": {"fraud": 0.5},
        "versions": {"fold": 3},
        "source": {"topic": "payments", "partition": 0, "offset": offset},
        "features": {"card_count_24h": 1.0} if first is None else {},
        **changed,
    }
    return Answer(0, offset, 1000 + offset, b"key", json.dumps(said).encode(), {} if first is None else {"weir-repeat": b"1"})


def letter(offset: int, reason: str) -> Answer:
    headers = {"weir-topic": b"payments", "weir-partition": b"0", "weir-offset": b"%d" % offset}
    return Answer(0, offset, 1000, b"key", json.dumps({"reason": reason}).encode(), headers)


TOLD = [decision(0, "t0"), decision(1, "t0", first=0), decision(2, "t2", by="refusal", reason="late")]
LETTERS = [letter(2, "late"), letter(3, "not_json")]


def verdict(told: list[Answer], letters: list[Answer]) -> tuple[Verdict, Found]:
    found, refused = answers.decisions(told), answers.letters(letters)
    judged = judge(DUE, ORIGINS, found, refused)
    judged.wrong.update(answers.unowed({("payments", 0, offset) for _, offset in DUE}, found, refused))
    return judged, found


def test_what_is_as_it_must_be() -> None:
    judged, found = verdict(TOLD, LETTERS)
    assert (judged.lost, judged.wrong) == (set(), {})
    assert judged.counts == {"accepted": 1, "retries": 1, "refusals": 1}
    assert found.repeats == []


def test_the_same_again_is_a_repeat_and_nothing_worse() -> None:
    judged, found = verdict([*TOLD, TOLD[0]], LETTERS)
    assert (judged.lost, judged.wrong) == (set(), {})
    assert found.repeats == [1000]


@pytest.mark.parametrize("at", range(3))
def test_a_lost_decision(at: int) -> None:
    assert verdict([each for number, each in enumerate(TOLD) if number != at], LETTERS)[0].lost == {("payments", 0, at)}


@pytest.mark.parametrize("at", [2, 3])
def test_a_lost_dead_letter(at: int) -> None:
    assert verdict(TOLD, [each for each in LETTERS if each.offset != at])[0].lost == {("payments", 0, at)}


WRONG = {
    "other bytes": [*TOLD, decision(0, "t0", action="decline")],
    "another key": [*TOLD, TOLD[0]._replace(key=b"another")],
    "another's id": [decision(0, "t0", decision_id="0" * 32), *TOLD[1:]],
    "counted twice": [decision(0, "t0", features={"card_count_24h": 2.0}), *TOLD[1:]],
    "refused": [decision(0, "t0", by="refusal", reason="late"), *TOLD[1:]],
    "by the fallback": [decision(0, "t0", by="fallback", reason="no_model"), *TOLD[1:]],
    "an answer to nobody": [*TOLD, decision(3, "t3")],
    "an answer to a record that is not there": [*TOLD, decision(9, "t9")],
    "a retry with another verdict": [TOLD[0], decision(1, "t0", first=0, action="decline"), TOLD[2]],
    "a retry that counts as new": [TOLD[0], decision(1, "t0"), TOLD[2]],
    "another reason": [*TOLD[:2], decision(2, "t2", by="refusal", reason="event_time_ahead")],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_decision_that_is_not_the_one_due(name: str) -> None:
    judged, _ = verdict(WRONG[name], LETTERS)
    assert 1 <= len(judged.wrong) <= 2
    assert judged.lost == set()


def test_what_differs_in_two_answers_is_said_and_when_each_was_given() -> None:
    other = decision(0, "t0", scores={"fraud": 0.75}, features={"card_count_24h": 2.0})._replace(timestamp=1050)
    judged, _ = verdict([*TOLD, other, TOLD[1]._replace(key=b"another")], LETTERS)
    assert judged.wrong == {
        ("payments", 0, 0): "two answers that differ, at 1000 and 1050: scores.fraud 0.5 and 0.75, features.card_count_24h 1.0 and 2.0",
        ("payments", 0, 1): "two answers that differ, at 1001 and 1001: their keys or how they are spelt",
    }


def test_a_dead_letter_that_is_not_the_one_due() -> None:
    assert verdict(TOLD, [letter(2, "event_time_ahead"), LETTERS[1]])[0].wrong.keys() == {("payments", 0, 2)}
    assert verdict(TOLD, [*LETTERS, letter(0, "late")])[0].wrong.keys() == {("payments", 0, 0)}
    assert verdict(TOLD, [*LETTERS, letter(3, "empty")])[0].wrong.keys() == {("payments", 0, 3)}
