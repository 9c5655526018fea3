"""Control: what is wished to be in force, and the row of the log that puts it there."""

import msgspec

CATALOGUE, MODEL, POLICY = "catalogue", "model", "policy"
KEYS = (CATALOGUE, MODEL, POLICY)
"""What can be wished."""
BACKFILL = "backfill"
"""Nobody wishes it: a history that is put into the log has a row before and a row after it (schemas/backfill.py)."""
CELLS = "cells"
"""Nobody wishes it: what decides a record's cell (schemas/cells.py), in a row behind the first catalogue, and behind each cell added."""
WISH, IN_FORCE, REFUSED, ANNOUNCED = "wish", "in-force", "refused", "announced"
"""First words of keys on the control topic: `wish/KEY`, `in-force/CELL/KEY`, `refused/CELL/KEY`, and `announced/cells`."""

QUARANTINE = "quarantine"
"""`quarantine/CELL/TOPIC_ID:PARTITION:OFFSET`: a row that nobody folds."""


class Control(msgspec.Struct, frozen=True):
    """One artefact under one control key. On the control topic it is a wish or an echo, in the log it is what counts from there on.

    body: the text of a catalogue or policy; a package is found by its sha256 in the folder of artefacts.
    wish_topic_id, wish_offset: the wish that it came from; offset -1: the row that `weir topics create` writes.
    """

    key: str
    version: str
    sha256: str
    body: str | None = None
    wish_topic_id: str = ""
    wish_offset: int = -1
    reason: str | None = None
    """Why a wish was refused."""


_encoder, _decoder = msgspec.json.Encoder(), msgspec.json.Decoder(Control)


def encode_control(control: Control) -> bytes:
    """As JSON."""
    return _encoder.encode(control)


def decode_control(value: bytes) -> Control:
    """Raises msgspec.ValidationError or msgspec.DecodeError."""
    return _decoder.decode(value)
