"""The numbers of the stored format, which `features.value` describes. They stand on disks: none is ever given another meaning."""

VERSION = 1
EVENTS_TAG, MEMORY_TAG, LABELS_TAG, BITS_TAG, BASELINE_TAG, POSITION_TAG = range(1, 7)
BUCKETS_TAG, LABEL_BUCKETS_TAG, THRESHOLDS_TAG = range(7, 10)
"""Behind the sets."""
SET_TAGS = {
    "account_id": 16,
    "card_id": 17,
    "device_id": 18,
    "merchant_id": 19,
    "ip": 20,
    "email": 21,
    "phone": 22,
    "delivery_address": 23,
    "country": 24,
}
"""A set by the row's column of its members. The numbers stand in stored bytes: none is ever used again for something else."""
COUNTRY_BYTES, ID_BYTES = 2, 8
NEXT_EVENT, SAME_ORIGIN, SAME_VERSIONS, SAME_ACTION, NO_VERDICT = 1, 2, 4, 8, 16
"""Flags of a memory entry: its time is that of the next event; the rest is that of the entry before; there is no verdict."""
