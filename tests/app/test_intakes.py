"""When a hedger may append: as an intake might, and not before anybody has said what a cell works by."""

import msgspec

from app.intakes import Intakes
from app.settings import Settings
from engine.control import Board, control_of, echo, id_key_of
from features.catalogue import catalogue_text
from schemas.backfill import begin_of, end_of
from schemas.control import CATALOGUE
from schemas.pseudonyms import Pseudonyms

PSEUDONYMS = Pseudonyms(b"a key of the test")
TOPIC = "weir-control"


def told(board: Board, *controls: msgspec.Struct) -> None:
    for at, control in enumerate(controls):
        message = echo(control, TOPIC, 0)  # type: ignore[arg-type]  # each is a Control
        board.hear(message.key, message.value, place=("control-id", at))


def intakes(board: Board) -> Intakes:
    return Intakes(board, Settings(), PSEUDONYMS, None, cells=1)


def test_a_hedger_waits_until_a_cell_had_an_owner() -> None:
    board = Board()
    hedged = intakes(board)
    assert not hedged.settled(None)
    told(board, control_of(CATALOGUE, catalogue_text(), "shipped"))
    assert not hedged.settled(None), "nobody has said by which key identifiers are hashed"
    told(board, id_key_of(PSEUDONYMS.fingerprint))
    assert hedged.settled(None)


def test_a_hedger_waits_while_a_history_is_put_into_the_log() -> None:
    board = Board()
    hedged, history = intakes(board), begin_of("5" * 64)
    told(board, control_of(CATALOGUE, catalogue_text(), "shipped"), id_key_of(PSEUDONYMS.fingerprint), history)
    assert not hedged.settled(None)
    told(board, end_of(history))
    assert hedged.settled(None)
