"""A commit that passed what was not answered, and one that went back, are found."""

from chaos.oracle.committed import Followed, Sample, judge

LOG, DECISIONS, LETTERS = ("log", 0), ("decisions", 1), ("dead-letters", 0)
FOLLOWED = {LOG: Followed([(0, DECISIONS, 10), (1, DECISIONS, 5), (2, LETTERS, 0), (3, DECISIONS, 11)])}
"""The answer to 1 was sent before the answer to 0."""


def sample(committed: int, decisions: int, letters: int = 1) -> Sample:
    return Sample(0.0, {LOG: committed}, {DECISIONS: decisions, LETTERS: letters})


def test_answers_that_are_there_by_then() -> None:
    assert judge([sample(0, 0, 0), sample(1, 11, 0), sample(3, 11, 1), sample(4, 12, 1)], FOLLOWED) == []


def test_a_commit_that_passed_an_answer_that_was_not_there() -> None:
    assert len(judge([sample(1, 10)], FOLLOWED)) == 1
    assert len(judge([sample(2, 6)], FOLLOWED)) == 1
    assert len(judge([sample(3, 11, letters=0)], FOLLOWED)) == 1
    assert len(judge([sample(4, 11)], FOLLOWED)) == 1


def test_a_commit_that_went_back() -> None:
    assert judge([sample(4, 12), sample(3, 12)], FOLLOWED) == ["log[0] committed 3 after 4"]
