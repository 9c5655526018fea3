"""The control topic as it stands: what is wished, in force, refused, announced."""

from app.settings import Settings
from broker.connection import Connection
from broker.once import read_all
from broker.topics import Topics
from engine.control import Board
from schemas.topics import CONTROL


def board_of(settings: Settings, connection: Connection) -> Board:
    """All of it. Raises TopicMissing."""
    topic, board = CONTROL.under(settings.prefix), Board()
    topic_id = Topics(connection).topic_id(topic)
    for _, record in read_all(connection, topic):
        board.hear(record.key, record.value, place=(topic_id, record.offset))
    return board
