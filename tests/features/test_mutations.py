"""Planted mistakes: each is a small change of the fold's source, and each must be told from the oracle by the seeded streams.

A mistake that slips through means that the streams do not go over the edge where it shows: widen `strategies`, never the tolerance.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from schemas.row import Rows
from tests.features.strategies import SMALL, SMALL_CATALOGUE, build, seeded_steps
from tests.features.twins import Run, by_oracle, by_reference, difference

SEEDS = range(40, 52)
ROWS = 300

OF_THE_REFERENCE = {
    "velocity: the window closed on the left": ("seen if event.time_ms > folding", "seen if event.time_ms >= folding"),
    "velocity: without the row itself": ("in folding.seen if", "in folding.history or folding.seen if"),
    "count: a float32 too many": ('"count": count,', '"count": count + 1.0 * (count > 4),'),
    "sum: floats added in float32": ("float(sum(amounts)), float(len", "float(sum(map(np.float32, amounts), np.float32(0))), float(len"),
    "mean: floored": ("total / count, ", "total // count, "),
    "max: of magnitudes": ("float(max(amounts))", "float(max(map(abs, amounts)))"),
    "deviation: of a sample": ("float(low)) / count", "float(low)) / math.sqrt(count * (count - 1))"),
    "deviation: known of one": ("if count < 2:", "if count < 1:"),
    "deviation: squares in floats": ("sum(amount * amount for", "sum(float(amount) * amount for"),
    "recency: previous ignores equal times": (
        "history[-1].time_ms if history",
        "history[-1].time_ms if history and history[-1] < event[:1]",
    ),
    "recency: previous is the first kept": ("history[-1].time_ms", "history[0].time_ms"),
    "recency: previous of a late row is the newest": ("history[-1].time_ms", "value.events[-1].time_ms"),
    "recency: first is the first to arrive": ("min(first_ms, event.time_ms)", "first_ms"),
    "recency: first after the row": ("since_ms <= folding.time_ms", "True"),
    "baseline: includes the row itself": ("in folding.history if", "in folding.seen if"),
    "baseline: the window closed on the left": ("history if event.time_ms > folding", "history if event.time_ms >= folding"),
    "ratio: of a history that sums to nought": ("if total else NAN", "if before else NAN"),
    "zscore: of equal amounts": ("if spread > 0 else NAN", "if len(before) > 1 else NAN"),
    "distinct: the window closed on the left": ("window_ms < seen <=", "window_ms <= seen <="),
    "distinct: sees what is newer": ("< seen <= folding.time_ms for", "< seen for"),
    "distinct: a late sighting is the newest": ("max(sightings.get(member, time_ms), time_ms)", "time_ms"),
    "distinct: an absent member is a member": ("if member == 0:", "if member < 0:"),
    "novelty: after the row": ("new = member not in sightings\n", "new = False\n"),
    "novelty: old members never leave": ("if seen > value.newest_ms - each.keep_ms", "if True"),
    "novelty: the set's edge": ("seen > value.newest_ms - each.keep_ms", "seen >= value.newest_ms - each.keep_ms"),
    "cap: the newest event goes": ("value.events.pop(0)", "value.events.pop()"),
    "cap: before the features": ("> catalogue.events_max", ">= catalogue.events_max"),
    "cap: the larger of equal members goes": ("(kept[member], member)", "(kept[member], -member)"),
    "cap: the newest member goes": ("del kept[min(", "del kept[max("),
    "cap: the events' edge": ("event.time_ms > value.newest_ms - entity", "event.time_ms >= value.newest_ms - entity"),
    "order: equal times by latest arrival first": ("bisect_right(value", "bisect_left(value"),
    "grace: off": ("< cell.newest_ms - catalogue.grace_ms", "< -(2**62)"),
    "grace: its edge": ("< cell.newest_ms - catalogue.grace_ms", "<= cell.newest_ms - catalogue.grace_ms"),
    "ahead: off": ('> row["received_ms"] + catalogue.future_ms', "> 2**62"),
    "ahead: its edge": ('> row["received_ms"]', '>= row["received_ms"]'),
    "lifetime: off": ("value.newest_ms < max(cell", "value.newest_ms < 0 * max(cell"),
    "lifetime: its edge": ("value.newest_ms < max(cell", "value.newest_ms <= max(cell"),
    "lifetime: without the asking row": ("max(cell.newest_ms, time_ms) - catalogue.lifetime_ms", "cell.newest_ms - catalogue.lifetime_ms"),
    "newest: the last to arrive": ("cell.newest_ms = max(cell.newest_ms, time_ms)", "cell.newest_ms = time_ms"),
    "repeat: counted": ("known is not None and known.content", "False and known is not None and known.content"),
    "repeat: of any content": ('known.content_hash == row["content_hash"]', "True"),
    "repeat: after the grace": ("if known is not None and known", "if untimely(cell, row, catalogue) == 0 and known is not None and known"),
    "repeat: remembered by every entity": ("if entity.name == primary:", "if entity.name:"),
    "memory: without a most": ("len(value.memory) > catalogue.memory_max or", "len(value.memory) > 10**6 or"),
    "memory: its span's edge": ("<= value.newest_ms - catalogue.memory_span_ms", "< value.newest_ms - catalogue.memory_span_ms"),
    "memory: the least is the most": ("> catalogue.memory_min and value", "> 0 and value"),
}
"""What is wrong: the text that is replaced, and by what."""


@cache
def streams() -> list[tuple[Rows, Run]]:
    """Rows, and what the oracle says of them."""
    rows = [build(seeded_steps(seed, ROWS), SMALL_CATALOGUE) for seed in SEEDS]
    return [(each, by_oracle(each, SMALL, SMALL_CATALOGUE)) for each in rows]


def mutant(old: str, new: str) -> ModuleType:
    """features/reference.py with one text replaced. The text stands there once, or the mistake has to be planted anew."""
    spec = find_spec("features.reference")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    assert source.count(old) == 1, f"{old!r} stands there {source.count(old)} times"
    module = ModuleType("mutant")
    source = source.replace("import bisect_right", "import bisect_left, bisect_right").replace(old, new)
    exec(compile(source, "mutant", "exec"), module.__dict__)  # noqa: S102 (our own source)
    return module


def test_the_source_as_it_is_passes() -> None:
    module = mutant("NAN = math.nan", "NAN = math.nan ")
    assert [difference(by_reference(rows, SMALL_CATALOGUE, module), told, SMALL_CATALOGUE, ulps=1) for rows, told in streams()] == [
        None for _ in SEEDS
    ]


@pytest.mark.parametrize("mistake", OF_THE_REFERENCE)
def test_a_mistake_in_the_reference_is_caught(mistake: str) -> None:
    module = mutant(*OF_THE_REFERENCE[mistake])
    assert any(caught(module, rows, told) for rows, told in streams())


def caught(module: ModuleType, rows: Rows, told: Run) -> bool:
    """Whether the mistake shows: another answer, or none."""
    try:
        run = by_reference(rows, SMALL_CATALOGUE, module)
    except ArithmeticError:
        return True
    return difference(run, told, SMALL_CATALOGUE, ulps=1) is not None
