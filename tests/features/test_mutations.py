"""Planted mistakes: each is a small change of the fold's source, and each must be told from the oracle by the seeded streams.

A mistake that slips through means that the streams do not go over the edge where it shows: widen `strategies`, never the tolerance.
"""

from functools import cache

import pytest

from schemas.row import Rows
from tests.features import mutants
from tests.features.strategies import SMALL, SMALL_CATALOGUE, build, seeded_steps
from tests.features.twins import Run, by_fold, by_oracle, by_reference, difference

SEEDS = (84, 46, 54, 45, 40, 43, 104, 198, 128)  # each mistake shows in one of them, most in the first
ROWS = 300

OF_THE_REFERENCE = {
    "velocity: the window closed on the left": ("history if event.time_ms > since_ms]", "history if event.time_ms >= since_ms]"),
    "velocity: without the row itself": ("velocity([*before, folding.amount_minor])", "velocity(before or [folding.amount_minor])"),
    "distinct: an absent member is a member": ("if member == 0 or not", "if member < 0 or not"),
    "cap: the events' edge": ("event.time_ms > until_ms]", "event.time_ms >= until_ms]"),
    "cap: what leaves is lost": ("value.buckets, value.events = settled.buckets, ", "value.events = "),
    "cap: a late row counts as exact": ("seen=history if late else [*history, event]", "seen=[*history, event]"),
    "labels: the newest leave": ("value.labels[settled.left :]", "value.labels[: len(value.labels) - settled.left]"),
    "rate: not smoothed": ("(twice_all * 0.5 + SMOOTHING)", "(twice_all * 0.5 + 1)"),
    "count: a float32 too many": ('"count": count,', '"count": count + 1.0 * (count > 4),'),
    "sum: floats added in float32": ("float(sum(amounts)), float(len", "float(sum(map(np.float32, amounts), np.float32(0))), float(len"),
    "mean: floored": ("total / count, ", "total // count, "),
    "max: of magnitudes": ("float(max(amounts))", "float(max(map(abs, amounts)))"),
    "deviation: of a sample": ("float(low)) / count", "float(low)) / math.sqrt(count * (count - 1))"),
    "deviation: known of one": ("if count < 2:", "if count < 1:"),
    "deviation: squares in floats": ("sum(amount * amount for", "sum(float(amount) * amount for"),
    "recency: previous ignores equal times": (
        "history[-1].time_ms if history",
        "history[-1].time_ms if history and history[-1].time_ms < time_ms",
    ),
    "recency: previous is the first kept": ("history[-1].time_ms", "history[0].time_ms"),
    "recency: previous of a late row is the newest": ("history[-1].time_ms", "value.events[-1].time_ms"),
    "recency: first is the first to arrive": ("min(first_ms, time_ms)", "first_ms"),
    "recency: first after the row": ("since_ms <= folding.time_ms", "True"),
    "baseline: includes the row itself": ("in folding.history if", "in folding.seen if"),
    "ratio: of a history that sums to nought": ("if total else NAN", "if before else NAN"),
    "zscore: of equal amounts": ("if spread > 0 else NAN", "if len(before) > 1 else NAN"),
    "distinct: the window closed on the left": ("window_ms < seen <=", "window_ms <= seen <="),
    "distinct: sees what is newer": ("< seen <= folding.time_ms for", "< seen for"),
    "distinct: a late sighting is the newest": ("max(sightings.get(member, time_ms), time_ms)", "time_ms"),
    "novelty: after the row": ("new = member not in sightings\n", "new = False\n"),
    "novelty: old members never leave": ("if seen > value.newest_ms - each.keep_ms", "if True"),
    "novelty: the set's edge": ("seen > value.newest_ms - each.keep_ms", "seen >= value.newest_ms - each.keep_ms"),
    "order: equal times by latest arrival first": ("at = bisect_right(", "from bisect import bisect_left; at = bisect_left("),
    "grace: off": ("< cell.newest_ms - catalogue.grace_ms", "< -(2**62)"),
    "grace: its edge": ("< cell.newest_ms - catalogue.grace_ms", "<= cell.newest_ms - catalogue.grace_ms"),
    "ahead: off": ('row["event_time_ms"] > row["received_ms"] + catalogue.future_ms', "False"),
    "ahead: its edge": ('row["event_time_ms"] > row["received_ms"]', 'row["event_time_ms"] >= row["received_ms"]'),
    "lifetime: off": ("value.last_ms < max(cell", "value.last_ms < 0 * max(cell"),
    "lifetime: its edge": ("value.last_ms < max(cell", "value.last_ms <= max(cell"),
    "lifetime: without the asking row": ("max(cell.newest_ms, time_ms) - catalogue.lifetime_ms", "cell.newest_ms - catalogue.lifetime_ms"),
    "newest: the last to arrive": ("cell.newest_ms = max(cell.newest_ms, time_ms)", "cell.newest_ms = time_ms"),
    "repeat: counted": ("known is not None and known.content", "False and known is not None and known.content"),
    "repeat: of any content": ('known.content_hash == row["content_hash"]', "True"),
    "repeat: after the grace": ("if known is not None and known", "if untimely(cell, row, catalogue) == 0 and known is not None and known"),
    "repeat: remembered by every entity": ("if entity.name == primary:", "if entity.name:"),
    "memory: without a most": ("len(value.memory) > catalogue.memory_max or", "len(value.memory) > 10**6 or"),
    "memory: its span's edge": ("<= value.newest_ms - catalogue.memory_span_ms", "< value.newest_ms - catalogue.memory_span_ms"),
    "labels: a repeated one counts again": ("if all(known.label_hash != label.label_hash for known in value.labels):", "if True:"),
    "labels: too old are taken": ("time_ms < cell.newest_ms - catalogue.lifetime_ms:", "False:"),
    "labels: seen before their transaction's time": ("if label.time_s <= folding.time_ms // 1000:", "if True:"),
    "slices: without the delay": ("until_ms = folding.time_ms - sliced.delay_ms", "until_ms = folding.time_ms"),
    "slices: all meet the filter": ("if not sliced.where or sliced.where in event.met", "if True"),
    "last: of the first": ("- delay_ms][-last:]", "- delay_ms][:last]"),
    "hot: after the row": ("is_hot(amount_minor, *running[:2])", "is_hot(amount_minor, running[0] + amount_minor, running[1] + 1)"),
    "robust: not clipped": ("clipped = min(amount_minor, 11 * total // (5 * count))", "clipped = amount_minor"),
    "over_max: of the smallest": ("max(value.largest, amount_minor)", "min(value.largest, amount_minor)"),
    "speed: in metres a second": ("/ 3_600_000.0)", "/ 1_000.0)"),
    "speed: of the first position": ("if entity.travel and here is not None:", "if entity.travel and here is not None and before is None:"),
    "memory: the least is the most": ("> catalogue.memory_min and value", "> 0 and value"),
}
"""What is wrong: the text that is replaced, and by what."""


