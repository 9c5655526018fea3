"""A policy says where it is wrong, and a score meets a threshold or it does not."""

import numpy as np
import pytest

from models.policy import read_policy
from schemas.errors import BadPolicy
from schemas.verdict import Action
from tests.models.made import POLICY, POLICY_TEXT


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: x\nthresholds: {}\nfallback: block\n", 3, "Invalid enum value 'block'"),
        ("name: x\nthresholds: {}\nfallback: challenge\n", 3, "Invalid enum value 'challenge'"),
        ("name: x\nthresholds:\n  review: 0.5\n  decline: 0.4\n", 4, "decline is 0.4, below review, 0.5"),
        ("name: x\nthresholds:\n  review: 1.5\n", 3, "review is 1.5, a threshold is in [0, 1]"),
        ("name: x\nthresholds:\n  review: .nan\n", 3, "review is nan"),
        ("name: x\nthresholds:\n  review: '0.5'\n", 3, "Expected float | null, got str"),
        ("name: x\nthresholds:\n  review: 0.5\n  approve: 0.1\n", 4, "unknown field approve"),
        ("name: x\n\nfallback: review\n", 1, "missing required field thresholds"),
        ("name: x\nthresholds: {}\n\nlists: []\n", 4, "unknown field lists"),
        ("name: 3\nthresholds: {}\n", 1, "Expected str, got int"),
        ("name: x\nthresholds:\n  review: 0.5\n  review: 0.6\n", 4, "second time"),
        ("name: x\nthresholds: {}\nshows:\n- amount\n- 7\n", 5, "Expected str, got int"),
        ("name: x\nthresholds: [0.5]\n", 2, "Expected object, got array"),
        ("name: x\nthresholds: {review: 0.5\n", 3, "not YAML"),
        ("- x\n", 1, "Expected object, got array"),
        ("", 1, "Expected object, got null"),
        ("name: x\nthresholds: {}\nfallback: !!python/object:os.system {}\n", 3, "not YAML"),
    ],
)
def test_an_error_names_place_and_line(text: str, line: int, words: str) -> None:
    with pytest.raises(BadPolicy) as caught:
        read_policy(text, place="strict.yaml")
    assert str(caught.value).startswith(f"strict.yaml, line {line}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_score_at_a_threshold_meets_it() -> None:
    below = np.nextafter(np.float32(0.5), np.float32(0))
    assert POLICY.actions(np.array([0.5, below, 0, 1], np.float32)).tolist() == [
        Action.REVIEW, Action.CHALLENGE, Action.APPROVE, Action.DECLINE,
    ]  # fmt: skip


def test_scores_and_thresholds_are_compared_as_float64() -> None:
    """float32(0.8) is 0.800000012, float32(0.2) is 0.200000003, float32(0.7) is 0.699999988."""
    policy = read_policy("name: x\nthresholds: {review: 0.7, decline: 0.8}\n", place="test")
    assert policy.actions(np.array([0.8, 0.7], np.float32)).tolist() == [Action.DECLINE, Action.APPROVE]
    assert policy.actions(np.nextafter(np.array([0.8, 0.7], np.float32), np.array([0, 1], np.float32))).tolist() == [
        Action.REVIEW,
        Action.REVIEW,
    ]


def test_every_threshold_is_optional() -> None:
    scores = np.linspace(0, 1, 11, dtype=np.float32)
    assert set(read_policy("name: x\nthresholds: {}\n", place="test").actions(scores).tolist()) == {Action.APPROVE}
    only = read_policy("name: x\nthresholds: {decline: 0}\n", place="test")
    assert set(only.actions(scores).tolist()) == {Action.DECLINE}
    equal = read_policy("name: x\nthresholds: {review: 0.5, decline: 0.5}\n", place="test")
    assert set(equal.actions(scores).tolist()) == {Action.APPROVE, Action.DECLINE}


def test_the_version_is_of_the_text() -> None:
    again, other = read_policy(POLICY_TEXT, place="elsewhere"), read_policy(POLICY_TEXT.replace("0.8", "0.9"), place="test")
    assert again == POLICY
    assert other.version != POLICY.version
    assert POLICY.version.startswith("strict@")
