"""What a reader is told beside the verdict: why a row was refused, with value and limit; the features that a decision shows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.asked import Catalogue
from schemas.dead_letter import ahead_detail, late_detail, old_label_detail, quarantined_detail, reused_detail, unfoldable_detail
from schemas.reasons import Reason
from schemas.row import Rows


def tell(rows: Rows, refused: NDArray[np.bool_], *, reason: NDArray[np.uint8], newest_ms: NDArray[np.int64], catalogue: Catalogue) -> None:
    """Writes into the rows that the fold refused why it did. Those that intake refused have been told.

    reason, newest_ms: of each row, as the fold gave them.
    """
    for at in np.flatnonzero(refused):
        if rows["reason"][at] != Reason.NONE:
            continue
        row, why = rows[at], Reason(int(reason[at]))
        match why:
            case Reason.LATE:
                detail = late_detail(int(row["event_time_ms"]), int(newest_ms[at]), catalogue.grace_ms)
            case Reason.EVENT_TIME_AHEAD:
                detail = ahead_detail(int(row["event_time_ms"]), int(row["received_ms"]), catalogue.future_ms)
            case Reason.LABEL_TOO_OLD:
                detail = old_label_detail(int(row["event_time_ms"]), int(newest_ms[at]), catalogue.lifetime_ms)
            case Reason.UNFOLDABLE:
                detail = unfoldable_detail()
            case Reason.QUARANTINED:
                detail = quarantined_detail()
            case _:
                detail = reused_detail()
        rows["reason"][at], rows["detail"][at] = why, detail.encode()


def shown(shows: Sequence[tuple[str, int]], features: NDArray[np.float32]) -> tuple[tuple[str, ...], NDArray[np.float32]] | None:
    """The features that a decision shows, as the policy in force says. shows: names and columns."""
    if not shows:
        return None
    names, columns = zip(*shows, strict=True)
    return names, features[:, columns]
