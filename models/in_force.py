"""What is in force: catalogue, model and policy, as one value. A control row makes another of it; rows in between are judged by this one.

A row's status     its verdict
fresh              the model's score, the policy's action; until both stand: review, by fallback, no_model
refused            the policy's fallback, by refusal, with the reason
repeat             left empty: the fold knows the first answer
silent             left empty: nobody waits for an answer
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.model import Model, Packages
from models.package import Catalogue
from models.policy import FALLBACK, Policy, read_policy
from schemas.control import BACKFILL, CATALOGUE, CELLS, MODEL, POLICY, Control
from schemas.errors import BadCatalogue, BadPolicy, PackageMismatch, RefusedStart
from schemas.reasons import Reason
from schemas.row import Rows
from schemas.verdict import VERDICT, DecidedBy, Verdicts, Versions

FRESH, REPEAT, REFUSED, SILENT = 0, 1, 2, 3
"""The fold's status of a row."""

C = TypeVar("C", bound=Catalogue)


@dataclass(frozen=True)
class InForce(Generic[C]):
    """Immutable. `read_catalogue` makes a catalogue of the text that a control row carries; `fold` is the fold's version."""

    read_catalogue: Callable[[str], C]
    fold: int
    catalogue: C | None = None
    model: Model | None = None
    policy: Policy | None = None
    controls: Mapping[str, Control] = field(default_factory=dict)
    """The control that put each key in force."""
    shows: tuple[tuple[str, int], ...] = ()
    """Features that a decision shows, and their columns."""

    @property
    def versions(self) -> Versions:
        """What a decision names. Raises AssertionError before a catalogue stands."""
        assert self.catalogue is not None, "no catalogue in force"
        model = self.model.version if self.model else None
        return Versions(self.catalogue.version, model, self.policy.version if self.policy else None, self.fold)

    @property
    def score(self) -> str:
        """The name under which decisions show the score."""
        return self.model.package.manifest.score if self.model else ""

    def by(self, control: Control, packages: Packages) -> "InForce[C]":
        """What is in force from this control row on.

        Raises BadCatalogue, PackageMismatch or BadPolicy if it cannot be read or does not fit what else is in force.
        """
        controls = {**self.controls, control.key: control}
        if control.key == CATALOGUE:
            return self._of_catalogue(self.read_catalogue(_body(control)), controls, packages)
        if self.catalogue is None:
            raise BadCatalogue(f"{control.key} {control.version}: no catalogue is in force that it could be held against")
        if control.key == MODEL:
            return replace(self, model=packages.model(control.sha256, catalogue=self.catalogue), controls=controls)
        if control.key == POLICY:
            policy = read_policy(_body(control), place=f"policy {control.version}")
            return replace(self, policy=policy, shows=_shows(policy, self.catalogue), controls=controls)
        if control.key in {BACKFILL, CELLS}:
            return replace(self, controls=controls)
        raise RefusedStart(f"control key {control.key!r} is unknown to this build")

    def _of_catalogue(self, catalogue: C, controls: Mapping[str, Control], packages: Packages) -> "InForce[C]":
        model, shows = self.model, self.shows
        try:
            if self.model:
                model = packages.model(self.model.package.sha256, catalogue=catalogue)
            if self.policy:
                shows = _shows(self.policy, catalogue)
        except (PackageMismatch, BadPolicy) as error:
            raise BadCatalogue(f"catalogue {catalogue.version} does not serve what is in force: {error}") from error
        return replace(self, catalogue=catalogue, model=model, shows=shows, controls=controls)

    def judge(
        self, rows: Rows, features: NDArray[np.float32], *, status: NDArray[np.uint8], reason: NDArray[np.uint8], versions: int = 0
    ) -> Verdicts:
        """One verdict a row.

        features: float32 (rows, len(catalogue.features)); status, reason: uint8 (rows,) as the fold gave them; versions: the index of
        `self.versions` in the task's table. Raises ScoringFailed if the model returns what is no probability.
        """
        verdicts = np.zeros(len(rows), VERDICT)
        verdicts["origin"] = rows["origin"]
        verdicts["offset"] = rows["offset"]
        verdicts["versions"] = versions
        verdicts["score"] = np.nan
        fresh = status == FRESH
        if fresh.all():
            self._decide(verdicts, rows, features)
            return verdicts
        if fresh.any():
            decided = verdicts[fresh]
            self._decide(decided, rows[fresh], features[fresh])
            verdicts[fresh] = decided
        fallback = self.policy.fallback if self.policy else FALLBACK
        repeated = status == REPEAT  # the fold writes the first's verdict over this, where the first was given one
        verdicts["action"][repeated] = fallback
        verdicts["decided_by"][repeated] = DecidedBy.FALLBACK
        verdicts["reason"][repeated] = Reason.BACKFILLED
        refused = status == REFUSED
        verdicts["action"][refused] = fallback
        verdicts["decided_by"][refused] = DecidedBy.REFUSAL
        verdicts["reason"][refused] = reason[refused]
        return verdicts

    def _decide(self, verdicts: Verdicts, rows: Rows, features: NDArray[np.float32]) -> None:
        if self.model is None or self.policy is None:
            verdicts["action"] = FALLBACK
            verdicts["decided_by"] = DecidedBy.FALLBACK
            verdicts["reason"] = Reason.NO_MODEL
            return
        scores = self.model.scores(rows, features)
        verdicts["score"] = scores
        verdicts["action"] = self.policy.actions(scores)
        verdicts["decided_by"] = DecidedBy.MODEL
        verdicts["reason"] = Reason.SCORE


def _body(control: Control) -> str:
    if control.body is None:
        raise RefusedStart(f"control row {control.key} {control.version} has no body")
    return control.body


def _shows(policy: Policy, catalogue: Catalogue) -> tuple[tuple[str, int], ...]:
    columns = {feature.name: column for column, feature in enumerate(catalogue.features)}
    for name in policy.shows:
        if name not in columns:
            raise BadPolicy(f"policy {policy.version}: shows {name}, which catalogue {catalogue.version} lacks")
    return tuple((name, columns[name]) for name in policy.shows)
