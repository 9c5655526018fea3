"""Intake alone: CPU time a record, from the bytes of the source to the message of the log, by the contract, by a mapping, and of labels."""

import json
import time
from collections.abc import Callable
from typing import Any

from engine.intake import Intake, Way, Writer
from features.catalogue import catalogue_text, read_catalogue
from schemas.label_writer import LabelWriter
from schemas.mapped import reads_by
from schemas.mapping import mapping_of
from schemas.money import Rates
from schemas.pseudonyms import Pseudonyms
from schemas.records import Fetch, Origin, Partition, Record
from schemas.row_writer import BY_CONTRACT, Reads, RowWriter

KEY = b"a key for measuring only"
NOW_MS = 1_709_251_200_000
BATCHES = (1, 1000)
CARDS = 10_000
"""So many different cards: their hashes are found in intake's cache, as those of most events are."""
MAPPING = """\
name: measured
fields:
  transaction_id: ORDER_NO
  event_time_ms: {column: CREATED_AT, unit: timestamp}
  amount_minor: {column: TOTAL, exponent: 2}
  currency: CURRENCY_CODE
  account_id: CUSTOMER_NO
  card_id: PAN_TOKEN
  device_id: DEVICE
  merchant_id: SHOP
  ip: CLIENT_IP
  mcc: MCC_CODE
  country: LAND
  channel: VIA
"""


def measure(*, records: int, rounds: int, say: Callable[[str], object]) -> dict[str, Any]:
    """CPU microseconds a record by way of reading and records a fetch: the median of the rounds."""
    catalogue = read_catalogue(catalogue_text(), place="the catalogue that ships")

    def writer(reads: Reads = BY_CONTRACT) -> RowWriter:
        return RowWriter(
            pseudonyms=Pseudonyms(KEY),
            rates=Rates(catalogue.base_currency, catalogue.rates),
            signals=catalogue.signals,
            candidates=[entity.field for entity in catalogue.entities],
            reads=reads,
        )

    ways: dict[str, tuple[Writer, Callable[[int], dict[str, Any]]]] = {
        "contract": (writer(), _by_contract),
        "mapping": (writer(reads_by(mapping_of(MAPPING, place="measured"))), _by_mapping),
        "labels": (LabelWriter(writer()), _label),
    }
    found: dict[str, list[float]] = {}
    for turn in range(rounds):
        for way, (by, make) in ways.items():
            values = [json.dumps(make(number)).encode() for number in range(records)]
            for batch in BATCHES:
                taken = _microseconds(Intake("log", ways={0: Way(by, "measured")}), values, batch)
                found.setdefault(f"{way}_batch_{batch}", []).append(taken)
        say(f"round {turn + 1} of {rounds}")
    return {
        "records": records,
        "rounds": rounds,
        "cpu_us_a_record": {name: round(sorted(each)[len(each) // 2], 2) for name, each in found.items()},
    }


def _microseconds(intake: Intake, values: list[bytes], batch: int) -> float:
    origin, partition = Origin("measured", 0, "payments"), Partition("payments", 0)
    records = [Record(at, NOW_MS, None, value, []) for at, value in enumerate(values)]
    fetches = [Fetch(partition, at, records[at : at + batch]) for at in range(0, len(records), batch)]
    began = time.process_time()
    for fetch in fetches:
        intake.rows(fetch, origin)
    return (time.process_time() - began) / len(values) * 1e6


def _ids(number: int) -> tuple[str, str, str, str, str]:
    card = number % CARDS
    return f"acc-{card}", f"tok_{card:016x}", f"dev-{card % 997}", f"m-{card % 499}", f"192.0.2.{card % 251}"


def _by_contract(number: int) -> dict[str, Any]:
    account, card, device, merchant, ip = _ids(number)
    return {
        "transaction_id": f"tx-{number}",
        "event_time_ms": NOW_MS + number,
        "amount_minor": 1234 + number,
        "currency": "EUR",
        "account_id": account,
        "card_id": card,
        "device_id": device,
        "merchant_id": merchant,
        "ip": ip,
        "mcc": 5411,
        "country": "DE",
        "channel": "ecommerce",
    }


def _by_mapping(number: int) -> dict[str, Any]:
    account, card, device, merchant, ip = _ids(number)
    return {
        "ORDER_NO": f"tx-{number}",
        "CREATED_AT": f"2024-03-01T00:00:{number % 60:02d}.{number % 1000:03d}Z",
        "TOTAL": (1234 + number) / 100,
        "CURRENCY_CODE": "EUR",
        "CUSTOMER_NO": account,
        "PAN_TOKEN": card,
        "DEVICE": device,
        "SHOP": merchant,
        "CLIENT_IP": ip,
        "MCC_CODE": 5411,
        "LAND": "DE",
        "VIA": "ecommerce",
    }


def _label(number: int) -> dict[str, Any]:
    sent = {name: value for name, value in _by_contract(number).items() if name not in {"mcc", "country", "channel"}}
    return {**sent, "label_id": f"label-{number}", "label": "fraud", "fraud_type": "third_party", "known_at_ms": NOW_MS + number}
