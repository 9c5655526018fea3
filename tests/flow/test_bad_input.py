"""Bad input disturbs nothing: each case goes through a real topic between two sound transactions of the same customer.

sound   BAD   sound          of the bad one: one dead letter, a fallback decision where its transaction id can be read
  1             2            of the others: decided by the model, and the second counts two, not three
"""

from collections import Counter
from typing import NamedTuple

import msgspec
import pytest

from schemas.reasons import Reason
from tests.flow.engine import Engine, Spot
from tests.flow.records import BAD, triples

TOGETHER, ALONE = 0, 1
"""Source partitions: where all cases are sent at once, and where each waits for its answers before the next is sent."""


class Sent(NamedTuple):
    """Where the three records of each case stand, and what the metrics had counted before and after."""

    spots: dict[str, list[Spot]]
    refusals: Counter[str]
    answered: float
    letters_sent: float


@pytest.fixture(scope="module", params=[TOGETHER, ALONE], ids=["together", "alone"])
def sent(engine: Engine, request: pytest.FixtureRequest) -> Sent:
    def counted() -> tuple[Counter[str], float, float]:
        codes = {reason.code for reason in Reason}
        refusals = Counter({code: int(engine.metric("weir_refusals_total", reason=code)) for code in codes})
        letters = engine.metric("weir_messages_out_total", topic=engine.settings.topic("dead-letters"))
        return refusals, engine.metric("weir_decisions_total", action="review", decided_by="refusal"), letters

    before = counted()
    spots: dict[str, list[Spot]] = {}
    if request.param == TOGETHER:
        everything = dict(triples())
        flat = iter(engine.send([value for three in everything.values() for value in three], partition=TOGETHER))
        spots = {name: [next(flat) for _ in three] for name, three in everything.items()}
    else:
        for name, three in triples():
            spots[name] = engine.send(three, partition=ALONE)
            engine.decided([spots[name][0], spots[name][2]])
    engine.decided([spot for first, _, last in spots.values() for spot in (first, last)])
    engine.until(lambda: not [name for name, three in spots.items() if three[1] not in engine.reading.letters], "a dead letter for each")
    engine.drained()
    after = counted()
    return Sent(spots, after[0] - before[0], after[1] - before[1], after[2] - before[2])


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_one_dead_letter_and_where_its_id_can_be_read_one_fallback_decision(engine: Engine, sent: Sent, name: str) -> None:
    bad, (partition, offset) = BAD[name], sent.spots[name][1]
    (letter,) = engine.reading.letters[partition, offset]
    topic_id = engine.source_id
    assert letter.said.reason == bad.reason.code
    assert letter.headers == {
        "weir-topic-id": topic_id.encode(),
        "weir-topic": engine.settings.transactions_topic.encode(),
        "weir-partition": b"%d" % partition,
        "weir-offset": b"%d" % offset,
    }
    assert letter.key == f"{topic_id}:{partition}:{offset}".encode()
    assert b"MARKER" not in letter.value, "an identifier left Weir"
    answers = engine.reading.decisions.get((partition, offset), [])
    assert len(answers) == bad.readable
    for answer in answers:
        decision = answer.decision
        assert (decision.action, decision.decided_by, decision.reason) == ("review", "refusal", bad.reason.code)
        assert decision.scores == {}
        assert decision.transaction_id.startswith("MARKER")
        assert "weir-repeat" not in answer.headers


@pytest.mark.parametrize("name", BAD)
def test_its_neighbours_are_decided_by_the_model_as_if_it_had_not_been(engine: Engine, sent: Sent, name: str) -> None:
    first, _, last = sent.spots[name]
    for count, spot in enumerate((first, last), 1):
        (answer,) = engine.reading.decisions[spot]
        decision = answer.decision
        assert (decision.decided_by, decision.reason) == ("model", "score")
        assert 0 <= decision.scores["fraud"] <= 1
        assert decision.features is not msgspec.UNSET
        assert decision.features["card_count_24h"] == count
        assert spot not in engine.reading.letters


def test_the_metrics_count_each_refusal_by_its_reason(sent: Sent) -> None:
    assert sent.refusals == Counter(bad.reason.code for bad in BAD.values())
    assert sent.answered == sum(bad.readable for bad in BAD.values())
    assert sent.letters_sent == len(BAD)


def test_every_reason_that_a_record_can_show_is_among_the_cases() -> None:
    of_labels = {Reason.UNKNOWN_LABEL, Reason.LABEL_TOO_OLD}  # tests/flow/test_labels.py
    of_folds = {Reason.UNFOLDABLE, Reason.QUARANTINED}  # tests/flow/test_poisonous_row.py, test_quarantine.py
    shown = {reason for reason in Reason if Reason.NONE < reason < Reason.SCORE} - of_labels - of_folds
    assert {bad.reason for bad in BAD.values()} == shown
