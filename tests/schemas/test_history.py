"""A history in columns is what intake makes of its lines, bit for bit; amounts and times are exact."""

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import history
from schemas.columns import Unusable, contract_column, transactions
from schemas.errors import BadMapping
from schemas.history import arrivals, read_mapping, rows_of
from schemas.mapping import Column, Mapping, mapping_of
from schemas.row import ID_FIELDS, Kind
from schemas.row_columns import write_columns
from schemas.transaction import encode_transaction
from tests.schemas.examples import NOW_MS, known, spoiled, writer

HANDBOOK = {
    "TRANSACTION_ID": [0, 1, 2, 3],
    "TX_DATETIME": [dt.datetime(2018, 4, 1, 0, 0, second) for second in (31, 32, 33, 33)],  # noqa: DTZ001 (so it is published)
    "CUSTOMER_ID": [596, 4961, 2, 596],
    "TERMINAL_ID": [3156, 3412, 1365, 3156],
    "TX_AMOUNT": [57.16, 81.51, 146.0, 0.07],
    "TX_FRAUD": [0, 1, 0, 1],
}
WHOLE = """\
name: whole
fields:
  transaction_id: ID
  event_time_ms: {column: WHEN, unit: timestamp}
  amount_minor: {column: AMOUNT, exponent: 2}
  currency: CURRENCY
  card_id: CARD
  email: MAIL
  mcc: MCC
  country: COUNTRY
  latitude: LAT
signals: {age_days: AGE, browser: BROWSER}
label: {column: FRAUD, fraud: [true, chargeback]}
"""
LINES = """\
ID,WHEN,AMOUNT,CURRENCY,CARD,MAIL,MCC,COUNTRY,LAT,AGE,BROWSER,FRAUD,UNREAD
a,2018-04-01T00:00:31,12.345,EUR,c1,,5411,DE,52.5,3,Firefox,true,x
b,2018-04-01T00:00:32,0.005,USD,c2,m@example.org,,,,,,false,x
c,2018-04-01 00:00:33.250,-1,EUR,c1,,5411,DE,,,,chargeback,x
d,2018-04-01T00:00:34,1,XXX,,,5411,DE,,,,,x
e,,1,EUR,c1,,99999,de,95,,,TRUE,x
f,1970-01-01T00:00:00,99999999999999.995,EUR,c1,,,,,,,true,x
g,2018-04-01T00:00:35,1,EUR,c1,,,de,,,,,x
h,2018-04-01T00:00:35,1,EUR,c1,,10000,,,,,,x
i,2018-04-01T00:00:35,1,EUR,c1,,,,-90.5,,,,x
j,2018-04-01T00:00:35,1,EUR,c1,,,,,,"a browser with a name that is long",,x
k,2018-04-01T00:00:35,1,EUR,,m@example.org,,,,,,,x
l,2018-04-01T00:00:35,1,EUR,é,,,,,,,,x
,2018-04-01T00:00:35,1,EUR,c1,,,,,,,,x
n,2018-04-01T00:00:35,99999999999,USD,c1,,,,,,,,x
o,1999-12-31T23:59:59.999,1,EUR,c1,,,,,,,,x
p,2018-04-01T00:00:35,1,,c1,,,,,,,,x
q,2000-01-01T00:00:00,10995116277.76,EUR,c1,,9999,ZZ,-90,,,,x
"""


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    file = tmp_path / "handbook.parquet"
    pa.parquet.write_table(pa.table(HANDBOOK), file)
    return file


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    file = tmp_path / "lines.csv"
    file.write_text(LINES, encoding="utf-8")
    return file


def as_intake_would(file: Path, mapping: Mapping) -> Iterator[tuple[bytes, bool | None]]:
    one = writer()
    for at, (transaction, fraud) in enumerate(arrivals(file, mapping)):
        yield one.row(encode_transaction(transaction), offset=at, received_ms=transaction.event_time_ms or 0), fraud


def test_the_handbooks_transactions_are_rows(handbook: Path) -> None:
    (stretch,) = rows_of(handbook, read_mapping("handbook"), writer=writer())
    assert stretch.rows["kind"].tolist() == [Kind.TRANSACTION] * 4
    assert stretch.rows["transaction_id"].tolist() == [b"0", b"1", b"2", b"3"]
    assert stretch.rows["amount_sent_minor"].tolist() == [5716, 8151, 14600, 7]
    assert stretch.rows["event_time_ms"].tolist() == [1_522_540_831_000 + extra for extra in (0, 1000, 2000, 2000)]
    assert stretch.rows["received_ms"].tolist() == stretch.rows["event_time_ms"].tolist()
    assert stretch.rows["offset"].tolist() == [0, 1, 2, 3]
    assert stretch.rows["card_id"][0].tobytes() == writer().pseudonyms.of("card_id", "596")
    assert stretch.fraud is not None
    assert stretch.fraud.tolist() == [False, True, False, True]


