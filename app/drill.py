"""The attack drill: what became of every episode of fraud, by kind, when a model and a policy decided; and of the genuine purchases.

episode     first fraud    fraud    fraud    fraud
action      approve        challenge  review   approve          detected at the third: by review or decline
loss        €              €                   €                amounts let through, of all that was tried
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.offline import BEGINNING_MS, Shift, scored, stretches
from features.catalogue import Catalogue
from models.metrics import auc_roc, average_precision
from models.model import Model
from models.policy import Policy
from schemas.history import Stretch, read_mapping
from schemas.pseudonyms import Pseudonyms
from schemas.verdict import Action

DAY_MS = 86_400_000
ID_KEY = b"weir attack drill"
"""Nothing is looked up by hash: the key need not be a worker's."""


class Kind(msgspec.Struct, frozen=True):
    """Of one kind of fraud. A challenge counts as let through: a thief with the victim's phone passes it."""

    episodes: int
    transactions: int
    detected: float
    """The share of episodes of which a transaction was reviewed or declined."""
    seconds_to_detection: float | None
    """From an episode's first fraud to the first that was stopped, median over those detected; None: none was."""
    loss_share: float
    loss_eur: float


class Drill(msgspec.Struct, frozen=True):
    """What the drill found."""

    kinds: dict[str, Kind]
    genuine: int
    genuine_challenged: float
    genuine_reviewed: float
    genuine_declined: float
    auc_roc: float
    average_precision: float


class Seen(msgspec.Struct, frozen=True):
    """Columns, one element a transaction in order of time. action: uint8 of Action; amount: minor units of the base currency."""

    time_ms: NDArray[np.int64]
    amount: NDArray[np.int64]
    action: NDArray[np.uint8]
    fraud: NDArray[np.bool_]
    kind: NDArray[Any]
    episode: NDArray[np.int64]


def drilled(
    file: Path, model: Model, policy: Policy, catalogue: Catalogue, *, warm_up_days: int, on_rows: Callable[[int], object] = lambda _: None
) -> Drill:
    """The drill over a file of `weir simulate`, its first days only to fill the histories. Raises BadMapping, ScoringFailed."""
    amounts: list[NDArray[np.int64]] = []

    def noted(all_rows: Iterator[Stretch]) -> Iterator[Stretch]:
        for stretch in all_rows:
            amounts.append(stretch.rows["amount_minor"][stretch.rows["origin"] == 0])  # of transactions; labels have origin 1
            yield stretch

    rows = stretches(file, read_mapping("simulated"), catalogue, Pseudonyms(ID_KEY))
    offline = scored(noted(rows), [Shift(BEGINNING_MS, model)], catalogue, on_rows=on_rows)
    truth = pq.read_table(file, columns=["event_time_ms", "fraud_kind", "episode"])
    time_ms = truth["event_time_ms"].to_numpy()
    episode = truth["episode"].fill_null(-1).to_numpy()
    judged = (time_ms >= time_ms[0] + warm_up_days * DAY_MS) & offline.fresh
    begun_before = np.unique(episode[~judged & offline.fraud])
    judged &= ~(offline.fraud & np.isin(episode, begun_before))
    score, fraud = offline.score[judged], offline.fraud[judged]
    action = policy.actions(score)
    genuine = action[~fraud]
    seen = Seen(time_ms[judged], np.concatenate(amounts)[judged], action, fraud, truth["fraud_kind"].to_numpy()[judged], episode[judged])
    return Drill(
        kinds=by_kind(seen),
        genuine=len(genuine),
        genuine_challenged=float(np.mean(genuine == Action.CHALLENGE)),
        genuine_reviewed=float(np.mean(genuine == Action.REVIEW)),
        genuine_declined=float(np.mean(genuine == Action.DECLINE)),
        auc_roc=auc_roc(score, fraud),
        average_precision=average_precision(score, fraud),
    )


def by_kind(seen: Seen) -> dict[str, Kind]:
    """In alphabetical order. Only what is fraud of an episode counts: what it pays for to look honest does not."""
    return {str(kind): _kind(seen, seen.fraud & (seen.kind == kind)) for kind in np.unique(seen.kind[seen.fraud])}


def _kind(seen: Seen, mask: NDArray[np.bool_]) -> Kind:
    stopped = seen.action >= Action.REVIEW
    waits = list(_waits(seen.episode[mask], seen.time_ms[mask], stopped[mask]))
    detected = [wait for wait in waits if wait is not None]
    tried, lost = seen.amount[mask].sum(), seen.amount[mask & ~stopped].sum()
    return Kind(
        episodes=len(waits),
        transactions=int(mask.sum()),
        detected=round(len(detected) / len(waits), 4),
        seconds_to_detection=float(np.median(detected)) if detected else None,
        loss_share=round(float(lost / tried), 4),
        loss_eur=round(float(lost) / 100, 2),
    )


def _waits(episode: NDArray[np.int64], time_ms: NDArray[np.int64], stopped: NDArray[np.bool_]) -> Iterator[float | None]:
    """Of each episode the seconds until it was detected; None: it was not."""
    for each in np.unique(episode):
        of = episode == each
        times = time_ms[of]
        caught = times[stopped[of]]
        yield float(caught.min() - times.min()) / 1000 if len(caught) else None
