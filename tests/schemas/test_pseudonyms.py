"""The hash of an identifier: keyed, separate for each field, the same for ever."""

from hashlib import blake2b

import pytest

from schemas import pseudonyms as module
from schemas.errors import BadSetting
from schemas.pseudonyms import Pseudonyms
from schemas.row import ID_FIELDS
from tests.schemas.examples import KEY


def test_an_identifier_has_the_hash_that_the_page_of_the_algorithm_gives() -> None:
    """Stored state is keyed by it: this hash may never change."""
    expected = blake2b(b"4111111111111111", digest_size=16, key=KEY, person=b"card_id")
    assert Pseudonyms(KEY).of("card_id", "4111111111111111") == expected.digest()
    assert expected.hexdigest() == "ec46e07fff45c44a2f300afe09c9d27d"


def test_fields_keys_and_identifiers_are_told_apart() -> None:
    hashes = {Pseudonyms(key).of(field, text) for key in (KEY, KEY + b"2") for field in ID_FIELDS for text in ("a", "b", "é", "a ")}
    assert len(hashes) == 2 * len(ID_FIELDS) * 4


def test_a_hash_does_not_depend_on_what_was_asked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = {text: Pseudonyms(KEY).of("ip", text) for text in map(str, range(50))}
    monkeypatch.setattr(module, "CACHED_MAX", 7)
    one = Pseudonyms(KEY)
    assert [one.of("ip", text) for _ in range(3) for text in fresh] == 3 * list(fresh.values())
    assert len(one._cached["ip"]) <= 7


def test_all_fields_at_once_are_the_single_ones_and_absent_is_zero() -> None:
    one = Pseudonyms(KEY)
    identifiers = [None if field == "device_id" else f"id of {field}" for field in ID_FIELDS]
    expected = b"".join(bytes(16) if text is None else one.of(field, text) for field, text in zip(ID_FIELDS, identifiers, strict=True))
    assert Pseudonyms(KEY).of_all(identifiers) == expected


def test_the_short_hash_is_keyed_and_the_same_for_ever() -> None:
    assert Pseudonyms(KEY).hash64(b"tx-1") == int.from_bytes(blake2b(b"tx-1", digest_size=8, key=KEY, person=b"hash64").digest(), "little")
    assert Pseudonyms(KEY).hash64(b"tx-1") != Pseudonyms(KEY[::-1]).hash64(b"tx-1")
    assert Pseudonyms(KEY).hash64(b"tx-1") == 9862391059422939421


def test_the_fingerprint_tells_keys_apart() -> None:
    assert Pseudonyms(KEY).fingerprint == Pseudonyms(KEY).fingerprint
    assert Pseudonyms(KEY).fingerprint != Pseudonyms(KEY + b"2").fingerprint
    assert len(Pseudonyms(KEY).fingerprint) == 32


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_key_too_short_or_too_long_is_refused(size: int) -> None:
    with pytest.raises(BadSetting, match=f"has {size} bytes, it needs 16 to 64"):
        Pseudonyms(bytes(size))
