"""What a model is trained and judged on: transactions with their features as the fold gave them, and the truth about each."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.categories import Categories, vocabulary
from models.package import Catalogue, Definition, Span
from schemas.errors import RefusedStart
from schemas.row import Rows

DAY_MS = 86_400_000


class BadTraining(RefusedStart):
    """What was asked for cannot be trained on."""


class Examples(NamedTuple):
    """In order of arrival, one each a transaction. features: float32 (rows, len(catalogue.features)), categories not yet filled in."""

    rows: Rows
    features: NDArray[np.float32]
    labels: NDArray[np.bool_]

    def where(self, mask: NDArray[np.bool_]) -> "Examples":
        """Those of the mask."""
        return Examples(self.rows[mask], self.features[mask], self.labels[mask])

    @property
    def days(self) -> NDArray[np.int64]:
        """Days since 1970-01-01 (UTC) of the event times."""
        days: NDArray[np.int64] = self.rows["event_time_ms"] // DAY_MS
        return days

    @property
    def cards(self) -> NDArray[np.uint64]:
        """The first eight bytes of the hashed card id."""
        cards: NDArray[np.uint64] = self.rows["card_id"][:, 0]
        return cards

    @property
    def span(self) -> Span:
        """First and last event time, how many, how many frauds."""
        times = self.rows["event_time_ms"]
        return Span(int(times.min()), int(times.max()), len(times), int(np.count_nonzero(self.labels)))


class Selection(NamedTuple):
    """The features a model reads, in its own order, and the vocabularies of those that are categories."""

    features: tuple[Definition, ...]
    columns: NDArray[np.intp]
    vocabularies: dict[str, tuple[str, ...]]

    def matrix(self, examples: Examples) -> NDArray[np.float32]:
        """float32 (rows, width), categories filled in: the same bits as models.model.Model.matrix."""
        matrix: NDArray[np.float32] = examples.features.take(self.columns, axis=1)
        Categories(self.vocabularies, self.names).fill(matrix, examples.rows)
        return matrix

    @property
    def names(self) -> list[str]:
        """Of the features."""
        return [feature.name for feature in self.features]


def select(catalogue: Catalogue, patterns: Sequence[str], train: Examples) -> Selection:
    """The features whose name matches one of the patterns (`card_*`), vocabularies from the training rows alone.

    A pattern that starts with `!` takes its matches away again. Raises BadTraining if a pattern matches nothing, or nothing is left.
    """
    columns = chosen(catalogue, patterns)
    features = tuple(catalogue.features[column] for column in columns)
    categories = [feature.name for feature in features if _is_category(train.rows, feature.name)]
    return Selection(features, columns, {name: vocabulary(train.rows[name]) for name in categories})


def chosen(catalogue: Catalogue, patterns: Sequence[str]) -> NDArray[np.intp]:
    """The columns of the features that the patterns of `select` leave, in the catalogue's order. Raises BadTraining likewise."""
    wanted: dict[str, int] = {}
    for pattern in patterns:
        glob = pattern.removeprefix("!")
        matching = {feature.name: column for column, feature in enumerate(catalogue.features) if fnmatchcase(feature.name, glob)}
        if not matching:
            raise BadTraining(f"no feature of catalogue {catalogue.version} matches {glob!r}")
        wanted = {name: at for name, at in wanted.items() if name not in matching} if pattern.startswith("!") else wanted | matching
    if not wanted:
        raise BadTraining(f"the patterns {list(patterns)} leave no feature")
    return np.array(sorted(wanted.values()), np.intp)


def _is_category(rows: Rows, name: str) -> bool:
    """A feature that is a column of the row itself, and no number."""
    return name in (rows.dtype.names or ()) and (name == "mcc" or rows.dtype[name].kind == "S")
