"""What is in force decides, from its control row on."""

from pathlib import Path

import numpy as np
import pytest

from features.catalogue import Catalogue, catalogue_text, read_catalogue
from features.reference_value import Status
from models.in_force import FRESH, REFUSED, REPEAT, SILENT, InForce
from models.model import Packages
from models.training.build import Built
from models.training.examples import Examples
from schemas.control import CATALOGUE as CATALOGUE_KEY
from schemas.control import MODEL, POLICY, Control
from schemas.errors import BadCatalogue, BadPolicy, PackageMismatch, RefusedStart
from schemas.reasons import Reason
from schemas.verdict import Action, DecidedBy, Verdicts, Versions
from tests.models.made import CATALOGUE, POLICY_TEXT, examples

EMPTY: InForce[Catalogue] = InForce(lambda text: read_catalogue(text, place="control row"), fold=1)


@pytest.fixture
def packages(built: Built, tmp_path: Path) -> Packages:
    packages = Packages(tmp_path / "artefacts")
    packages.keep(built.model.package.folder)
    return packages


def catalogue(text: str) -> Control:
    return Control(CATALOGUE_KEY, "c", "", body=text)


FIRST = catalogue(catalogue_text())
STRICT = Control(POLICY, "p", "", body=POLICY_TEXT)


def model(built: Built) -> Control:
    return Control(MODEL, "m", built.model.package.sha256)


def judged(in_force: InForce[Catalogue], status: list[int], reason: int = 0) -> tuple[Examples, Verdicts]:
    each = examples(len(status), seed=6)
    each.rows["origin"] = 3
    statuses, reasons = np.array(status, np.uint8), np.full(len(status), reason, np.uint8)
    return each, in_force.judge(each.rows, each.features, status=statuses, reason=reasons, versions=7)


def test_until_model_and_policy_stand_the_answer_is_review(built: Built, packages: Packages) -> None:
    start = EMPTY.by(FIRST, packages)
    for in_force in (start, start.by(model(built), packages), start.by(STRICT, packages)):
        _, verdicts = judged(in_force, [FRESH, FRESH, REFUSED])
        assert verdicts["action"][:2].tolist() == [Action.REVIEW] * 2
        assert verdicts["decided_by"][:2].tolist() == [DecidedBy.FALLBACK] * 2
        assert verdicts["reason"][:2].tolist() == [Reason.NO_MODEL] * 2
        assert np.isnan(verdicts["score"]).all()
    _, verdicts = judged(start, [REFUSED])
    assert verdicts["action"].tolist() == [Action.REVIEW], "no policy, no other fallback"


def test_in_either_order_they_are_in_force(built: Built, packages: Packages) -> None:
    start = EMPTY.by(FIRST, packages)
    one = start.by(model(built), packages).by(STRICT, packages)
    other = start.by(STRICT, packages).by(model(built), packages)
    expected = Versions(CATALOGUE.version, built.model.version, one.policy.version if one.policy else None, 1)
    assert one.versions == other.versions == expected
    assert judged(one, [FRESH] * 40)[1].tobytes() == judged(other, [FRESH] * 40)[1].tobytes()
    assert set(one.controls) == {CATALOGUE_KEY, MODEL, POLICY}
    assert one.shows == (("card_count_24h", CATALOGUE.names.index("card_count_24h")), ("amount", CATALOGUE.names.index("amount")))
    assert one.score == "fraud"
    assert start.model is None, "a value: what was in force before is what it was"


