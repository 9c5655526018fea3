"""What a worker stands on, checked before it is built: a refusal comes within a second, before numba, Faust and the model are loaded.

roles, id key -> broker -> topics -> the id key that the cells work by -> data folder -> app/worker.py
"""

from typing import NamedTuple

from app.data_folder import hold
from app.settings import Settings
from broker.connection import Connection
from broker.once import read_all
from broker.topics import Topics
from engine.control import Board
from schemas.errors import BadSetting
from schemas.pseudonyms import Pseudonyms
from schemas.topics import CONTROL, TOPICS

ROLES = ("intake", "decide")


class Ground(NamedTuple):
    """All found to be as it must be; the data folder is held by this process."""

    settings: Settings
    roles: tuple[str, ...]
    pseudonyms: Pseudonyms
    connection: Connection
    topics: Topics
    board: Board
    """The control topic as it stood."""
    control_id: str
    """Its id."""


def found(settings: Settings) -> Ground:
    """Raises a RefusedStart: a bad setting, no broker, a topic missing or not as it must be, another id key, an unusable data folder."""
    roles = tuple(settings.roles.split(","))
    if unknown := [role for role in roles if role not in ROLES]:
        raise BadSetting(f"role {unknown[0]!r} is unknown; there are {', '.join(ROLES)}")
    pseudonyms = Pseudonyms(settings.key())
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    connection.require_broker()
    topics = Topics(connection)
    topics.check(TOPICS, prefix=settings.prefix, replication=settings.replication)
    if "intake" in roles:
        topics.partitions(settings.transactions_topic)  # raises where it is missing; else it is taken as it is
    board, control = Board(), CONTROL.under(settings.prefix)
    control_id = topics.topic_id(control)
    for _, record in read_all(connection, control):
        board.hear(record.key, record.value, place=(control_id, record.offset))
    board.require_id_key(pseudonyms.fingerprint)
    hold(settings.data_folder)
    return Ground(settings, roles, pseudonyms, connection, topics, board, control_id)
