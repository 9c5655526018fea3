"""A task whose fold dies at a row: life after life over one file, until payments go on; held against a task that never met the fault.

life 1   dies in a batch      2, 3   dies at the row, alone      4   the row by the reference: the same bits, or refused for everybody
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.guarded import Guarded
from features import by_reference, reference
from features.folded import Folded
from schemas.dead_letter import OFFSET_HEADER, decode_dead_letter
from schemas.decision import decode_decision
from schemas.errors import DiskFull, PoisonousRow
from schemas.records import Message, Record, RowPlace
from schemas.row import Kind
from state.deaths import Deaths
from state.suspects import FATAL
from tests.engine.guarded import RECORDS, Lived, live, lives, written
from tests.simulation.cell import LABELS, ORIGINS, TRANSACTIONS


@pytest.fixture(scope="module")
def log() -> list[Record]:
    return written()


def without_marks(messages: Sequence[Message]) -> dict[str, list[bytes]]:
    """Values of each topic in their order."""
    topics: dict[str, list[bytes]] = {}
    for message in messages:
        topics.setdefault(message.topic, []).append(message.value or b"")
    return topics


def accepted(lived: Lived) -> list[int]:
    """Offsets of transactions that were counted."""
    decisions = [decode_decision(message.value or b"") for message in lived.messages if message.topic == "decisions"]
    return [each.source.offset for each in decisions if each.decided_by != "refusal"]


@pytest.mark.parametrize("nth", [0, 3, 17, -1])
def test_after_three_deaths_the_reference_folds_the_row_and_nobody_can_tell(log: list[Record], tmp_path: Path, nth: int) -> None:
    straight = live(log)
    offset = accepted(straight)[nth]
    lived, died = lives(log, tmp_path / "file", poison=(Kind.TRANSACTION, offset))
    assert (died, lived.guarded.by_reference) == (FATAL, 1)
    assert without_marks(lived.messages) == without_marks(straight.messages)
    assert (lived.values, lived.seen) == (straight.values, straight.seen)


def test_a_label_that_kills_is_folded_by_the_reference_too(log: list[Record], tmp_path: Path) -> None:
    straight = live(log)
    for offset in range(5):
        lived, _ = lives(log, tmp_path / f"{offset}", poison=(Kind.LABEL, offset))
        assert (without_marks(lived.messages), lived.values) == (without_marks(straight.messages), straight.values)


def test_the_next_life_knows_the_row_and_does_not_die(log: list[Record], tmp_path: Path) -> None:
    poison = Kind.TRANSACTION, accepted(live(log))[5]
    lives(log, tmp_path / "file", poison=poison)
    lived, died = lives(log, tmp_path / "file", poison=poison)
    assert (died, lived.guarded.by_reference) == (0, 1)


def refused(monkeypatch: pytest.MonkeyPatch, offset: int, error: type[Exception]) -> None:
    """The reference fold raises at a transaction, after it has moved what it was given."""
    fold_row = reference.fold_row

    def raises(cell: Any, row: Any, catalogue: Any) -> Any:  # noqa: ANN401
        outcome = fold_row(cell, row, catalogue)
        if row["offset"] == offset and row["kind"] == Kind.TRANSACTION:
            raise error
        return outcome

    monkeypatch.setattr(by_reference, "fold_row", raises)


def test_a_row_that_the_reference_cannot_fold_is_refused_and_counts_nowhere(
    log: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offset = accepted(live(log))[-4]
    refused(monkeypatch, offset, ZeroDivisionError)
    lived, died = lives(log, tmp_path / "file", poison=(Kind.TRANSACTION, offset))
    assert died == FATAL
    held_as_refused(log, lived, offset, "unfoldable")


def held_as_refused(log: list[Record], lived: Lived, offset: int, reason: str) -> None:
    """One fallback decision, one dead letter, and of all other rows what a quarantined one leaves of them."""
    place = RowPlace(ORIGINS[TRANSACTIONS[0]], offset)
    decisions = [decode_decision(message.value or b"") for message in lived.messages if message.topic == "decisions"]
    (mine,) = (each for each in decisions if each.source.offset == offset)
    assert (mine.decided_by, mine.reason, mine.action, mine.scores) == ("refusal", reason, "review", {})
    letters = [message for message in lived.messages if message.topic == "dead-letters" and _of(message) == place]
    assert [decode_dead_letter(letter.value or b"").reason for letter in letters] == [reason]
    without = live(log, guarded=Guarded(quarantined=[place]))
    assert (lived.values, lived.seen) == (without.values, without.seen)
    others = [each for each in decisions if each.source.offset != offset]
    expected = [decode_decision(message.value or b"") for message in without.messages if message.topic == "decisions"]
    assert others == [each for each in expected if each.source.offset != offset]
    assert lived.values != live(log).values, "the row would not have counted: another one is needed"


def _of(message: Message) -> RowPlace:
    headers = dict(message.headers or [])
    origin = ORIGINS[TRANSACTIONS[0]] if headers["weir-topic"] == b"transactions" else ORIGINS[LABELS]
    return RowPlace(origin, int(headers[OFFSET_HEADER]))


@pytest.mark.parametrize("error", [MemoryError, OSError, RecursionError])
def test_what_is_one_machines_own_fault_stops_the_task_and_names_the_row(
    log: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    offset = accepted(live(log))[4]
    refused(monkeypatch, offset, error)
    with pytest.raises(PoisonousRow, match=rf"3 processes died at row transactions:0:{offset}, .* {error.__name__}: .*weir quarantine"):
        lives(log, tmp_path / "file", poison=(Kind.TRANSACTION, offset))
    assert "4 processes died" in Deaths(tmp_path / "file", log_id="log-id").said


def test_a_quarantined_row_is_refused_whoever_folds_it(log: list[Record]) -> None:
    offset = accepted(live(log))[-4]
    place = RowPlace(ORIGINS[TRANSACTIONS[0]], offset)
    lived = live(log, poison=(Kind.TRANSACTION, offset), guarded=Guarded(quarantined=[place]))
    held_as_refused(log, lived, offset, "quarantined")


def test_a_quarantined_label_is_a_dead_letter_and_no_decision(log: list[Record]) -> None:
    straight = live(log)
    places = (RowPlace(ORIGINS[LABELS], offset) for offset in range(RECORDS // 2))
    lives = ((place, live(log, guarded=Guarded(quarantined=[place]))) for place in places)
    place, lived = next(each for each in lives if each[1].values != straight.values)
    letters = [message for message in lived.messages if message.topic == "dead-letters" and _of(message) == place]
    assert [decode_dead_letter(letter.value or b"").reason for letter in letters] == ["quarantined"]
    before, after = ([m.value for m in each.messages if m.topic == "decisions"] for each in (straight, lived))
    assert len(before) == len(after)


def test_the_deployments_fault_is_no_death(log: list[Record], tmp_path: Path) -> None:
    deaths = Deaths(tmp_path / "file", log_id="log-id")

    class Full(Guarded):
        def fold(self, fold: Any, part: Any) -> Folded:  # noqa: ANN401
            fold.rows = _raises(DiskFull("full"))
            return super().fold(fold, part)

    with pytest.raises(DiskFull):
        live(log, guarded=Full(deaths))
    deaths.close()
    assert Deaths(tmp_path / "file", log_id="log-id").said == ""


def _raises(error: Exception) -> Callable[..., Any]:
    def raises(*_: Any) -> Any:  # noqa: ANN401
        raise error

    return raises
