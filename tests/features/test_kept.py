"""What the compiled fold stores is what the reference keeps, part by part: not only what both compute of it."""

from features.catalogue import Catalogue, catalogue_text, read_catalogue
from features.reference import fold_row
from features.reference_value import Cell
from features.value import Value
from features.value_reader import read_value
from schemas.row import Rows
from tests.features.kept import stored_of, without_verdicts
from tests.features.strategies import SMALL_CATALOGUE, build, burst, seeded_steps
from tests.features.twins import by_fold

SHIPPED_CATALOGUE = read_catalogue(catalogue_text(), place="features/catalogue.yaml")


def held_equal(rows: Rows, catalogue: Catalogue) -> list[Value]:
    """All that is stored of the rows, once it is what the reference keeps."""
    cell = Cell()
    for row in rows:
        fold_row(cell, row, catalogue)
    stored = {key: read_value(value, place=key[0]) for key, value in by_fold(rows, catalogue, cuts=(1, 90), between="stored")[1].items()}
    kept = {key: stored_of(value, key[0], catalogue) for key, value in cell.values.items()}
    assert stored.keys() == kept.keys()
    for key, value in stored.items():
        assert without_verdicts(value) == kept[key], key
    return list(stored.values())


def test_of_small_caps() -> None:
    values = [value for seed in range(90, 96) for value in held_equal(build(seeded_steps(seed, 250), SMALL_CATALOGUE), SMALL_CATALOGUE)]
    assert any(value.labels for value in values)
    assert any(value.buckets for value in values)
    assert any(value.thresholds for value in values)
    assert any(value.running and value.place and value.bits for value in values)


def test_of_the_shipped_ones() -> None:
    values = held_equal(burst(0, SHIPPED_CATALOGUE), SHIPPED_CATALOGUE)
    assert any(value.buckets and len(value.buckets.items) > 30 for value in values)
    assert any(value.thresholds for value in values)
