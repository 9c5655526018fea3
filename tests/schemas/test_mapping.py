"""A mapping is read with the line of whatever is wrong in it."""

from pathlib import Path

import pytest

from schemas.errors import BadMapping
from schemas.mapping import Column, LabelColumn, mapping_of, read_mapping

GOOD = """\
name: mine
fields:
  transaction_id: ID
  event_time_ms: {column: WHEN, unit: s}
  amount_minor: {column: AMOUNT, exponent: 2}
  card_id: CARD
constants:
  currency: EUR
signals: {age: AGE}
label: {column: FRAUD, fraud: [1, "yes"]}
"""


def test_a_mapping_says_where_each_field_comes_from() -> None:
    mapping = mapping_of(GOOD, place="mine.yaml")
    assert mapping.columns == {
        "transaction_id": Column("ID"),
        "event_time_ms": Column("WHEN", unit="s"),
        "amount_minor": Column("AMOUNT", exponent=2),
        "card_id": Column("CARD"),
    }
    assert (mapping.constants, mapping.signals) == ({"currency": "EUR"}, {"age": "AGE"})
    assert mapping.wanted == ["ID", "WHEN", "AMOUNT", "CARD", "AGE", "FRAUD"]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (GOOD.replace("card_id", "kard_id"), 6, "kard_id"),
        (GOOD.replace("unit: s", "unit: h"), 4, "unit"),
        (GOOD.replace("unit: s", ""), 4, "a unit is needed"),
        (GOOD.replace("card_id: CARD", "card_id: {column: CARD, unit: s}"), 6, "only a time has a unit"),
        (GOOD.replace("card_id: CARD", "card_id: {column: CARD, exponent: 2}"), 6, "only an amount has an exponent"),
        (GOOD.replace("exponent: 2", "exponent: 5"), 5, "<= 4"),
        (GOOD.replace("currency: EUR", "currency: EURO"), 8, "length <= 3"),
        (GOOD.replace("  card_id: CARD", "  currency: CUR"), 8, "under fields and under constants"),
        (GOOD.replace("  transaction_id: ID\n", ""), 2, "transaction_id is missing"),
        (GOOD.replace("signals:", "signal:"), 9, "signal"),
        (GOOD.replace('[1, "yes"]', "[]"), 10, "fraud"),
        (GOOD.replace("  card_id: CARD", "  transaction_id: OTHER"), 6, "second time"),
        (GOOD.replace('"yes"]', '"yes"], delay: a week'), 10, "delay"),
        (GOOD.replace('"yes"]', '"yes"], known_at: {column: K}'), 10, "unit"),
        (GOOD.replace('"yes"]', '"yes"], delay: 7d, known_at: {column: K, unit: s}'), 10, "not both"),
        (GOOD.replace('"yes"]', '"yes"], types: {"yes": robbery}'), 10, "robbery"),
        (GOOD.replace('"yes"]', '"yes"], types: {"no": never_pay}'), 10, "'no' has a type"),
        (GOOD.replace("{age: AGE}", "{age: AGE"), 10, "not YAML"),
        ("[]", 1, "object"),
        ("", 1, "object"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(BadMapping, match=f"mine.yaml, line {line}: .*{what}"):
        mapping_of(text, place="mine.yaml")


def test_a_mapping_is_a_shipped_name_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD, encoding="utf-8")
    assert read_mapping(str(tmp_path / "mine.yaml")).name == "mine"
    assert read_mapping("handbook").name == "handbook"
    with pytest.raises(BadMapping, match="mapping elsewhere is neither a file that can be read nor one of handbook"):
        read_mapping("elsewhere")


def test_a_label_says_when_it_is_known_and_of_which_type() -> None:
    mapping = mapping_of(GOOD.replace('"yes"]', '"yes"], delay: 36h, types: {"YES": account_takeover}'), place="mine.yaml")
    assert mapping.label is not None
    assert (mapping.label.delay_ms, mapping.label.falls_due) == (36 * 3_600_000, True)
    assert mapping.label.type_of == {"yes": "account_takeover"}
    mapping = mapping_of(GOOD.replace('"yes"]', '"yes"], known_at: {column: K, unit: ms}'), place="mine.yaml")
    assert mapping.label is not None
    assert (mapping.label.delay_ms, mapping.label.falls_due, mapping.wanted[-1]) == (None, True, "K")
    assert mapping_of(GOOD, place="mine.yaml").label == LabelColumn("FRAUD", [1, "yes"])
    handbook = read_mapping("handbook").label
    assert handbook is not None
    assert handbook.delay_ms == 7 * 86_400_000
