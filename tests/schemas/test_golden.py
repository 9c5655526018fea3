"""What was once written can be read for ever, and the same records make the same bytes today."""

from pathlib import Path

import numpy as np
import pytest

from schemas.dead_letter import decode_dead_letter
from schemas.decision import decode_decision
from schemas.label_code import LabelCode
from schemas.label_writer import LabelWriter
from schemas.row import Kind
from tests.schemas import golden
from tests.schemas.examples import NOW_MS, writer
from tests.schemas.golden import FOLDER, blocks_of, fetched, read, rows_of

VERSIONS = sorted(FOLDER.iterdir(), key=lambda folder: int(folder.name))
LATEST = VERSIONS[-1]
LABELS = sorted(golden.LABELS.iterdir(), key=lambda folder: int(folder.name))


@pytest.mark.parametrize("folder", VERSIONS, ids=lambda folder: folder.name)
def test_rows_and_answers_of_every_version_can_be_read(folder: Path) -> None:
    records, rows = read(folder, "records.jsonl"), rows_of((folder / "block.npy").read_bytes())
    decisions = [decode_decision(line["value"]) for line in read(folder, "decisions.jsonl")]
    letters = [decode_dead_letter(line["value"]) for line in read(folder, "dead-letters.jsonl")]
    assert len(rows) == len(records)
    refused = rows["kind"] == Kind.REFUSED
    assert [decision.transaction_id.encode() for decision in decisions] == rows["transaction_id"][rows["transaction_id"] != b""].tolist()
    assert [letter.message.encode() for letter in letters] == rows["detail"][refused].tolist()
    assert {decision.reason for decision in decisions if decision.decided_by == "refusal"} <= {letter.reason for letter in letters}
    first = decisions[0]
    assert (first.payment_id, first.primary and first.primary.entity, first.source.partition) == ("pay-1", "account", 1)


def test_the_records_make_the_same_rows() -> None:
    (message,) = blocks_of(fetched(read(LATEST, "records.jsonl")))
    assert message.value == (LATEST / "block.npy").read_bytes()


@pytest.mark.parametrize("folder", LABELS, ids=lambda folder: folder.name)
def test_labels_of_every_version_can_be_read(folder: Path) -> None:
    rows = rows_of((folder / "block.npy").read_bytes())
    sound = rows[rows["kind"] == Kind.LABEL]
    assert len(rows) == len(read(folder, "records.jsonl"))
    assert sound["label"].tolist()[:7] == [LabelCode.GENUINE, LabelCode.DISPUTE_WON, *range(LabelCode.FRAUD, LabelCode.NEVER_PAY + 1)]
    assert set(sound["known_at_ms"].tolist()) == {NOW_MS}
    assert set(sound["transaction_id"].tolist()) == {b"tx-1"}
    refused = rows[rows["kind"] == Kind.REFUSED]
    assert len(refused) > len(sound)
    assert (set(refused["transaction_id"].tolist()), set(refused["label"].tolist())) == ({b""}, {LabelCode.NONE})


def test_labels_make_the_same_rows() -> None:
    (message,) = blocks_of(fetched(read(LABELS[-1], "records.jsonl")), LabelWriter(writer()))
    assert message.value == (LABELS[-1] / "block.npy").read_bytes()


def test_the_rows_make_the_same_answers() -> None:
    rows = rows_of((LATEST / "block.npy").read_bytes())
    decisions, letters = golden.answers(rows)
    assert golden.as_lines(decisions) == (LATEST / "decisions.jsonl").read_text(encoding="utf-8")
    assert golden.as_lines(letters) == (LATEST / "dead-letters.jsonl").read_text(encoding="utf-8")


def test_the_scores_of_the_answers_are_float32_to_the_bit() -> None:
    rows = rows_of((LATEST / "block.npy").read_bytes())
    expected = golden.judged(rows)["score"][rows["transaction_id"] != b""]
    decisions = [decode_decision(line["value"]) for line in read(LATEST, "decisions.jsonl")]
    scores = np.array([decision.scores.get("fraud", np.nan) for decision in decisions], np.float32)
    np.testing.assert_array_equal(scores, expected)
