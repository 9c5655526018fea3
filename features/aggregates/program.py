"""What a catalogue asks for, as the words that the compiled loop reads: where in a row to look, how long a window is, where to write.

    limits.. | where in a row.. | codes.. | the row's own columns.. | where each entity's words begin.. ||
    entity: id keep windows shape previous first .. | window: ms count sum mean max deviation ratio zscore | window: .. |
            set: field bytes keep new windows tag | window: ms column | .. | set: .. |
            slice: array mask window delay count sum share rate | slice: .. | last: how many, column | last: ..

A column is -1 where it is not asked for. `features.plan` writes the words; an aggregate's own are named in its file.
"""

EVENTS_MAX, MEMBERS_MAX, MEMORY_MIN, MEMORY_MAX, MEMORY_SPAN_MS, GRACE_MS, LIFETIME_MS, FUTURE_MS = range(8)
"""Limits of the catalogue."""
ROW_WORDS, CAPS_WORDS = 8, 9
"""How many words of the arena a row can take at most; the same where every value is within the caps."""

FIELDS = (
    "kind",
    "reason",
    "origin",
    "offset",
    "received_ms",
    "event_time_ms",
    "amount_minor",
    "transaction_hash",
    "content_hash",
    "label",
    "latitude",
    "longitude",
)
KIND, REASON, ORIGIN, OFFSET, RECEIVED_MS, EVENT_TIME_MS, AMOUNT_MINOR, TRANSACTION_HASH, CONTENT_HASH, LABEL, LATITUDE, LONGITUDE = range(
    16, 16 + len(FIELDS)
)
"""Where in a row each of FIELDS lies."""

TRANSACTION, REFUSED_ROW, LATE, AHEAD, REUSED, NO_PRIMARY, LABEL_ROW, LABEL_TOO_OLD = range(30, 38)
"""Numbers of schemas.row.Kind and schemas.reasons.Reason."""

ITSELF = 40
"""The first of the columns of itself.MEASURES."""
SIGNALS, SIGNALS_AT, BASE_RATE, LABELS_MAX, ENTITIES, ENTITIES_AT = range(45, 51)
"""How many signals are numbers, and where their pairs (in a row, column) begin; the smoothed
rates' start (the bits of a float64); how many entities, and where the words of each begin."""
HEAD_WORDS = 72

# of an entity
ID_AT, KEEP_MS, WINDOWS, SHAPE, RECENCY = range(5)
BEHAVIOUR, SPEED, SINCE_FRAUD, SLICES, SLICES_AT, LASTS, LASTS_AT, LAST_DELAY_MS, KEEPS_LABELS, KEEPS_BASELINE = (
    6,
    9,
    10,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
)
ENTITY_WORDS = 20
# of a window of an entity
WINDOW_MS, VELOCITY, BASELINE = 0, 1, 6
WINDOW_WORDS = 8
# of a set of an entity
MEMBER_AT, MEMBER_BYTES, SET_KEEP_MS, NEW, SET_WINDOWS, SET_TAG = range(6)
SET_WORDS = 8
# of a window of a set
SET_WINDOW_MS, SET_COLUMN = range(2)
SET_WINDOW_WORDS = 2
# of a slice: a filtered window; the array of buckets that counts it, -1: it is one of labels
SLICE_ARRAY, SLICE_MASK, SLICE_WINDOW_MS, SLICE_DELAY_MS, SLICE_COLUMNS = range(5)
SLICE_WORDS = 8
# of a last
LAST_OF, LAST_COLUMN = range(2)
LAST_WORDS = 2
