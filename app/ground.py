"""What a worker stands on, checked before it is built: a refusal comes within a second, before numba, Faust and the model are loaded.

roles, id key -> broker -> topics -> data folder -> app/worker.py
"""

from typing import NamedTuple

from app.data_folder import hold
from app.settings import Settings
from broker.connection import Connection
from broker.topics import Topics
from schemas.errors import BadSetting
from schemas.pseudonyms import Pseudonyms
from schemas.topics import TOPICS

ROLES = ("intake", "decide")


class Ground(NamedTuple):
    """All found to be as it must be; the data folder is held by this process."""

    settings: Settings
    roles: tuple[str, ...]
    pseudonyms: Pseudonyms
    connection: Connection
    topics: Topics


def found(settings: Settings) -> Ground:
    """Raises a RefusedStart: a setting that cannot be, no broker, a topic missing or not as it must be, a data folder held or unusable."""
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
    hold(settings.data_folder)
    return Ground(settings, roles, pseudonyms, connection, topics)
