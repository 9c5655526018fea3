"""Values between a change of the catalogue and the checkpoint that writes them: the newest is found, whatever is under way."""

from features.unwritten import Stored, Unwritten

KEY = bytes(16)
NO_DISK: list[bytes | None] = [None]


def value(text: bytes) -> list[Stored]:
    return [("account", KEY, text)]


def test_a_second_change_while_a_checkpoint_is_written_finds_what_the_first_one_froze() -> None:
    unwritten = Unwritten(lambda _entity, _keys: NO_DISK)
    unwritten.given(value(b"1"))  # a checkpoint, not written yet
    unwritten.freeze(value(b"2"))
    unwritten.freeze([])
    assert unwritten.load("account", [KEY]) == [b"2"]
    unwritten.written()
    assert unwritten.load("account", [KEY]) == [b"2"], "it waits for the next checkpoint"


def test_a_change_after_a_checkpoint_that_took_what_waited_finds_the_newer_value() -> None:
    unwritten = Unwritten(lambda _entity, _keys: NO_DISK)
    unwritten.freeze(value(b"1"))
    assert unwritten.given(value(b"2")) == value(b"2")
    unwritten.freeze([])
    assert unwritten.load("account", [KEY]) == [b"2"]
    unwritten.written()
    assert unwritten.load("account", [KEY]) == NO_DISK, "it is on disk"
