"""docs/features.md is what the catalogue says."""

from typing import get_args

from features import catalogue_file
from features.catalogue import catalogue_text, read_catalogue
from features.document import PAGE, document
from features.meanings import MEANINGS


def test_the_page_is_current() -> None:
    catalogue = read_catalogue(catalogue_text(), place="features/catalogue.yaml")
    assert PAGE.read_text(encoding="utf-8") == document(catalogue), "run: python -m features.document"


def test_every_feature_stands_on_the_page_once() -> None:
    catalogue = read_catalogue(catalogue_text(), place="features/catalogue.yaml")
    page = document(catalogue)
    assert [name for name in catalogue.names if page.count(f"`{name}`") != 1] == []


def test_every_measure_has_a_meaning() -> None:
    kinds = ("VelocityMeasure", "RecencyMeasure", "BaselineMeasure", "TransactionMeasure")
    measures = {measure for kind in kinds for measure in get_args(getattr(catalogue_file, kind))}
    measures |= {"distinct", "new", "signal", "speed", "share", "share last", *get_args(catalogue_file.BehaviourMeasure)}
    measures |= {f"{measure} fraud" for measure in (*get_args(catalogue_file.FilteredMeasure), *get_args(catalogue_file.FraudMeasure))}
    assert set(MEANINGS) == measures
