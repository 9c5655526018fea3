"""The Fraud Detection Handbook's test weeks, offline and through the running engine: `weir bench handbook`.

    week k          first day + 7 k      + 7 d                 + 14 d
                    |---- training ----|---- delay of labels ----|---- test ----|      cards known as defrauded are dropped day by day

One package a week, trained as the book's protocol says. What it reads and how it is trained stands in `handbook.yaml`, chosen on the book's
validation weeks. Live, the history runs once through the engine, with its labels; before each test week's first transaction that week's
package is put in force by a control row, so that every score of a test week is that of its own package.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.commands.train import examples
from app.judged import WEEK_DAYS, Protocol, figures_of
from app.offline import BEGINNING_MS, DAY_MS, ID_KEY, Offline, Shift, scored, stretches
from app.running import RunningWorker, cluster, prepared, scratch
from app.settings import read_settings
from app.streamed import Change, Engine, streamed
from broker.embedded import LONG_LIFE
from features.catalogue import Catalogue, catalogue_text, read_catalogue
from models.model import Model
from models.policy import policy_text, read_policy
from models.training.build import Built, Wanted, build
from models.training.splits import Split
from models.training.train import Settings
from schemas.errors import BadSetting
from schemas.history import Mapping, arrivals, read_mapping
from schemas.pseudonyms import Pseudonyms
from schemas.yaml_file import read_yaml

FIRST_TRAIN_DAY, WEEKS_MAX = "2018-07-25", 4
CHOICE = Path(__file__).with_name("handbook.yaml")
NAMES = ("auc_roc", "average_precision", "card_precision_100")

Say = Callable[[str], object]


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`handbook.yaml`."""

    features: tuple[str, ...]
    settings: Settings
    validation: dict[str, Any]
    """What it was chosen by; nothing is computed from it."""

    def without(self, globs: Sequence[str]) -> "Choice":
        """The same less some features."""
        return msgspec.structs.replace(self, features=(*self.features, *(f"!{glob}" for glob in globs)))


class Week(NamedTuple):
    """One training week and the package that came of it."""

    protocol: Protocol
    built: Built

    @property
    def test_from_ms(self) -> int:
        """Where its test week begins."""
        return (self.protocol.train_from + 2 * WEEK_DAYS) * DAY_MS

    @property
    def offline(self) -> dict[str, float]:
        """Of its test week."""
        test = self.built.evaluations["test"]
        return dict(zip(NAMES, (test.auc_roc, test.average_precision, test.card_precision), strict=True))


def choice() -> Choice:
    """What was chosen on the validation weeks. Raises BadSetting."""
    return read_yaml(CHOICE.read_text(encoding="utf-8"), Choice, place=str(CHOICE.name), error=BadSetting)


def measure(file: Path, *, weeks: int, first_train_day: str, without: Sequence[str], live: bool, say: Say) -> dict[str, Any]:
    """Figures of so many weeks. without: globs of features that are left out; `faults`: what was not equal, or missing.

    Raises BadMapping, BadSetting, BadTraining.
    """
    chosen, catalogue, mapping = (
        choice().without(without),
        read_catalogue(catalogue_text(), place="the catalogue that ships"),
        read_mapping("handbook"),
    )
    first = Protocol.of(first_train_day)
    protocols = [Protocol(first.train_from + WEEK_DAYS * week) for week in range(weeks)]
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weir-handbook-")))
        trained = train(file, mapping, protocols, chosen, catalogue=catalogue, folder=folder, say=say)
        figures: dict[str, Any] = {
            "weeks": [str(np.datetime64(week.protocol.train_from, "D")) for week in trained],
            "features": len(trained[0].built.model.package.columns),
            "catalogue": catalogue.version,
            "offline": means([week.offline for week in trained]),
            "seconds_offline": round(time.monotonic() - began, 1),
        }
        say(f"offline: {_told(figures['offline'])}")
        if live:
            figures |= _live(stack, file, mapping, trained, catalogue=catalogue, folder=folder, say=say)
            say(f"live: {_told(figures['live'])}; {figures['scores_differing']} of {figures['scores_compared']:,} scores differ in a bit")
    return figures


