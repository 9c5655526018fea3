"""How decisions are judged: bit by bit against the same model offline, and by the measures of the Fraud Detection Handbook."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.offline import DAY_MS, Offline
from models.metrics import evaluate, not_known_defrauded
from schemas.errors import BadSetting

WEEK_DAYS = 7
PUBLISHED = {  # Fraud Detection Handbook, chapter 3, one week: AUC ROC, average precision, card precision@100
    "logistic regression": (0.871, 0.606, 0.291),
    "decision tree, depth 2": (0.763, 0.496, 0.241),
    "random forest": (0.867, 0.658, 0.287),
    "XGBoost": (0.862, 0.639, 0.273),
}


class Protocol(NamedTuple):
    """The handbook's: days since 1970-01-01."""

    train_from: int

    @classmethod
    def of(cls, day: str) -> "Protocol":
        """Raises BadSetting if it is no day."""
        try:
            return cls(int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000) // DAY_MS)
        except ValueError:
            raise BadSetting(f"--first-train-day {day!r} is no day, as 2018-07-25 is one") from None

    @property
    def until_ms(self) -> int:
        """Where the test week ends."""
        return (self.train_from + 3 * WEEK_DAYS) * DAY_MS

    def test_rows(self, offline: Offline) -> NDArray[np.bool_]:
        """The rows that count."""
        weeks = {"train_days": WEEK_DAYS, "delay_days": WEEK_DAYS, "test_days": WEEK_DAYS}
        return not_known_defrauded(offline.fraud, cards=offline.card, days=offline.day, train_from=self.train_from, **weeks)


def figures_of(offline: Offline, scores: NDArray[np.float32], judged: NDArray[np.bool_]) -> dict[str, float]:
    """The book's three measures of some scores, on the rows of the mask."""
    found = evaluate(scores[judged], offline.fraud[judged], cards=offline.card[judged], days=offline.day[judged])
    return {"auc_roc": found.auc_roc, "average_precision": found.average_precision, "card_precision_100": found.card_precision}


def compared(offline: Offline, live: NDArray[np.float32], protocol: Protocol | None) -> dict[str, Any]:
    """live: float32, a score each row of the file, NaN where there was no decision. Retries and refused rows do not count."""
    fresh = offline.fresh
    differing = int(np.count_nonzero(live[fresh].view(np.uint32) != offline.score[fresh].view(np.uint32)))
    judged = fresh & (protocol.test_rows(offline) if protocol else True)

    def figures(scores: NDArray[np.float32]) -> dict[str, float]:
        return {name: round(figure, 4) for name, figure in figures_of(offline, scores, judged).items()}

    return {
        "scores_compared": int(np.count_nonzero(fresh)),
        "scores_differing": differing,
        "judged_rows": int(np.count_nonzero(judged)),
        "judged_frauds": int(np.count_nonzero(offline.fraud[judged])),
        "offline": figures(offline.score),
        "live": figures(np.nan_to_num(live)),
    }
