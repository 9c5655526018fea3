"""What is still valid in a record that was refused: enough to answer its transaction, and to key the answer, where the record says so."""

from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

from schemas.fields import COUNTRIES
from schemas.label import PRINTED as PRINTED_OF_LABELS
from schemas.label import Label
from schemas.tokens import top_level
from schemas.transaction import PRINTED, Transaction

_PRINTED = {*PRINTED, *PRINTED_OF_LABELS}


class Salvage:
    """Of records that should have been `shape`."""

    def __init__(self, shape: type[msgspec.Struct]) -> None:
        hints = get_type_hints(shape, include_extras=True)
        self._decoders: dict[str, Callable[[bytes], Any]] = {
            name: msgspec.json.Decoder(hints[name]).decode for name in shape.__struct_fields__ if name != "signals"
        }

    def readable(self, value: bytes | None, *, bytes_max: int) -> dict[str, Any]:
        """Name -> value of the fields that are valid for themselves, of the first bytes_max bytes. Raises nothing."""
        found = {}
        for name, token in top_level((value or b"")[:bytes_max]).items():
            field = name[1:-1].decode("ascii", "replace")
            decode = self._decoders.get(field)
            if decode is not None:
                try:
                    decoded = decode(token)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
                if decoded is not None and sound(field, decoded):
                    found[field] = decoded
        return found


def sound(field: str, value: Any) -> bool:  # noqa: ANN401 (of any field)
    """Whether a value of the right type is one that the field may have."""
    if field in _PRINTED:
        return bool(value.isascii() and value.isprintable())
    if field == "currency":
        return bool(value.isascii() and value.isalpha() and value.isupper())
    return field != "country" or value in COUNTRIES


readable = Salvage(Transaction).readable
readable_label = Salvage(Label).readable
