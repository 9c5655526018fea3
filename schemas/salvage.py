"""What is still valid in a record that was refused: enough to answer its transaction, and to key the answer, where the record says so."""

from typing import Any, get_type_hints

import msgspec

from schemas.tokens import top_level
from schemas.transaction import COUNTRIES, PRINTED, Transaction

_decoders = {
    name: msgspec.json.Decoder(hint)
    for name, hint in get_type_hints(Transaction, include_extras=True).items()
    if name in Transaction.__struct_fields__ and name != "signals"
}


def readable(value: bytes | None, *, bytes_max: int) -> dict[str, Any]:
    """Name -> value of the fields that are valid for themselves, of the first bytes_max bytes. Raises nothing."""
    found = {}
    for name, token in top_level((value or b"")[:bytes_max]).items():
        decoder = _decoders.get(name[1:-1].decode("ascii", "replace"))
        if decoder is not None:
            field = name[1:-1].decode()
            try:
                decoded = decoder.decode(token)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if decoded is not None and _sound(field, decoded):
                found[field] = decoded
    return found


def _sound(field: str, value: Any) -> bool:  # noqa: ANN401 (of any field)
    if field in PRINTED:
        return bool(value.isascii() and value.isprintable())
    if field == "currency":
        return bool(value.isascii() and value.isalpha() and value.isupper())
    return field != "country" or value in COUNTRIES