def test_the_handbooks_transactions_arrive_in_the_files_order(handbook: Path) -> None:
    first, second, *_ = arrivals(handbook, read_mapping("handbook"))
    assert (first.transaction.transaction_id, first.transaction.amount_minor, first.transaction.currency) == ("0", 5716, "EUR")
    assert (first.transaction.card_id, first.transaction.merchant_id, first.fraud, second.fraud) == ("596", "3156", False, True)


@pytest.mark.parametrize("rows_a_batch", [1, 2, 100])
def test_the_lines_of_a_file_are_the_rows_that_intake_would_write(
    lines: Path, handbook: Path, monkeypatch: pytest.MonkeyPatch, rows_a_batch: int
) -> None:
    monkeypatch.setattr(history, "BATCH_ROWS", rows_a_batch)
    for file, mapping in ((lines, mapping_of(WHOLE, place="whole")), (handbook, read_mapping("handbook"))):
        stretches = list(rows_of(file, mapping, writer=writer()))
        expected = list(as_intake_would(file, mapping))
        assert [row.tobytes() for stretch in stretches for row in stretch.rows] == [row for row, _ in expected]
        assert [fraud for stretch in stretches for fraud in (stretch.fraud if stretch.fraud is not None else [])] == [
            fraud for _, fraud in expected
        ]


def test_lines_that_intake_refuses_are_refused_rows(lines: Path) -> None:
    (stretch,) = rows_of(lines, mapping_of(WHOLE, place="whole"), writer=writer())
    assert stretch.rows["kind"].tolist() == [1, 1, *[0] * 14, 1]
    assert stretch.rows["amount_sent_minor"].tolist()[:2] == [1234, 0]  # 12.345 and 0.005: to the even neighbour
    assert stretch.rows["event_time_ms"].tolist()[:4] == [1_522_540_831_000 + extra for extra in (0, 1000, 2250, 3000)]
    assert stretch.fraud is not None
    assert stretch.fraud.tolist() == [True, False, True, False, True, True, *[False] * 11]


def arrays(sent: Sequence[dict[str, Any]]) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
    texts = ("transaction_id", "currency", "payment_id", "country", "channel", *ID_FIELDS)
    types: dict[str, tuple[pa.DataType, type]] = dict.fromkeys(texts, (pa.string(), str))
    types.update(dict.fromkeys(("event_time_ms", "amount_minor", "mcc"), (pa.int64(), int)))
    types.update(dict.fromkeys(("latitude", "longitude"), (pa.float64(), float)))

    def fitting(value: object, type_: type) -> object:
        usable = type(value) is type_ and not (isinstance(value, int) and abs(value) >= 2**63) and value == value  # noqa: PLR0124 (NaN)
        return value if usable and value not in {float("inf"), -float("inf")} else None

    columns = {name: pa.array([fitting(one.get(name), type_) for one in sent], arrow) for name, (arrow, type_) in types.items()}
    extra = [one["signals"] if isinstance(one.get("signals"), dict) else {} for one in sent]
    signals = {
        "age_days": pa.array([one.get("age_days") for one in extra], pa.float64()),
        "browser": pa.array([one.get("browser") for one in extra], pa.string()),
    }
    return columns, signals


@settings(max_examples=60)
@given(st.lists(known | spoiled, min_size=1, max_size=6))
def test_columns_of_anything_are_the_rows_that_intake_would_write(sent: list[dict[str, Any]]) -> None:
    columns, signals = arrays(sent)
    one = writer()
    times = columns["event_time_ms"].fill_null(0).to_pylist()
    expected = [
        one.row(encode_transaction(transaction), offset=7 + at, received_ms=time_ms)
        for at, (transaction, time_ms) in enumerate(zip(transactions(columns, signals), times, strict=True))
    ]
    rows = write_columns(columns, signals, writer=one, offset=7)
    assert [row.tobytes() for row in rows] == expected


decimals = st.decimals(-(10**9), 10**9, places=4) | st.decimals(-(10**14), 10**14, places=3)


