"""A stream, its catalogue and its features as they were once: what a later version computes of it must be the same bits.

Where the meaning of a feature is changed on purpose (`features.columns.DEFINITION`), write a further folder, keep this one's names in the
decision record: `python -m tests.features.test_golden FOLDER`.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from features.catalogue import Catalogue, catalogue_text, read_catalogue
from schemas.row import Rows, row_dtype
from tests.features.strategies import burst
from tests.features.twins import by_fold, by_reference

GOLDEN = Path(__file__).parent.parent / "golden" / "features"
MEANT_OTHERWISE = {"1": {"distinct", "new"}, "2": set[str]()}
"""Folder -> measures that mean something else since: full sets are sampled, docs/decisions/0007."""


def golden(folder: str) -> tuple[Catalogue, Rows, np.lib.npyio.NpzFile]:
    catalogue = read_catalogue((GOLDEN / folder / "catalogue.yaml").read_text(encoding="utf-8"), place="golden")
    stored = np.load(GOLDEN / folder / "stream.npz", allow_pickle=False)
    rows = np.zeros(len(stored["rows"]), row_dtype(catalogue.signals))
    for name in stored["rows"].dtype.names:  # as a block of the log is read: by name, a column that was added later is zero
        rows[name] = stored["rows"][name]
    return catalogue, rows, stored


@pytest.mark.parametrize("folder", MEANT_OTHERWISE)
def test_names_and_hashes_of_definitions_stay(folder: str) -> None:
    catalogue, _, _ = golden(folder)
    hashes = json.loads((GOLDEN / folder / "hashes.json").read_text(encoding="utf-8"))
    assert {feature.name: feature.hash for feature in catalogue.features} == hashes
    assert list(hashes) == list(catalogue.names)


@pytest.mark.parametrize("folder", MEANT_OTHERWISE)
def test_the_features_stay_the_same_bits(folder: str) -> None:
    catalogue, rows, stored = golden(folder)
    same = [at for at, feature in enumerate(catalogue.features) if feature.measure not in MEANT_OTHERWISE[folder]]
    for run in (by_reference(rows, catalogue), by_fold(rows, catalogue)[0]):
        np.testing.assert_array_equal(run.status, stored["status"])
        np.testing.assert_array_equal(run.reason, stored["reason"])
        np.testing.assert_array_equal(run.features[:, same], stored["features"][:, same])


def write(folder: Path) -> None:
    """The shipped catalogue and what the reference makes of a stream."""
    catalogue = read_catalogue(catalogue_text(), place="features/catalogue.yaml")
    rows = burst(1, catalogue, size=700)
    run = by_reference(rows, catalogue)
    folder.mkdir(parents=True)
    (folder / "catalogue.yaml").write_text(catalogue_text(), encoding="utf-8")
    hashes = {feature.name: feature.hash for feature in catalogue.features}
    (folder / "hashes.json").write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")
    np.savez_compressed(folder / "stream.npz", rows=rows, status=run.status, reason=run.reason, features=run.features)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
