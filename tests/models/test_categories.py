"""A category is its place in the package's vocabulary, and what the package did not know is unknown."""

import numpy as np
import pytest

from models.categories import Categories, vocabulary
from schemas.row import row_dtype

VOCABULARIES = {"mcc": ("5411", "0", "9999"), "country": ("DE", "FR"), "channel": ("pos", "ecommerce"), "signal_browser": ("b", "a")}


@pytest.mark.parametrize("rows", [6, 600], ids=["few", "many"])
def test_codes(rows: int) -> None:
    made = np.zeros(rows, row_dtype({"browser": "text"}))
    made["mcc"][:6] = [0, 5411, 9999, -1, 42, 5411]
    made["country"][:6] = [b"FR", b"", b"DE", b"XX", b"D", b"FR"]
    made["channel"][:6] = [b"pos", b"", b"ecommerce", b"zzz", b"aaa", b"po"]
    made["signal_browser"][:6] = [b"a", b"b", b"", b"c", b"a", b"aa"]
    features = np.full((rows, 5), 9.0, np.float32)
    Categories(VOCABULARIES, ["amount", "channel", "mcc", "country", "signal_browser"]).fill(features, made)
    nan = np.nan
    assert np.array_equal(features[:6, 2], [1, 0, 2, nan, nan, 0], equal_nan=True)
    assert np.array_equal(features[:6, 3], [1, nan, 0, nan, nan, 1], equal_nan=True)
    assert np.array_equal(features[:6, 1], [0, nan, 1, nan, nan, nan], equal_nan=True)
    assert np.array_equal(features[:6, 4], [1, 0, nan, nan, 1, nan], equal_nan=True)
    assert features[:, 0].tolist() == [9.0] * rows, "not its column"


def test_a_vocabulary_nobody_asks_for_is_ignored() -> None:
    features = np.full((3, 1), 2.0, np.float32)
    Categories(VOCABULARIES, ["amount"]).fill(features, np.zeros(3, row_dtype()))
    assert features.tolist() == [[2.0]] * 3


def test_a_vocabulary_is_most_frequent_first_and_holds_no_absent_value() -> None:
    assert vocabulary(np.array([5, -1, -1, -1, 7, 7, 3], np.int16)) == ("7", "3", "5")
    assert vocabulary(np.array([b"DE", b"", b"", b"FR", b"FR"], "S2")) == ("FR", "DE")
    assert vocabulary(np.array([5, 5, 7, 7, 3], np.int16), values_max=2) == ("5", "7")
