"""The catalogue changes twice while workers die: every answer, every stored byte and the marker are those of a run without a crash."""

from random import Random

import pytest

from engine.control import control_of
from schemas.control import CATALOGUE as CATALOGUE_KEY
from schemas.control import POLICY
from schemas.decision import decode_decision
from schemas.records import Message
from state.changelog import MARKER_KEY
from state.checkpoint import decode_marker
from tests.simulation.cell import CATALOGUE, POLICY_TEXT, catalogue_of
from tests.simulation.judge import judge
from tests.simulation.outside import Outside, wished
from tests.simulation.simulate import simulate

SEEDS = 60
MORE = CATALOGUE.replace("windows: [1m, 1h]", "windows: [1m, 1h, 2m]").replace(
    "transaction:", "  device: {id: device_id, velocity: {measures: [count], windows: [1m]}}\ntransaction:"
)
LESS = MORE.replace(", distinct: {of: [merchant], windows: [1h]}", "").replace("count, sum", "count")
NEW = ("account_count_2m", "device_count_1m")


def row(key: str, text: str, number: int) -> Message:
    return wished(control_of(key, text, f"{key} {number}"), number)


def shows(*names: str) -> str:
    return POLICY_TEXT % ", ".join(names)


def changes(random: Random) -> list[tuple[int, Message]]:
    """More, and everything of it shown; then less, of which the policy must show nothing that goes."""
    more, less = (catalogue_of(text) for text in (MORE, LESS))
    first = random.randint(2, 8)
    second = first + 2 + random.randint(0, 6)
    texts = [
        (first, CATALOGUE_KEY, more.text),
        (first, POLICY, shows(*more.names)),
        (second, POLICY, shows(*NEW)),
        (second, CATALOGUE_KEY, less.text),
    ]
    return [(at, row(key, text, number)) for number, (at, key, text) in enumerate(texts)]


@pytest.mark.parametrize("keep_disk", [True, False])
def test_a_run_with_crashes_around_a_change_answers_as_one_without(keep_disk: bool) -> None:
    values: list[float | None] = []
    twice = 0
    for seed in range(SEEDS):
        outside = simulate(seed, keep_disk=keep_disk, wished=changes(Random(seed)))
        judge(outside, seed)
        values += shown(outside)
        marker = outside.changelog.last(MARKER_KEY)
        assert marker
        since = decode_marker(marker).declared.since
        twice += not outside.wished and len(since) == len(NEW)  # else the log ended before both changes, or began after the first
    assert twice > SEEDS // 5
    assert None in values, "no new feature was ever seen before it had filled"
    assert any(values), "none was seen after"


def shown(outside: Outside) -> list[float | None]:
    """What decisions say of the new features."""
    said = [decode_decision(message.value) for message in outside.answers if message.topic == "decisions" and message.value]
    return [features[name] for each in said if isinstance(features := each.features, dict) for name in NEW if name in features]