AHEAD = "if time_ms > read_int64(raw, row, plan[RECEIVED_MS]) + plan[FUTURE_MS]:\n        return REFUSED, plan[AHEAD]\n    return FRESH"

OF_THE_COMPILED = {
    "sum: loses its last bit": ("velocity", "= total\n", "= float(int(total) & -2)\n"),
    "cap: one event less": ("keeping", "while items - gone >= cap + step:", "while items - gone >= cap:"),
    "cap: the events' edge": ("keeping", "words[times + gone] <= until:", "words[times + gone] < until:"),
    "buckets: the window's edge": ("buckets", "if words[base + middle] > time_ms:", "if words[base + middle] >= time_ms:"),
    "buckets: what is exact is not summed": ("hot", "    if count:\n        add_event", "    if False:\n        add_event"),
    "buckets: a late row without itself": ("hot", "twice_count, twice_total = 2 + twice_of", "twice_count, twice_total = 1 + twice_of"),
    "buckets: a late row knows the largest": ("hot", "* 0.5, math.nan, mean, math.nan)", "* 0.5, 0.0, mean, math.nan)"),
    "slices: a late row is not in its own window": ("slices", "itself = 1 if late != NOT_LATE and", "itself = 1 if late == 0 and"),
    "velocity: the window closed on the left": ("windows", "unsigned(times + at)] > since_ms", "unsigned(times + at)] >= since_ms"),
    "velocity: each window begins anew": ("windows", "    for _ in range(windows):\n", "    for _ in range(windows):\n        total = 0\n"),
    "count: without the row itself": ("velocity", "= count\n", "= count - 1\n"),
    "mean: floored": ("windows", "float(total) / float(count)", "float(total // count)"),
    "max: begins at nought": ("windows", "place, 0, NEVER, 0", "place, 0, 0, 0"),
    "deviation: of a sample": ("exact", ") / count if count >= 2", ") / math.sqrt(count * (count - 1)) if count >= 2"),
    "deviation: a carry is lost": ("exact", "+ (ones >> (HALF + 1))", ""),
    "order: equal times by latest arrival first": ("windows", "words[times + place - 1] > time_ms", "words[times + place - 1] >= time_ms"),
    "recency: previous of a late row is the newest": ("loop", "    if newest_ms > time_ms:", "    if False:"),
    "recency: first after the row": ("recency", "and first_ms <= time_ms", ""),
    "recency: first is the first to arrive": ("loop", "else min(first_ms, time_ms)", "else first_ms"),
    "baseline: includes the row itself": ("baseline", "count - 1, total - amount_minor", "count, total"),
    "ratio: of a history that sums to nought": ("baseline", "before > 0 and sum_before != 0", "before > 0"),
    "zscore: squares of the row itself": ("baseline", "lows - low * low", "lows"),
    "distinct: the window closed on the left": ("distinct", "since_ms < words[unsigned(", "since_ms <= words[unsigned("),
    "distinct: sees what is newer": ("distinct", "words[unsigned(sightings + k)] <= time_ms else", "words[unsigned(sightings + k)] else"),
    "distinct: a late sighting is the newest": ("keeping", "max(words[sightings + state[FOUND + which]], time_ms)", "time_ms"),
    "distinct: the set's edge": ("distinct", "words[sightings + k] <= until_ms", "words[sightings + k] < until_ms"),
    "novelty: old members are new": ("novelty", "1.0 if place < 0", "1.0 if place <= 0"),
    "grace: off": ("judge", "time_ms < newest_ms - plan[GRACE_MS]", "False"),
    "grace: its edge": ("judge", "time_ms < newest_ms - plan[GRACE_MS]", "time_ms <= newest_ms - plan[GRACE_MS]"),
    "ahead: its edge": ("judge", AHEAD, AHEAD.replace("time_ms >", "time_ms >=")),
    "lifetime: without the asking row": ("judge", "max(newest_ms, time_ms) - plan[LIFETIME_MS]", "newest_ms - plan[LIFETIME_MS]"),
    "lifetime: its edge": ("labels", "else last_ms) >= since_ms", "else last_ms) > since_ms"),
    "newest: the last to arrive": ("loop", "= max(state[NEWEST_MS], time_ms)", "= time_ms"),
    "repeat: counted": ("judge", "return REPEAT, 0", "return FRESH, 0"),
    "repeat: of any content": ("judge", "            return REFUSED, plan[REUSED]", "            pass"),
    "memory: its span's edge": ("repeats", "words[times + gone] <= until_ms", "words[times + gone] < until_ms"),
    "memory: without a most": ("repeats", "items - gone > plan[MEMORY_MAX] or", ""),
    "labels: a repeated one counts again": ("loop", "if labels.known(words, at, shape, label_hash) and", "if False and"),
    "labels: ids are read from another array": (
        "labels",
        "LABELS) + 2 * room(section) + start(section)\n    return",
        "LABELS) + room(section) + start(section)\n    return",
    ),
    "labels: a won dispute counts nothing": ("labels", "- (1 if fact & WON else 0)", ""),
    "labels: too old are taken": (
        "judge",
        "time_ms < newest_ms - plan[LIFETIME_MS]:\n        return REFUSED, plan[LABEL_TOO_OLD]",
        "False:\n        return REFUSED, plan[LABEL_TOO_OLD]",
    ),
    "labels: genuine ones count": ("labels", "KNOWN_FROM = 2", "KNOWN_FROM = 1"),
    "slices: without the delay": ("slices", "until_ms = time_ms - plan[each + SLICE_DELAY_MS]", "until_ms = time_ms"),
    "slices: any bit will do": ("slices", "fact & mask else 0", "fact & 0xFFFFF else 0"),
    "slices: sum without the sign": ("labels", "total += sign * (fact >> BITS)", "total += fact >> BITS"),
    "rate: without its start": ("slices", "SMOOTHING * prior", "0.0 * prior"),
    "last: one too many": ("labels", "words[events + known - wanted] //", "words[events + max(known - wanted - 1, 0)] //"),
    "first fraud: of a second that was taken back": (
        "labels",
        "if net(words, facts, k, end)[0] > 0",
        "if net(words, facts, k, end)[0] >= 0",
    ),
    "last fraud: of a second that was taken back": ("labels", "begin + 1, k + 1)[0] > 0", "begin + 1, k + 1)[0] >= 0"),
    "hot: its edge": ("behaviour", "5 * amount_minor * count > 11 * total", "5 * amount_minor * count >= 5 * total"),
    "hot: after the row": ("behaviour", "5 * amount_minor * count > 11 * total", "5 * amount_minor * (count + 1) > 11 * total"),
    "robust: not clipped": ("behaviour", "min(amount_minor, 11 * total // (5 * count))", "amount_minor"),
    "over_max: of all but the last": ("behaviour", "if count > 0 else amount_minor", "if count > 1 else amount_minor"),
    "speed: of the first position": (
        "loop",
        "    place_at(words, at, latitude, longitude, time_ms)",
        "    if words[at + PLACED_MS] == NEVER:\n        place_at(words, at, latitude, longitude, time_ms)",
    ),
    "speed: signed": ("travel", "float(abs(apart_ms))", "float(apart_ms)"),
    "lifetime: of labels only is for ever": (
        "labels",
        "return (newest_ms_of(words, at, shape, NEVER) if last_ms == NEVER else last_ms) >= since_ms",
        "return last_ms == NEVER or last_ms >= since_ms",
    ),
    "memory: the retry keeps its own verdict": ("answers", "if codes[STATUS, row] == REPEAT:", "if False:"),
    "night: ends at seven": ("itself", "NIGHT_HOURS = 6", "NIGHT_HOURS = 7"),
}
"""What is wrong: the file, the text that is replaced, and by what."""


