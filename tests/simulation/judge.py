"""What must hold of a simulated cell, whatever happened to it, against a task that never crashed and the records that were sent."""

from typing import NamedTuple

import msgspec

from features.fold import FOLD_VERSION
from schemas.records import Fetch, Message, Origin
from schemas.row import unpack
from state.changelog import MARKER_KEY, key_of
from state.checkpoint import Marker, Start, decode_marker, encode_marker
from tests.simulation.cell import LOG, PSEUDONYMS, task_of
from tests.simulation.disk import Disk, Key
from tests.simulation.outside import Outside

Said = tuple[str, bytes | None, bytes | None]
"""Of an answer all that is to be the same whenever it is given: headers and the broker's timestamp are not."""


class Straight(NamedTuple):
    """The log up to `offset`, folded and answered without an accident."""

    offset: int
    answers: list[Said]
    """Of the rows since the one before."""
    marker: bytes
    values: dict[Key, bytes]


def said(message: Message) -> Said:
    return message.topic, message.key, message.value


def undrained(marker: bytes) -> bytes:
    """A marker but for whether its owner had stopped in order."""
    return encode_marker(msgspec.structs.replace(decode_marker(marker), drained=False))


def straight(outside: Outside, cuts: set[int]) -> dict[int, Straight]:
    """A task that never crashed, stopped at each of these offsets and at the end of the log."""
    disk = Disk()
    marker = Marker(
        topic_id="log-id", offset=0, key_fingerprint=PSEUDONYMS.fingerprint, fold_version=FOLD_VERSION, changelog_id="changelog-id"
    )
    task = task_of(Start(marker, committed=0, live_from=0, log_end=0), disk)
    found: dict[int, Straight] = {}
    at = 0
    for cut in sorted({*cuts, len(outside.log)}):
        answers: list[Message] = []
        if cut > at:
            answers = task.decide(Fetch(LOG, at, outside.log[at:cut])).messages
            task.progress.sent(upto=cut, messages=0)
        frozen, task.frozen = task.freeze(), None
        disk.put(frozen.values)
        if task.fold:
            task.fold.make_room()  # they are written
        found[cut] = Straight(cut, [said(each) for each in answers], encode_marker(frozen.marker), dict(disk.values))
        at = cut
    return found


def judge(outside: Outside, seed: int) -> None:
    """Raises AssertionError, which names the seed, unless the run is as one without an accident."""
    stood = straight(outside, {held.offset for held in outside.held} | {c.offset for c in outside.commits if c.partition == LOG})
    end = stood[len(outside.log)]
    expected = {each for cut in stood.values() for each in cut.answers}
    found = {said(message) for message in outside.answers}
    assert found == expected, f"seed {seed}: {len(expected - found)} answers missing, {len(found - expected)} different"
    if outside.exactly_once:
        once = sum(len(cut.answers) for cut in stood.values())
        assert len(outside.answers) == once, f"seed {seed}: {len(outside.answers) - once} answers were seen twice"
    for held in outside.held:
        place = f"seed {seed}: {held.where} at offset {held.offset}"
        assert held.values == stood[held.offset].values, f"{place}: the table differs"
        assert undrained(held.marker) == stood[held.offset].marker, f"{place}: the marker differs"
    table = outside.changelog.table()
    assert undrained(table.pop(MARKER_KEY)) == end.marker, f"seed {seed}: the marker in the changelog differs at the end"
    assert table == {key_of(*key): value for key, value in end.values.items()}, f"seed {seed}: the changelog differs at the end"
    _judge_commits(outside, seed, stood)
    _judge_sources(outside, seed)


def _judge_commits(outside: Outside, seed: int, stood: dict[int, Straight]) -> None:
    """Committed never passed an unanswered row."""
    arrived: set[Said] = set()
    heard = answered = 0
    for commit in outside.commits:
        if commit.partition != LOG:
            continue
        arrived.update(said(message) for message in outside.answers[heard : commit.arrived])
        heard = commit.arrived
        for cut in stood.values():
            if answered < cut.offset <= commit.offset:
                assert arrived.issuperset(cut.answers), f"seed {seed}: committed {commit.offset} passed rows without an answer"
        answered = max(answered, commit.offset)


def _judge_sources(outside: Outside, seed: int) -> None:
    """Every record is a row, in the order of its source, and none is counted twice; a source was committed after its rows had arrived."""
    expected = {**dict(outside.gone), **{outside.origins[source]: len(records) for source, records in outside.sources.items()}}
    rows = dict.fromkeys(expected, 0)  # so many of its records are in the log, from the first on
    rows_at: list[dict[Origin, int]] = []
    for record in outside.log:
        origin = unpack(record).origin
        if origin is not None:
            for offset in unpack(record).rows["offset"].tolist():
                assert offset <= rows[origin], f"seed {seed}: a gap in the rows of {origin}: {offset} after {rows[origin] - 1}"
                rows[origin] = max(rows[origin], offset + 1)
        rows_at.append(dict(rows))
    for origin, count in rows.items():
        assert count == expected[origin], f"seed {seed}: {origin} lacks rows"
    made_anew = {origin.topic for origin, _ in outside.gone}
    for commit in outside.commits:
        if commit.partition != LOG and commit.partition.topic not in made_anew:
            had = rows_at[commit.arrived - 1][outside.origins[commit.partition]] if commit.arrived else 0
            assert commit.offset <= had, f"seed {seed}: {commit.partition} was committed to {commit.offset}, the log had {had} of it"
