"""Full sets: the members that stay say how many there are, within two over the root of the cap."""

import math

import numpy as np

from features import reference_sets as plain
from features.aggregates import sampling
from features.aggregates.compiled import Words, compiled, int64, nothing, words_1d

CAP = 64


@compiled(nothing, words_1d, words_1d)
def hash_all(members: Words, hashes: Words) -> None:
    for k in range(len(members)):
        hashes[k] = sampling.hashed(members[k])


@compiled(int64, words_1d, words_1d, int64, words_1d)
def sight_all(members: Words, kept: Words, cap: int, counts: Words) -> int:
    """Sights them one after the other in a set of this cap, twice cap words long. Returns the threshold; counts: after each."""
    threshold, count = 0, 0
    for k in range(len(members)):
        known = False
        for other in range(count):
            known = known or kept[other] == members[k]
        if not known and sampling.stays(members[k], threshold):
            kept[count] = members[k]
            count += 1
            if count > cap:
                threshold = sampling.lowered(kept, 0, count)
                count = sampling.sampled(kept, 0, cap + 1, count, threshold)
        counts[k] = count
    return threshold


def test_hashes_are_splitmix64() -> None:
    members = np.concatenate([[0, 1, 0x4544, 2**63 - 1, -1, -(2**63)], np.random.default_rng(1).integers(-(2**63), 2**63 - 1, 1000)])
    hashes = np.empty_like(members)
    hash_all(members, hashes)
    assert hashes.tolist() == [plain.hashed(member % 2**64) for member in members.tolist()]
    assert plain.hashed(1234567) == 6457827717110365317 >> 41  # the generator's published first number of this seed
    assert hashes.max() < plain.HASHES


def test_estimates_are_within_two_over_the_root_of_the_cap() -> None:
    off = []
    for seed in range(300):
        size = 100 * 3 ** (seed % 6)
        members = np.random.default_rng(seed).integers(1, 2**62, size)
        counts, kept = np.empty(size, np.int64), np.zeros(2 * CAP + 2, np.int64)
        threshold = sight_all(members, kept, CAP, counts)
        assert counts[CAP - 1 :].min() >= CAP - 1  # it stays full
        off.append(sampling.estimate(counts[-1], threshold, True) / size - 1)
    bound = 2 / math.sqrt(CAP)
    assert np.mean(np.abs(off) <= bound) >= 0.95
    assert abs(np.mean(off)) < 0.03, "the estimate leans to one side"


def test_countries_are_spread_though_they_are_two_letters() -> None:
    members = [first | second << 8 for first in range(65, 91) for second in range(65, 91)]
    kept, threshold = plain.within(dict.fromkeys(members, 0), 0, CAP)
    assert abs(plain.estimate(len(kept), threshold, present=True) / len(members) - 1) <= 2 / math.sqrt(CAP)


def test_the_same_members_stay_in_whatever_order_they_come() -> None:
    members = np.random.default_rng(5).integers(1, 2**62, 1_000)
    found = set()
    for order in range(5):
        shuffled = np.random.default_rng(order).permutation(members)
        kept, threshold = dict[int, int](), 0
        for member in shuffled.tolist():
            if plain.stays(member, threshold):
                kept, threshold = plain.within({**kept, member: 0}, threshold, CAP)
        found.add((frozenset(kept), threshold))
    assert len(found) == 1


def test_a_set_that_is_empty_again_holds_every_member() -> None:
    assert plain.within({}, 77, CAP) == ({}, 0)


def test_a_row_counts_itself_though_it_is_not_sampled() -> None:
    assert [sampling.estimate(0, 5, True), plain.estimate(0, 5, present=True)] == [1.0, 1.0]
    assert [sampling.estimate(0, 5, False), plain.estimate(0, 5, present=False)] == [0.0, 0.0]
    assert [sampling.estimate(3, 0, True), plain.estimate(3, 0, present=True)] == [3.0, 3.0]


def test_a_set_beyond_all_hashes_drops_its_oldest() -> None:
    lowest = [member for member in range(4_000_000) if member % 50_000 == 0]
    kept, threshold = plain.within({member: member for member in lowest}, 1, 3)
    assert (sorted(kept), threshold) == (lowest[-3:], 1)
