"""The fields that events share: their types as the published schemas say them, and the limits of a record."""

from typing import Annotated

from msgspec import Meta

RECORD_BYTES_MAX = 65_536
DEPTH_MAX = 64
"""Of our own, because how deep a parser recurses depends on the interpreter's version and on who called it."""
EVENT_TIME_MS_MIN = 946_684_800_000
"""2000-01-01. What is before it was meant in seconds."""
INT64_MAX = (1 << 63) - 1
ID_CHARACTERS_MAX, PERSONAL_CHARACTERS_MAX, CHANNEL_CHARACTERS_MAX = 64, 512, 16

PRINTABLE = "^[ -~]*$"
"""ASCII. The pattern is in the published schema; here one look at the whole record does for all of its strings."""

Id = Annotated[str, Meta(min_length=1, max_length=ID_CHARACTERS_MAX, extra_json_schema={"pattern": PRINTABLE})]
Personal = Annotated[str, Meta(min_length=1, max_length=PERSONAL_CHARACTERS_MAX)]
Milliseconds = Annotated[int, Meta(ge=EVENT_TIME_MS_MIN, le=INT64_MAX)]
Minor = Annotated[int, Meta(ge=0, le=INT64_MAX)]
Currency = Annotated[str, Meta(min_length=3, max_length=3, extra_json_schema={"pattern": "^[A-Z]{3}$"})]
CategoryCode = Annotated[int, Meta(ge=0, le=9999)]
Country = Annotated[str, Meta(min_length=2, max_length=2, extra_json_schema={"pattern": "^[A-Z]{2}$"})]
Channel = Annotated[str, Meta(min_length=1, max_length=CHANNEL_CHARACTERS_MAX, extra_json_schema={"pattern": PRINTABLE})]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]

COUNTRIES = frozenset(first + second for first in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for second in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
