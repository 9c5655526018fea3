"""What is kept is taken in order and once, however often a transaction is aborted."""

from hypothesis import given
from hypothesis import strategies as st

from broker.kept import Batch, Kept
from schemas.records import Message

MESSAGES_MAX = 5
WHAT = st.lists(st.one_of(st.integers(0, 4), st.sampled_from(["open", "committed", "aborted"])))


def batch(upto: int, count: int) -> Batch:
    return Batch([Message("answers", None, b"%d of %d" % (number, upto)) for number in range(count)], upto, lambda _: None)


@given(WHAT)
def test_all_that_is_kept_is_committed_once_and_in_order(what: list[int | str]) -> None:
    kept, added, committed = Kept(), list[Batch](), list[Batch]()
    opened: list[Batch] | None = None
    for each in [*what, "committed", *["open", "committed"] * len(what)]:
        if isinstance(each, int):
            added.append(batch(len(added) + 1, each))
            kept.add(added[-1])
        elif each == "open" and opened is None and len(kept):
            opened = kept.open(messages_max=MESSAGES_MAX)
            assert opened == added[len(committed) : len(committed) + len(opened)]
            assert len(opened) == 1 or sum(len(b.messages) for b in opened) <= MESSAGES_MAX
        elif each == "committed" and opened is not None:
            assert kept.committed() == opened
            committed, opened = committed + opened, None
        elif each == "aborted" and opened is not None:
            kept.aborted()
            opened = None
        assert kept.messages == sum(len(b.messages) for b in added[len(committed) :])
    assert committed == added
    assert (len(kept), kept.messages, kept.bytes) == (0, 0, 0)
