"""What the readable fold keeps of a key, in the words of what is stored, so that the two can be held equal whole."""

import msgspec

from features import reference_value
from features.asked import Catalogue
from features.reference_stored import Words
from features.value import Value
from schemas.declared import Declared


def stored_of(value: reference_value.Value, entity: str, catalogue: Catalogue) -> Value:
    """Verdicts apart, which it does not know. catalogue: the first of its log."""
    spec = next(each for each in catalogue.entities if each.name == entity)
    return Words(spec, catalogue, Declared.first(catalogue)).stored_of(value)


def without_verdicts(value: Value) -> Value:
    """A stored value, as `stored_of` would have it."""
    return msgspec.structs.replace(value, memory=[msgspec.structs.replace(entry, verdict=None) for entry in value.memory])
