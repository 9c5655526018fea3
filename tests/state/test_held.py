"""What is kept of answers, and when a standby sends it."""

import pytest

from schemas.records import Message
from state.hedging import Hedging
from state.held import Held
from state.progress import Progress

AFTER, SHARE = 0.3, 0.1


def messages(count: int, size: int = 10) -> list[Message]:
    return [Message("decisions", None, b"x" * size) for _ in range(count)]


def filled(*counts: int, sent: bool = False, at: float = 0.0) -> tuple[Progress, Held]:
    """A task that folded ten rows a fetch, and answered so many of each."""
    progress, held = Progress(0, committed=0, stored=0, live_from=0), Held()
    for number, count in enumerate(counts, 1):
        held.hold(progress.sent(upto=10 * number, messages=count), messages(count), at=at, sent=sent)
    return progress, held


def test_what_the_owner_sent_leaves_when_it_is_acknowledged_in_order() -> None:
    _, held = filled(2, 3, 1, sent=True)
    first, second, third = held._answers
    second.receipt.delivered(3)
    held.release(0)
    assert held.oldest is first
    first.receipt.delivered(2)
    held.release(0)
    assert held.oldest is third
    assert (held.bytes, len(held)) == (0, 0)


def test_what_a_standby_holds_leaves_when_the_groups_offset_passes_it_and_not_before() -> None:
    _, held = filled(2, 0, 3)
    assert (held.bytes, len(held)) == (50, 5)
    held.release(9)
    assert (held.bytes, len(held)) == (50, 5)
    held.release(29)
    assert (held.bytes, len(held)) == (30, 3)
    held.release(30)
    assert (held.bytes, held.oldest) == (0, None)


def test_what_was_sent_counts_for_nothing_and_is_not_sent_again() -> None:
    _, held = filled(2, 3)
    first, second = held.unsent()
    held.sends(first)
    assert (held.bytes, len(held), list(held.unsent())) == (30, 3, [second])
    with pytest.raises(AssertionError, match="up to 10 were sent already"):
        held.sends(first)


def test_silence_is_an_offset_that_stands_while_something_is_held_all_that_time() -> None:
    progress, held = filled(1, at=100.0)
    hedging = Hedging(after_seconds=AFTER, share=SHARE, now=0.0)
    hedging.heard(0, 0.0)
    assert hedging.due(held, 100.2) == ([], 0), "an hour in which nothing was held is no silence"
    (answer,) = hedging.due(held, 100.35)[0]
    held.sends(answer)
    held.hold(progress.sent(upto=20, messages=1), messages(1), at=100.36, sent=False)
    assert hedging.silent, "what is folded next goes as it is folded"
    assert len(hedging.due(held, 100.37)[0]) == 1
    hedging.heard(10, 100.4)
    assert not hedging.silent
    assert hedging.due(held, 100.5) == ([], 0)


def test_under_overload_a_share_goes_and_the_rest_is_withheld_once() -> None:
    progress, held = Progress(0, committed=0, stored=0, live_from=0), Held()
    hedging, going, withheld = Hedging(after_seconds=AFTER, share=SHARE, now=0.0), 0, 0
    for number in range(1, 201):
        now = number * 0.01
        held.hold(progress.sent(upto=number, messages=1), messages(1), at=now, sent=False)
        hedging.folded(1)
        behind = number - 100  # an owner who is a second behind, and moves
        held.release(behind)
        hedging.heard(behind, now)
        due, more = hedging.due(held, now)
        for answer in due:
            held.sends(answer)
        going += len(due)
        withheld += more
    assert 0 < going <= 200 * SHARE
    assert withheld
