"""A stream, its catalogue and its features as they were once: what a later version computes of it must be the same bits.

Where the meaning of a feature is changed on purpose (`features.columns.DEFINITION`), write a further folder, keep this one's names in the
decision record: `python -m tests.features.test_golden FOLDER`.
"""

import json
import sys
from pathlib import Path

import numpy as np

from features.catalogue import Catalogue, catalogue_text, read_catalogue
from schemas.row import Rows, row_dtype
from tests.features.strategies import burst
from tests.features.twins import by_fold, by_reference

GOLDEN = Path(__file__).parent.parent / "golden" / "features" / "1"


def golden() -> tuple[Catalogue, Rows, np.lib.npyio.NpzFile]:
    catalogue = read_catalogue((GOLDEN / "catalogue.yaml").read_text(encoding="utf-8"), place="golden")
    stored = np.load(GOLDEN / "stream.npz", allow_pickle=False)
    rows = np.zeros(len(stored["rows"]), row_dtype(catalogue.signals))
    for name in stored["rows"].dtype.names:  # as a block of the log is read: by name, a column that was added later is zero
        rows[name] = stored["rows"][name]
    return catalogue, rows, stored


def test_names_and_hashes_of_definitions_stay() -> None:
    catalogue, _, _ = golden()
    hashes = json.loads((GOLDEN / "hashes.json").read_text(encoding="utf-8"))
    assert {feature.name: feature.hash for feature in catalogue.features} == hashes
    assert list(hashes) == list(catalogue.names)


def test_the_features_stay_the_same_bits() -> None:
    catalogue, rows, stored = golden()
    for run in (by_reference(rows, catalogue), by_fold(rows, catalogue)[0]):
        np.testing.assert_array_equal(run.status, stored["status"])
        np.testing.assert_array_equal(run.reason, stored["reason"])
        np.testing.assert_array_equal(run.features, stored["features"])


def write(folder: Path) -> None:
    """The shipped catalogue and what the reference makes of a stream."""
    catalogue = read_catalogue(catalogue_text(), place="features/catalogue.yaml")
    rows = burst(1, catalogue, size=160)
    run = by_reference(rows, catalogue)
    folder.mkdir(parents=True)
    (folder / "catalogue.yaml").write_text(catalogue_text(), encoding="utf-8")
    hashes = {feature.name: feature.hash for feature in catalogue.features}
    (folder / "hashes.json").write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")
    np.savez_compressed(folder / "stream.npz", rows=rows, status=run.status, reason=run.reason, features=run.features)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
