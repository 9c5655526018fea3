"""Which transactions train, which say when to stop, which judge. Only time divides them: the past is all a model will ever have.

train_from              + train_days              + delay_days              + test_days
|- training -|- validation -|------- delay --------|------------ test ------------|
              last share     labels come that late   cards known as defrauded may be dropped day by day
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.metrics import not_known_defrauded
from models.training.examples import BadTraining, Examples


class Split(NamedTuple):
    """Days are those since 1970-01-01 (UTC). train_days None: up to what delay and test leave of the history."""

    train_from: int | None = None
    train_days: int | None = None
    delay_days: int = 7
    test_days: int = 7
    validation_share: float = 0.2
    """Of the training rows, the latest. 0: none; then nothing says when to stop."""
    drop_known: bool = False
    """From each test day drop the cards already known as defrauded: the handbook's protocol."""

    @property
    def span(self) -> tuple[int, int]:
        """First day, and the day after the last, of what has to be kept of a history."""
        first = self.train_from if self.train_from is not None else -(1 << 40)
        if self.train_from is None or self.train_days is None:
            return first, 1 << 40
        return first, first + self.train_days + self.delay_days + self.test_days

    def sets(self, kept: Examples) -> dict[str, Examples]:
        """`training`, and `validation` and `test` where they are asked for. Raises BadTraining if one holds nothing."""
        days = kept.days
        if not len(days):
            raise BadTraining(f"the history holds no transaction in the days {self.span}")
        first = self.train_from if self.train_from is not None else int(days.min())
        train_days = self.train_days
        if train_days is None:
            train_days = int(days.max()) + 1 - first - self.delay_days - self.test_days
        learnt = (days >= first) & (days < first + train_days)
        sets = self._of_training(kept, learnt)
        if self.test_days:
            sets["test"] = kept.where(self._tested(kept, days, first, train_days))
        for name, each in sets.items():
            if not len(each.labels):
                raise BadTraining(f"no {name} rows: the history has {len(np.unique(days))} days of which {train_days} are for training")
        return sets

    def _of_training(self, kept: Examples, learnt: NDArray[np.bool_]) -> dict[str, Examples]:
        if not self.validation_share:
            return {"training": kept.where(learnt)}
        at = np.flatnonzero(learnt)
        late = at[int(len(at) * (1 - self.validation_share)) :]
        validation = np.zeros(len(learnt), bool)
        validation[late] = True
        return {"training": kept.where(learnt & ~validation), "validation": kept.where(validation)}

    def _tested(self, kept: Examples, days: NDArray[np.int64], first: int, train_days: int) -> NDArray[np.bool_]:
        test_from = first + train_days + self.delay_days
        if not self.drop_known:
            return (days >= test_from) & (days < test_from + self.test_days)
        return not_known_defrauded(
            kept.labels,
            cards=kept.cards,
            days=days,
            train_from=first,
            train_days=train_days,
            delay_days=self.delay_days,
            test_days=self.test_days,
        )