def train(
    file: Path, mapping: Mapping, protocols: Sequence[Protocol], chosen: Choice, *, catalogue: Catalogue, folder: Path, say: Say
) -> list[Week]:
    """Folds the history once, with its labels, and trains each week's package."""
    say("folding the history")
    folding = stretches(file, mapping, catalogue, Pseudonyms(ID_KEY), until_ms=protocols[-1].until_ms)
    kept = examples(folding, catalogue, first_day=protocols[0].train_from, on_rows=lambda _: None)
    wanted = Wanted("handbook", "1", read_policy(policy_text(), place="the policy that ships"), chosen.features, chosen.settings)
    weeks: list[Week] = []
    for protocol in protocols:
        split = Split(protocol.train_from, WEEK_DAYS, WEEK_DAYS, WEEK_DAYS, validation_share=0.0, drop_known=True)
        sets = split.sets(kept)
        built = build(folder / f"week-{len(weeks) + 1}", wanted, sets, catalogue=catalogue)
        weeks.append(Week(protocol, built))
        test = built.evaluations["test"]
        say(
            f"week {len(weeks)}: {len(sets['training'].labels):,} training rows with {int(sets['training'].labels.sum())} frauds, "
            f"{test.rows:,} test rows with {test.frauds}: {_told(weeks[-1].offline)}"
        )
    return weeks


def _live(
    stack: ExitStack, file: Path, mapping: Mapping, weeks: list[Week], *, catalogue: Catalogue, folder: Path, say: Say
) -> dict[str, Any]:
    until_ms = weeks[-1].protocol.until_ms
    settings = scratch(read_settings(prefix=f"handbook-{int(time.time())}", id_key=ID_KEY.decode(), id_key_file=""), folder)
    settings = stack.enter_context(cluster(settings, sweep=True, java_options=LONG_LIFE))
    say("scoring offline, every row from the first, by the package that will decide it")
    shifts = [Shift(week.test_from_ms if nth else BEGINNING_MS, _model(week)) for nth, week in enumerate(weeks)]
    offline = scored(stretches(file, mapping, catalogue, Pseudonyms(ID_KEY), until_ms=until_ms), shifts, catalogue)
    connection = prepared(settings, package=_model(weeks[0]).package.folder, partitions=1)
    worker = RunningWorker(settings, log=folder / "worker.log")
    stack.callback(worker.stop)
    worker.start()
    worker.wait_ready()
    say(f"{len(offline.ids):,} rows through the engine")
    said = [0.0]

    def on_decided(done: int) -> None:
        if time.monotonic() - said[0] > 10:
            said[0] = time.monotonic()
            say(f"{done:,} decided")

    changes = [Change(week.test_from_ms, _model(week).package.folder) for week in weeks[1:]]
    events = arrivals(file, mapping, labels=True)
    live, went = streamed(Engine(settings, connection, worker), events, offline.ids, changes=changes, on_decided=on_decided)
    return judged(offline, live, weeks) | {"replay": went}


def judged(offline: Offline, live: NDArray[np.float32], weeks: Sequence[Week]) -> dict[str, Any]:
    """The live scores against those offline, and by the book's measures. live: float32, NaN where no decision came."""
    fresh = offline.fresh
    differing = int(np.count_nonzero(live[fresh].view(np.uint32) != offline.score[fresh].view(np.uint32)))
    by_week = [figures_of(offline, np.nan_to_num(live), fresh & week.protocol.test_rows(offline)) for week in weeks]
    missing = int(np.count_nonzero(np.isnan(live[fresh])))
    found = means(by_week)
    unequal = [nth + 1 for nth, week in enumerate(weeks) if any(by_week[nth][name] != week.offline[name] for name in NAMES)]
    faults = [f"{differing} scores differ in a bit"] * bool(differing) + [f"{missing} rows have no score"] * bool(missing)
    faults += [f"the figures of week {nth} differ from offline" for nth in unequal]
    return {"live": found, "scores_compared": int(np.count_nonzero(fresh)), "scores_differing": differing, "faults": faults}


def means(by_week: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Of each figure, and the weeks themselves."""
    rounded = [{name: round(week[name], 4) for name in NAMES} for week in by_week]
    return {**{name: round(float(np.mean([week[name] for week in by_week])), 4) for name in NAMES}, "by_week": rounded}


def _model(week: Week) -> Model:
    return week.built.model


def _told(figures: dict[str, Any]) -> str:
    return " / ".join(f"{figures[name]:.3f}" for name in NAMES)
