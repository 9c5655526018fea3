"""The published schemas say what the code reads and writes."""

import json
from contextlib import suppress
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract import FOLDER, as_text, json_schemas, published
from schemas.contract_page import PAGE, with_tables
from schemas.control import Control, decode_control, encode_control
from schemas.errors import RefusedEvent
from schemas.label import Label, decode_label
from schemas.reasons import Reason
from schemas.row import ID_FIELDS, Kind, row_dtype
from schemas.transaction import Transaction, decode_transaction
from tests.schemas.examples import SIGNALS, VALID, known, spoiled
from tests.schemas.golden import FOLDER as GOLDEN
from tests.schemas.golden import read, rows_of
from tests.schemas.label_examples import known_labels, spoiled_labels

VALIDATORS = {name: jsonschema.Draft202012Validator(schema) for name, schema in json_schemas().items()}


def accepts(name: str, value: object) -> bool:
    return bool(VALIDATORS[name].is_valid(value))


@pytest.mark.parametrize("name", json_schemas())
def test_the_published_file_is_the_struct(name: str) -> None:
    """`python -m schemas.contract` writes it anew."""
    assert published(name).read_text(encoding="utf-8") == as_text(json_schemas()[name])
    jsonschema.Draft202012Validator.check_schema(json_schemas()[name])


def test_nothing_else_is_published() -> None:
    assert sorted(FOLDER.iterdir()) == sorted(published(name) for name in json_schemas())


def test_the_page_has_the_tables_of_the_schemas() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page, json_schemas()) == page
    for name in (*Transaction.__struct_fields__, *Label.__struct_fields__):
        assert f"| `{name}` |" in page
    for reason in Reason:
        assert (f"| `{reason.code}` |" in page) == (reason is not Reason.NONE)


def test_every_field_of_a_transaction_has_a_column_in_a_row() -> None:
    """A new field of the contract is a new column, side by side."""
    columns = set(row_dtype(SIGNALS).names or ())
    assert set(Transaction.__struct_fields__) - columns == {"signals"}
    assert set(ID_FIELDS) < set(Transaction.__struct_fields__)
    assert set(Label.__struct_fields__) - columns == {"label_id", "fraud_type", "source"}
    assert set(ID_FIELDS) < set(Label.__struct_fields__)


@pytest.mark.parametrize("folder", sorted(GOLDEN.iterdir()), ids=lambda folder: folder.name)
def test_golden_files_fit_the_schemas(folder: Any) -> None:  # noqa: ANN401 (a Path; pytest)
    for name in ("decisions", "dead-letters"):
        for line in read(folder, f"{name}.jsonl"):
            VALIDATORS[name.removesuffix("s")].validate(json.loads(line["value"]))
    kinds = rows_of((folder / "block.npy").read_bytes())["kind"]
    sound = [
        line["value"].encode("latin-1") for line, kind in zip(read(folder, "records.jsonl"), kinds, strict=True) if kind == Kind.TRANSACTION
    ]
    assert len(sound) >= 5
    for value in sound:
        VALIDATORS["transaction"].validate(json.loads(value))


@given(known | spoiled)
def test_a_transaction_is_accepted_where_its_schema_accepts_it(sent: dict[str, Any]) -> None:
    """Numbers apart that JSON Schema cannot tell: 12.0 is an integer to it, and NaN is no JSON."""
    value = json.dumps(sent)
    odd = (
        "NaN" in value or "Infinity" in value or any(isinstance(sent.get(name), float) for name in ("event_time_ms", "amount_minor", "mcc"))
    )
    accepted = False
    with suppress(RefusedEvent):
        accepted = bool(decode_transaction(value.encode()))
    currency = sent.get("currency")
    if accepted and not (isinstance(currency, str) and currency.isascii() and currency.isupper()):
        return  # what is no currency is found by the catalogue's rates
    assert odd or accepted == accepts("transaction", sent)


@given(known_labels | spoiled_labels)
def test_a_label_is_accepted_where_its_schema_accepts_it(sent: dict[str, Any]) -> None:
    """What a schema cannot tell: as above, and that only a fraud has a type."""
    value = json.dumps(sent)
    odd = (
        "NaN" in value
        or "Infinity" in value
        or any(isinstance(sent.get(name), float) for name in ("event_time_ms", "amount_minor", "known_at_ms"))
    )
    odd = odd or (sent.get("fraud_type") is not None and sent["label"] != "fraud")
    accepted = False
    with suppress(RefusedEvent):
        accepted = bool(decode_label(value.encode()))
    currency = sent.get("currency")
    if accepted and not (isinstance(currency, str) and currency.isascii() and currency.isupper()):
        return  # what is no currency is found by the catalogue's rates
    assert odd or accepted == accepts("label", sent)


@given(st.sampled_from(sorted(VALID)), st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=3) | st.lists(st.none()))
def test_a_field_of_another_value_is_judged_alike(name: str, value: object) -> None:
    sent = {**VALID, name: value}
    accepted = False
    with suppress(RefusedEvent):
        accepted = bool(decode_transaction(json.dumps(sent).encode()))
    if name != "currency":
        assert accepted == accepts("transaction", sent)


def test_control_fits_its_schema_and_comes_back() -> None:
    control = Control("policy", "p@1", "ab", body="name: p", wish_topic_id="id", wish_offset=4, reason="why")
    assert decode_control(encode_control(control)) == control
    VALIDATORS["control"].validate(json.loads(encode_control(control)))
    VALIDATORS["control"].validate(json.loads(encode_control(Control("model", "m@1", "ab"))))
    assert not accepts("control", {"key": "model"})
    with pytest.raises(msgspec.ValidationError):
        decode_control(b'{"key":"model"}')


def test_the_shipped_mappings_fit_their_schema() -> None:
    shipped = list((FOLDER.parent / "mappings").iterdir())
    assert shipped
    for file in shipped:
        VALIDATORS["mapping"].validate(yaml.safe_load(file.read_text(encoding="utf-8")))