@given(st.lists(decimals, min_size=1, max_size=8), st.integers(0, 4))
def test_an_amount_is_its_shortest_text_rounded_half_to_even(amounts: list[Decimal], exponent: int) -> None:
    column = Column("A", exponent=exponent)

    def exact(texts: Sequence[str]) -> list[int]:
        return [int(Decimal(text).scaleb(exponent).to_integral_value(ROUND_HALF_EVEN)) for text in texts]

    texts, floats = [str(amount) for amount in amounts], [float(amount) for amount in amounts]
    assert contract_column("amount_minor", pa.array(texts), column).to_pylist() == exact(texts)
    assert contract_column("amount_minor", pa.array(floats), column).to_pylist() == exact([repr(one) for one in floats])
    assert contract_column("amount_minor", pa.array(amounts, pa.decimal128(38, 4)), column).to_pylist() == exact(texts)


def test_an_amount_that_is_no_number_is_absent() -> None:
    column = Column("A", exponent=2)
    values = pa.array([float("nan"), float("inf"), None, 1e300, 2.0])
    assert contract_column("amount_minor", values, column).to_pylist() == [None, None, None, None, 200]
    assert contract_column("amount_minor", pa.array(["1.5", "x" * 20, None]), column).to_pylist() == [150, None, None]


@pytest.mark.parametrize(
    ("values", "unit", "milliseconds"),
    [
        (pa.array([1_709_251_200, None]), "s", NOW_MS),
        (pa.array([1_709_251_200.0, None]), "s", NOW_MS),
        (pa.array(["1709251200.000", None]), "s", NOW_MS),
        (pa.array([NOW_MS, None]), "ms", NOW_MS),
        (pa.array([NOW_MS * 1000 + 999, None]), "us", NOW_MS),
        (pa.array([NOW_MS * 1_000_000 + 999_999, None]).cast(pa.timestamp("ns")), "timestamp", NOW_MS),
        (pa.array([NOW_MS // 1000, None]).cast(pa.timestamp("s", "Europe/Berlin")), "timestamp", NOW_MS),
        (pa.array([dt.date(2024, 3, 1), None]), "timestamp", NOW_MS),
        (pa.array(["2024-03-01T00:00:00", None]), "timestamp", NOW_MS),
        (pa.array(["2024-03-01T01:00:00+01:00", None]), "timestamp", NOW_MS),
    ],
)
def test_times_are_milliseconds_whatever_their_unit(values: pa.Array, unit: Any, milliseconds: int) -> None:  # noqa: ANN401 (a Literal)
    assert contract_column("event_time_ms", values, Column("T", unit=unit)).to_pylist() == [milliseconds, None]


@pytest.mark.parametrize(
    ("name", "values", "column"),
    [
        ("card_id", pa.array([1.5]), Column("C")),
        ("event_time_ms", pa.array([1.5]), Column("C", unit="timestamp")),
        ("event_time_ms", pa.array(["yesterday"]), Column("C", unit="timestamp")),
        ("mcc", pa.array(["x"]), Column("C")),
        ("latitude", pa.array(["north"]), Column("C")),
    ],
)
def test_a_column_that_cannot_be_the_field_is_named(name: str, values: pa.Array, column: Column) -> None:
    with pytest.raises(Unusable):
        contract_column(name, values, column)


def test_a_file_that_does_not_fit_its_mapping_is_refused(tmp_path: Path, handbook: Path, lines: Path) -> None:
    mapping = mapping_of(WHOLE, place="whole")
    with pytest.raises(BadMapping, match=r"has no column ID; it has TRANSACTION_ID"):
        next(arrivals(handbook, mapping))
    with pytest.raises(BadMapping, match=r"lines\.csv"):
        next(arrivals(lines, read_mapping("handbook")))
    for name in ("absent.parquet", "absent.csv"):
        with pytest.raises(BadMapping, match=name):
            next(arrivals(tmp_path / name, mapping))
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(BadMapping, match=r"broken\.parquet"):
        next(arrivals(tmp_path / "broken.parquet", mapping))
    pa.parquet.write_table(pa.table({**HANDBOOK, "CUSTOMER_ID": [1.5] * 4}), tmp_path / "floats.parquet")
    with pytest.raises(BadMapping, match=r"column CUSTOMER_ID: its type is double"):
        next(arrivals(tmp_path / "floats.parquet", read_mapping("handbook")))


def test_a_mapping_without_a_label_gives_none(lines: Path) -> None:
    mapping = mapping_of(WHOLE[: WHOLE.index("label:")], place="whole")
    assert {arrival.fraud for arrival in arrivals(lines, mapping)} == {None}
    assert next(rows_of(lines, mapping, writer=writer())).fraud is None
    assert next(rows_of(lines, mapping, writer=writer())).rows["offset"].tolist() == list(range(17))
