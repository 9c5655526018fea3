"""Buckets of a hot key: equal to their readable twin, and off by no more than they say, whatever the stream does."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import reference_buckets as plain
from features.aggregates import buckets
from tests.features.hot import KEEP_MS, Hot, Numbers, exactly, hot

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
WINDOWS = (MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS)
T0_MS = 1_709_251_200_000
BOUND = 0.01


def plainly(times: list[int], facts: list[int], *, kept: int, events_max: int) -> tuple[plain.Buckets, list[tuple[int, int]], int]:
    """The twin, driven as tests.features.hot drives the compiled one: buckets, exact events, merges beyond the bound."""
    kept_exact: list[tuple[int, int]] = []
    found, step, forced = plain.Buckets(), max(1, events_max // 4), 0

    def as_buckets(events: list[tuple[int, int]]) -> plain.Buckets:
        return [plain.bucket_of(*event, kept) for event in events]

    for time_ms, fact in zip(times, facts, strict=True):
        if found and time_ms < found[-1].newest_ms:
            found = plain.with_late(found, plain.bucket_of(time_ms, fact, kept), as_buckets(kept_exact), kept)
        else:
            kept_exact = sorted([*kept_exact, (time_ms, fact)], key=lambda event: event[0])
            if len(kept_exact) == events_max + step:
                found = plain.settled(found, as_buckets(kept_exact[:step]), as_buckets(kept_exact[step:]), kept)
                kept_exact = kept_exact[step:]
        forced += max(len(found) - plain.BUCKETS_MAX, 0)
        found = plain.expired(plain.bounded(found), time_ms - KEEP_MS)
    return found, kept_exact, forced


def apart(state: Hot) -> plain.Buckets:
    """The sums over all that is newer, taken apart; oldest times stay those of all that is newer."""
    values = np.concatenate([state.buckets, np.zeros((len(state.buckets), 1), np.int64)], axis=1)
    own = values[:, :-1] - values[:, 1:]
    return [
        plain.Bucket(
            int(values[buckets.NEWEST_MS, k]),
            int(values[buckets.OLDEST_MS, k]),
            int(own[buckets.COUNT, k]),
            int(own[buckets.TOTAL, k]),
            int(values[buckets.LARGEST, k]),
            (int(own[buckets.HIGHS, k]), int(own[buckets.MIXED, k]), int(own[buckets.LOWS, k])),
            tuple((int(own[at, k]), int(own[at + 1, k])) for at in range(buckets.KEPT, len(own), 2)),
        )
        for k in range(own.shape[1])
    ]


def with_all_that_is_newer(found: plain.Buckets) -> plain.Buckets:
    """Oldest times and largest amounts as the compiled buckets have them."""
    return [
        each._replace(oldest_ms=min(other.oldest_ms for other in found[at:]), largest=max(other.largest for other in found[at:]))
        for at, each in enumerate(found)
    ]


def stream(seed: int, size: int) -> tuple[list[int], list[int]]:
    """Pauses from none to days, same times, late events of any age, amounts of every size, three bits."""
    random, now, times, facts = Random(seed), T0_MS, [], []
    wild = random.random() < 0.5
    for _ in range(size):
        now += random.choice((0, 0, 1, 5, 1_000, 60_000, 3_600_000)) if wild else random.choice((0, 1, 1000))
        late = random.choice((0, 0, 0, 0, 0, 0, 0, 0, 1, 5_000, 600_000, DAY_MS)) if random.random() < 0.3 else 0
        amount = random.choice((0, 1, 99, 100, 100, 250, 2**20 + 3, random.randrange(10**6), 2**40 if random.random() < 0.05 else 5))
        times.append(now - late)
        facts.append(amount << 20 | random.choice((0, 0, 1, 2, 3, 4)))
    return times, facts


def check_twins(times: list[int], facts: list[int], kept: int, events_max: int) -> None:
    compiled = hot(np.array(times), np.array(facts), kept=kept, events_max=events_max)
    found, exact, forced = plainly(times, facts, kept=kept, events_max=events_max)
    assert list(zip(*compiled.exact.tolist(), strict=True)) == exact
    assert apart(compiled) == with_all_that_is_newer(found)
    assert compiled.forced == forced
    assert [each.newest_ms for each in found] == sorted(each.newest_ms for each in found)
    long = [each for each in found if each.oldest_ms < each.newest_ms]
    assert forced or all(one.newest_ms <= two.oldest_ms for one, two in pairwise(long)), "an edge cuts two"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 1_200), st.sampled_from([0, 1, 7]), st.integers(1, 40))
def test_buckets_are_their_readable_twin(seed: int, size: int, kept: int, events_max: int) -> None:
    check_twins(*stream(seed, size), kept, events_max)


def test_buckets_of_a_long_stream_are_their_readable_twin() -> None:
    check_twins(*stream(9, 9_000), 7, 64)


def test_what_no_rule_lets_merge_is_merged_at_the_bound_and_counted() -> None:
    size = 2_300  # each older event is more than the fiftieth of what is newer and has its bit
    times = [T0_MS + 10**6] * 3 + [T0_MS - k * 1_000 for k in range(size)]
    facts = [1 << 20] * 3 + [int(1.03 ** (k // 8) * 1000) << 20 | 1 << k % 8 for k in range(size)]
    check_twins(times, facts, 0xFF, 1)
    state = hot(np.array(times), np.array(facts), kept=0xFF, events_max=1)
    assert state.buckets.shape[1] == buckets.BUCKETS_MAX
    assert state.forced > 200


def amounts_of(size: int, seed: int = 1) -> Numbers:
    amounts: Numbers = np.exp(np.random.default_rng(seed).normal(7.5, 1.2, size)).astype(np.int64)
    return amounts


def steady(size: int, days: int) -> tuple[Numbers, Numbers]:
    return T0_MS + np.arange(size) * (days * DAY_MS) // size, amounts_of(size)


def bursts(size: int, days: int) -> tuple[Numbers, Numbers]:
    """Half of all within a minute of each day."""
    random = np.random.default_rng(2)
    spread = random.integers(0, days * DAY_MS, size // 2)
    tight = random.integers(0, days, size - size // 2) * DAY_MS + random.integers(0, MINUTE_MS, size - size // 2)
    return T0_MS + np.sort(np.concatenate([spread, tight])), amounts_of(size)


def swelling(size: int, days: int) -> tuple[Numbers, Numbers]:
    """Amounts grow and fall a thousandfold, over and over."""
    times, _ = steady(size, days)
    return times, (3_000 * np.exp(np.sin(np.arange(size) / size * 40) * np.log(1000) / 2)).astype(np.int64)


def leaping(size: int, days: int) -> tuple[Numbers, Numbers]:
    """A thousandfold from one day to the next."""
    times, amounts = steady(size, days)
    return times, np.where((times - T0_MS) // DAY_MS % 2, amounts * 1000, amounts)


def late(size: int, days: int) -> tuple[Numbers, Numbers]:
    """One in twenty is late, by up to a week."""
    random = np.random.default_rng(3)
    times, amounts = steady(size, days)
    return times - np.where(random.random(size) < 0.05, random.integers(0, 7 * DAY_MS, size), 0), amounts


STREAMS = {each.__name__: each for each in (steady, bursts, swelling, leaping, late)}
SIZE, DAYS, ANSWERS = 300_000, 40, 150


def error(answers: Numbers, truth: Numbers) -> Numbers:
    """Relative, where there is something; what is nothing must be nothing."""
    assert (answers[truth == 0] == 0).all()
    off: Numbers = np.abs(answers - truth) / np.maximum(truth, 1)
    return off


def in_order(times: Numbers) -> Numbers:
    """Of the last ones, which are not older than any before."""
    return np.flatnonzero((times == np.maximum.accumulate(times))[-ANSWERS:])


@pytest.mark.parametrize("name", STREAMS)
def test_count_and_sum_are_within_a_hundredth_of_rows_in_order(name: str) -> None:
    times, amounts = STREAMS[name](SIZE, DAYS)
    random = np.random.default_rng(4)
    facts = amounts << 20 | (random.random(SIZE) < 0.02) << 3 | (random.random(SIZE) < 0.3) << 7
    state = hot(times, facts, kept=1 << 3, windows=WINDOWS, answers=ANSWERS)
    truth = exactly(times, facts, kept=1 << 3, windows=WINDOWS, answers=ANSWERS)
    rows = in_order(times)
    assert len(rows) > ANSWERS // 2
    assert state.forced == 0
    assert error(state.answers[rows], truth[rows]).max() <= BOUND
    assert error(state.answers[rows], truth[rows]).max() > 0.002, "nothing was near the bound"
    assert state.buckets.shape[1] < 1_100


def test_a_delayed_window_is_off_by_a_hundredth_of_what_is_newer_than_each_edge() -> None:
    times, amounts = bursts(SIZE, DAYS)
    ends = (7 * DAY_MS, 8 * DAY_MS, 14 * DAY_MS, 37 * DAY_MS)
    state = hot(times, amounts << 20, windows=ends, answers=ANSWERS)
    truth = exactly(times, amounts << 20, kept=0, windows=ends, answers=ANSWERS)
    for window in range(1, 4):
        off = np.abs((state.answers[:, window] - state.answers[:, 0]) - (truth[:, window] - truth[:, 0]))
        assert (off <= BOUND * (truth[:, window] + truth[:, 0])).all()


def test_a_million_events_a_day_in_one_key() -> None:
    size = 3_000_000
    times = T0_MS + np.arange(size) * (3 * DAY_MS) // size
    facts = np.resize(amounts_of(100_000), size) << 20
    state = hot(times, facts, windows=WINDOWS, answers=ANSWERS)
    truth = exactly(times[-size:], facts, kept=0, windows=WINDOWS, answers=10)
    assert error(state.answers[-10:], truth).max() <= BOUND
    assert state.buckets.shape[1] < 800
    assert state.forced == 0