def test_a_status_decides_what_a_verdict_says(built: Built, packages: Packages) -> None:
    in_force = EMPTY.by(FIRST, packages).by(model(built), packages).by(STRICT, packages)
    status = [FRESH, REPEAT, REFUSED, SILENT, FRESH, REFUSED] * 50
    each, verdicts = judged(in_force, status, Reason.LATE)
    by = np.array(status)
    assert verdicts["origin"].tolist() == [3] * 300
    assert verdicts["offset"].tolist() == list(range(300))
    assert verdicts["versions"].tolist() == [7] * 300
    fresh = verdicts[by == FRESH]
    assert fresh["score"].tobytes() == built.model.scores(each.rows, each.features)[by == FRESH].tobytes()
    assert fresh["action"].tolist() == in_force.policy.actions(fresh["score"]).tolist()  # type: ignore[union-attr]
    assert len(set(fresh["action"].tolist())) > 1
    assert set(fresh["decided_by"].tolist()) == {DecidedBy.MODEL}
    assert set(fresh["reason"].tolist()) == {Reason.SCORE}
    refused = verdicts[by == REFUSED]
    assert set(refused["action"].tolist()) == {Action.DECLINE}, "the policy's fallback"
    assert set(refused["decided_by"].tolist()) == {DecidedBy.REFUSAL}
    assert set(refused["reason"].tolist()) == {Reason.LATE}
    repeated = verdicts[by == REPEAT]  # where the first was given a verdict, the fold writes it over this
    assert set(repeated["action"].tolist()) == {Action.DECLINE}, "the policy's fallback"
    assert set(repeated["decided_by"].tolist()) == {DecidedBy.FALLBACK}
    assert set(repeated["reason"].tolist()) == {Reason.BACKFILLED}
    left = verdicts[by == SILENT]
    assert not left["action"].any()
    assert not left["decided_by"].any()
    assert not left["reason"].any()
    assert np.isnan(verdicts["score"][by != FRESH]).all()


def test_a_verdict_is_the_same_bytes_in_any_batch(built: Built, packages: Packages) -> None:
    in_force = EMPTY.by(FIRST, packages).by(model(built), packages).by(STRICT, packages)
    status = ([FRESH] * 9 + [REFUSED]) * 30
    each, whole = judged(in_force, status, Reason.LATE)
    for size in (1, 7, 100):
        parts = [
            in_force.judge(
                each.rows[start : start + size],
                each.features[start : start + size],
                status=np.array(status[start : start + size], np.uint8),
                reason=np.full(min(size, 300 - start), Reason.LATE, np.uint8),
                versions=7,
            )
            for start in range(0, 300, size)
        ]
        assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_a_status_is_the_folds() -> None:
    assert (FRESH, REPEAT, REFUSED, SILENT) == (Status.FRESH, Status.REPEAT, Status.REFUSED, Status.SILENT)


def test_no_rows_no_verdicts(built: Built, packages: Packages) -> None:
    in_force = EMPTY.by(FIRST, packages).by(model(built), packages).by(STRICT, packages)
    none, empty = examples(8, seed=1).where(np.zeros(8, bool)), np.empty(0, np.uint8)
    assert in_force.judge(none.rows, none.features, status=empty, reason=empty).shape == (0,)


def test_a_catalogue_that_serves_the_model_may_follow(built: Built, packages: Packages) -> None:
    in_force = EMPTY.by(FIRST, packages).by(model(built), packages).by(STRICT, packages)
    wider = in_force.by(catalogue(catalogue_text().replace("windows: [1m, 10m, 1h", "windows: [1m, 10m, 30m, 1h")), packages)
    assert wider.catalogue
    assert wider.shows[0] == ("card_count_24h", wider.catalogue.names.index("card_count_24h")) != in_force.shows[0]
    assert wider.model
    assert wider.model.package.columns != built.model.package.columns


def test_what_does_not_fit_is_refused_and_what_was_in_force_stays(built: Built, packages: Packages) -> None:
    in_force = EMPTY.by(FIRST, packages).by(model(built), packages).by(STRICT, packages)
    narrow = catalogue_text().replace("windows: [1m, 10m, 1h", "windows: [1m, 1h")
    with pytest.raises(BadCatalogue, match=r"does not serve what is in force: .* no feature card_count_10m"):
        in_force.by(catalogue(narrow), packages)
    with pytest.raises(BadCatalogue, match="no catalogue is in force"):
        EMPTY.by(STRICT, packages)
    with pytest.raises(PackageMismatch, match="no package"):
        in_force.by(Control(MODEL, "m", "0" * 64), packages)
    with pytest.raises(BadPolicy, match=r"shows card_count_25h, which catalogue .* lacks"):
        in_force.by(Control(POLICY, "p", "", body=POLICY_TEXT.replace("card_count_24h", "card_count_25h")), packages)
    with pytest.raises(BadPolicy, match="policy p, line 2"):
        in_force.by(Control(POLICY, "p", "", body=POLICY_TEXT.replace("0.8", "8")), packages)
    with pytest.raises(RefusedStart, match="'weather' is unknown"):
        in_force.by(Control("weather", "w", ""), packages)
    with pytest.raises(RefusedStart, match="has no body"):
        in_force.by(Control(POLICY, "p", ""), packages)