@cache
def streams() -> list[tuple[Rows, Run]]:
    """Rows, and what the oracle says of them."""
    rows = [build(seeded_steps(seed, ROWS), SMALL_CATALOGUE) for seed in SEEDS]
    return [(each, by_oracle(each, SMALL, SMALL_CATALOGUE)) for each in rows]


def test_the_source_as_it_is_passes() -> None:
    module = mutants.reference()
    fold = mutants.compiled("features/loop.py")
    for rows, told in streams()[:3]:
        assert difference(by_reference(rows, SMALL_CATALOGUE, module), told, SMALL_CATALOGUE, ulps=1) is None
        assert difference(by_fold(rows, SMALL_CATALOGUE, make=fold)[0], told, SMALL_CATALOGUE, ulps=1) is None


@pytest.mark.parametrize("mistake", OF_THE_REFERENCE)
def test_a_mistake_in_the_reference_is_caught(mistake: str) -> None:
    module = mutants.reference(OF_THE_REFERENCE[mistake])

    def caught(rows: Rows, told: Run) -> bool:
        try:
            run = by_reference(rows, SMALL_CATALOGUE, module)
        except (ArithmeticError, ValueError):
            return True
        return difference(run, told, SMALL_CATALOGUE, ulps=1) is not None

    assert any(caught(rows, told) for rows, told in streams())


@pytest.mark.parametrize("mistake", OF_THE_COMPILED)
def test_a_mistake_in_the_compiled_fold_is_caught(mistake: str) -> None:
    name, old, new = OF_THE_COMPILED[mistake]
    fold = mutants.compiled(f"features/{name if name in {'answers', 'loop'} else f'aggregates/{name}'}.py", (old, new))

    def caught(rows: Rows, told: Run) -> bool:
        try:
            run, _ = by_fold(rows, SMALL_CATALOGUE, cuts=(100,), make=fold)
        except (ArithmeticError, AssertionError, ValueError):
            return True
        return difference(run, told, SMALL_CATALOGUE, ulps=1) is not None

    assert any(caught(rows, told) for rows, told in streams())
