"""Faults that are planted in a worker's fold, for proofs only: `WEIR_FAILPOINT=row:OFFSET:kill`.

row:OFFSET:kill          the compiled fold is killed, as kill -9 would, when it meets the transaction of this offset in its source partition
row:OFFSET:raise         it raises there
row:OFFSET:kill+ERROR    and the reference fold raises ERROR there: ZeroDivisionError, MemoryError ...
"""

import builtins
import os
import signal
from collections.abc import Mapping

import numpy as np

from features.asked import Catalogue
from features.fold import Fold, Folded
from features.one_row import UNFOLDABLE, FoldedRow, FoldOne, UnfoldableError
from features.value import Value
from schemas.declared import Declared
from schemas.errors import BadSetting
from schemas.row import Kind, Rows

PREFIX = "row:"


class Planted:
    """One row that is poison. Raises BadSetting where the text is no such failpoint."""

    def __init__(self, text: str) -> None:
        try:
            _, offset, ways = text.split(":")
            self.offset = int(offset)
        except ValueError:
            raise BadSetting(f"WEIR_FAILPOINT {text!r}: row:OFFSET:kill or row:OFFSET:raise, +ERROR") from None
        self.way, _, error = ways.partition("+")
        self.error: type[Exception] | None = getattr(builtins, error) if error else None

    def fold(self) -> type[Fold]:
        """A fold that dies of it."""
        planted = self

        class PoisonedFold(Fold):
            def rows(self, rows: Rows) -> Folded:
                if planted.there(rows):
                    if planted.way == "kill":
                        os.kill(os.getpid(), signal.SIGKILL)
                    raise RuntimeError("a planted fault of the compiled fold")
                return super().rows(rows)

        return PoisonedFold

    def one(self, fold_one: FoldOne) -> FoldOne:
        """A reference fold that fails of it, where that is wanted."""

        def one(row: np.void, held: Mapping[str, Value | None], *, newest_ms: int, catalogue: Catalogue, declared: Declared) -> FoldedRow:
            if self.error and self.there(np.array([row])):
                error = self.error("a planted fault of the reference fold")
                if isinstance(error, UNFOLDABLE):
                    raise UnfoldableError from error
                raise error
            return fold_one(row, held, newest_ms=newest_ms, catalogue=catalogue, declared=declared)

        return one

    def there(self, rows: Rows) -> bool:
        """Whether it is one of these."""
        return bool(((rows["kind"] == Kind.TRANSACTION) & (rows["offset"] == self.offset)).any())
