"""The load's own mixture through the engine's rows and compiled fold, and through the oracle: what both hold afterwards."""

from functools import cache
from itertools import islice
from random import Random
from typing import NamedTuple

import msgspec
import numpy as np

from chaos.load import Sent
from chaos.mix import mixed
from chaos.oracle.cell import Cell
from chaos.oracle.contract import Contract
from chaos.oracle.due import Due
from chaos.oracle.rules import Rules, rules_of
from features.catalogue import catalogue_text, read_catalogue
from features.fold import Fold, Status
from features.value import Value
from features.value_reader import read_value
from schemas.label_writer import LabelWriter
from schemas.money import Rates
from schemas.pseudonyms import Pseudonyms
from schemas.reasons import Reason
from schemas.row import Rows
from schemas.row_writer import RowWriter

KEY = b"a key of the tests"
NOW_MS = 1_790_000_000_000
RECORDS = 12_000
BATCH = 500


class Lived(NamedTuple):
    """Of each record what is due, by the oracle; status and reason of its row, by the engine. At the end the tables of both."""

    cell: Cell
    rules: Rules
    contract: Contract
    due: list[Due]
    rows: Rows
    status: list[int]
    reasons: list[str]
    table: dict[tuple[str, bytes], Value]


@cache
def records() -> list[Sent]:
    return list(islice(mixed(seed=7, cards=400, now_ms=NOW_MS), RECORDS))


@cache
def lived() -> Lived:
    """Two source partitions, one of transactions and one of labels."""
    text = catalogue_text()
    catalogue, rules = read_catalogue(text, place="the catalogue that ships"), rules_of(text)
    contract = Contract(base=rules.base, rates=rules.rates, key=KEY, counted=tuple(entity.field for entity in rules.entities))
    cell, due = Cell(rules, contract), []
    writer = RowWriter(
        pseudonyms=Pseudonyms(KEY),
        rates=Rates(catalogue.base_currency, catalogue.rates),
        signals=catalogue.signals,
        candidates=[entity.field for entity in catalogue.entities],
    )
    labels = LabelWriter(writer)
    rows = []
    for offset, sent in enumerate(records()):
        place = int(sent.label), offset
        due.append(cell.take(place, sent.value, received=NOW_MS, label=sent.label))
        row = (labels if sent.label else writer).row(sent.value, offset=offset, received_ms=NOW_MS)
        rows.append(np.frombuffer(bytearray(row), writer.dtype))
        rows[-1]["origin"] = place[0]
    together = np.concatenate(rows)
    fold = Fold(catalogue, load=lambda _, keys: [None] * len(keys), cache_bytes=1 << 28)
    status, reasons = list[int](), list[str]()
    for at in range(0, len(together), BATCH):
        folded = fold.rows(together[at : at + BATCH])
        status += [int(each) for each in folded.status]
        reasons += [Reason(int(each)).code for each in folded.reason]
    table = {(entity, key): read_value(value, place=entity) for entity, key, value in fold.changed()}
    return Lived(cell, rules, contract, due, together, status, reasons, table)


def hot_key() -> tuple[str, bytes]:
    """Of the merchant that has a tenth of all."""
    here = lived()
    return max((key for key in here.cell.lives if key[0] == "merchant"), key=lambda key: here.cell.lives[key].taken)


def changed(value: Value, **fields: object) -> Value:
    return msgspec.structs.replace(value, **fields)


def shuffled(seed: int) -> list[tuple[str, bytes]]:
    keys = sorted(lived().table)
    Random(seed).shuffle(keys)
    return keys


REPEAT, REFUSED = int(Status.REPEAT), int(Status.REFUSED)
