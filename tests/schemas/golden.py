"""Makes a folder of golden files: `python -m tests.schemas.golden FOLDER`. Records as they came, and what was made of them, byte for byte.

    records.jsonl        {"name", "timestamp_ms", "value": each byte as one letter of Latin-1, or null}
    block.npy            the log's message: their rows
    decisions.jsonl      {"key", "headers", "value"} of a verdict on each row, line by line
    dead-letters.jsonl   {"key", "headers", "value"} of each refused row

and of labels `python -m tests.schemas.golden FOLDER labels`: records.jsonl and block.npy, likewise.

An old folder is never edited: somebody stored what is in it. What changes on purpose gets a new one, and a decision record.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from engine.intake import Intake, Way, Writer
from schemas.dead_letter import dead_letters
from schemas.decision import encode_decisions
from schemas.label import FraudType
from schemas.label_writer import LabelWriter
from schemas.reasons import Reason
from schemas.records import Fetch, Message, Origin, Partition, Record
from schemas.row import Kind, Rows, row_dtype, unpack
from schemas.verdict import VERDICT, Action, DecidedBy, Verdicts, Versions
from tests.schemas.examples import BAD, CANDIDATES, NOBODY, NOW_MS, SIGNALS, record, writer
from tests.schemas.label_examples import BAD_LABELS, label

FOLDER = Path(__file__).parent.parent / "golden" / "contract"
LABELS = Path(__file__).parent.parent / "golden" / "labels"
ORIGIN = Origin("golden-topic-id", 1, "payments")
VERSIONS = [
    Versions("default@0123456789ab", None, None, 1),
    Versions("default@0123456789ab", "model@0123456789ab", "policy@0123456789ab", 1),
]
PRIMARIES = tuple((field.removesuffix("_id"), field) for field in CANDIDATES)
SHOWN = ("card_count_1h", "card_mean_1h")


def sound() -> dict[str, bytes]:
    """Records that are accepted."""
    return {
        "every field": record(),
        "only what is needed": record(
            **{
                **dict.fromkeys(("payment_id", "mcc", "country", "channel", "latitude", "longitude", "signals"), ...),
                **NOBODY,
                "ip": "192.0.2.7",
            }
        ),
        "signs in an id": record(transaction_id='"\\ ~', payment_id="'{}'"),
        "yen": record(currency="JPY", amount_minor=123_456),
        "nothing to pay": record(amount_minor=0),
    }


def records() -> list[tuple[str, bytes | None]]:
    """Name and value of every record; of the very large ones none."""
    bad = [(name, value) for name, (value, _, _) in BAD.items() if value is None or len(value) < 2000]
    return [*sound().items(), *bad]


def labels() -> list[tuple[str, bytes | None]]:
    """The same of labels."""
    words = [label(label="genuine", fraud_type=...), label(label="dispute_won", fraud_type=...), label(fraud_type=...)]
    sound = [*words, *(label(fraud_type=word) for word in get_args(FraudType)), label(source="Prüfung")]
    bad = [(name, value) for name, (value, _, _) in BAD_LABELS.items() if value is None or len(value) < 2000]
    return [*((f"sound {at}", value) for at, value in enumerate(sound)), *bad]


def fetched(lines: Sequence[dict[str, Any]]) -> Fetch:
    """The lines of `records.jsonl` as one fetch."""
    values = [None if line["value"] is None else line["value"].encode("latin-1") for line in lines]
    return Fetch(Partition("payments", 1), 0, [Record(at, lines[at]["timestamp_ms"], None, value, []) for at, value in enumerate(values)])


def blocks_of(fetch: Fetch, by: Writer | None = None) -> list[Message]:
    """What intake makes of it. by: its writer; None: of transactions."""
    return Intake("weir-log", ways={0: Way(by or writer(), "golden")}).rows(fetch, ORIGIN)


def rows_of(block: bytes) -> Rows:
    """The rows of a block."""
    return unpack(Record(0, 0, None, block, [("weir-origin", b"golden-topic-id:1:payments")]), row_dtype(SIGNALS)).rows


def judged(rows: Rows) -> Verdicts:
    """A verdict on each, of every kind there is."""
    verdicts = np.zeros(len(rows), VERDICT)
    verdicts["offset"], verdicts["score"] = rows["offset"], np.linspace(0, 1, len(rows), dtype=np.float32)
    verdicts["action"], verdicts["versions"] = np.arange(len(rows)) % len(Action), np.arange(len(rows)) % 2
    verdicts["reason"] = np.where(verdicts["versions"] == 0, Reason.NO_MODEL, Reason.SCORE)
    verdicts["decided_by"] = np.where(verdicts["versions"] == 0, DecidedBy.FALLBACK, DecidedBy.MODEL)
    refused = rows["kind"] == Kind.REFUSED
    verdicts["reason"][refused], verdicts["decided_by"][refused] = rows["reason"][refused], DecidedBy.REFUSAL
    verdicts["score"][refused | (verdicts["versions"] == 0)] = np.nan
    verdicts["repeat"][3], verdicts["offset"][3] = 1, 1
    return verdicts


def answers(rows: Rows) -> tuple[list[Message], list[Message]]:
    """Decisions and dead letters."""
    features = np.arange(2 * len(rows), dtype=np.float32).reshape(-1, 2) / np.float32(7)
    features[::3, 1] = np.nan
    replayed = np.arange(len(rows)) % 5 == 0
    decisions = encode_decisions(
        rows, judged(rows), origins=[ORIGIN], versions=VERSIONS, topic="d", primaries=PRIMARIES, shown=(SHOWN, features), replayed=replayed
    )
    return decisions, dead_letters(rows, origins=[ORIGIN], topic="l", replayed=replayed)


def as_lines(messages: Sequence[Message]) -> str:
    """Messages as JSON lines."""
    lines = []
    for message in messages:
        headers = {name: value.decode() for name, value in message.headers or []}
        lines.append(
            json.dumps({"key": (message.key or b"").decode(), "headers": headers, "value": (message.value or b"").decode()}) + "\n"
        )
    return "".join(lines)


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a golden file."""
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def _write_block(folder: Path, values: list[tuple[str, bytes | None]], by: Writer) -> bytes:
    """Records and their block; the block. Raises FileExistsError where the folder is there."""
    folder.mkdir(parents=True)
    lines = [
        {"name": name, "timestamp_ms": NOW_MS + at, "value": None if value is None else value.decode("latin-1")}
        for at, (name, value) in enumerate(values)
    ]
    (folder / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    (message,) = blocks_of(fetched(lines), by)
    (folder / "block.npy").write_bytes(message.value or b"")
    return message.value or b""


def write_labels(folder: Path) -> None:
    """Both files of labels."""
    _write_block(folder, labels(), LabelWriter(writer()))


def write(folder: Path) -> None:
    """All four files."""
    decisions, letters = answers(rows_of(_write_block(folder, records(), writer())))
    (folder / "decisions.jsonl").write_text(as_lines(decisions), encoding="utf-8")
    (folder / "dead-letters.jsonl").write_text(as_lines(letters), encoding="utf-8")


if __name__ == "__main__":
    (write_labels if sys.argv[2:] == ["labels"] else write)(Path(sys.argv[1]))
