"""What a worker stands on, checked before it is built: a refusal comes within a second, before numba, Faust and the model are loaded.

roles, id key -> broker -> topics -> the cells' id key, how they are answered, what tells them apart -> data folder -> app/worker.py
"""

from typing import NamedTuple

from app.cells import partitions_wanted, told_cells
from app.control_topic import board_of
from app.data_folder import hold
from app.settings import Settings
from broker.connection import Connection
from broker.group import members
from broker.topics import Topics
from engine.control import Board
from schemas.cells import require_same_column
from schemas.errors import BadSetting
from schemas.mapped import reads_by
from schemas.mapping import Mapping, read_mapping
from schemas.pseudonyms import Pseudonyms
from schemas.topics import CONTROL, topics_of

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
    sources: tuple[str, ...]
    """The topics that intake reads: of transactions, and of labels where there is one; none without that role."""
    hedged: tuple[str, ...]
    """The source topics whose records this worker appends where nobody else does; none where it stands by for nothing."""
    mapping: Mapping | None
    """How the transactions name their fields; None: as the contract does."""
    cells: int
    """How many there are: partitions of the log."""


def found(settings: Settings) -> Ground:
    """Checks all of it.

    Raises a RefusedStart: bad setting or mapping, no broker, topic missing or not as it must be, another id key, cells told apart by
    something else, answered in another way by others who run, data folder unusable.
    """
    roles = tuple(settings.roles.split(","))
    if unknown := [role for role in roles if role not in ROLES]:
        raise BadSetting(f"role {unknown[0]!r} is unknown; there are {', '.join(ROLES)}")
    pseudonyms = Pseudonyms(settings.key())
    mapping = read_mapping(settings.mapping) if settings.mapping else None
    if mapping:
        reads_by(mapping)
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    connection.require_broker()
    topics = Topics(connection)
    control = CONTROL.under(settings.prefix)
    board = board_of(settings, connection) if topics.there(control) else Board()
    cells = told_cells(board, settings, connection)
    wanted = partitions_wanted(cells, settings, topics)
    topics.check(topics_of(wanted), prefix=settings.prefix, replication=settings.replication)
    sources = _sources(settings, topics) if "intake" in roles else ()
    hedged = _hedged(settings, topics) if "decide" in roles and settings.standby and settings.delivery == "at_least_once" else ()
    board.require_id_key(pseudonyms.fingerprint)
    if "decide" in roles:
        _require_one_delivery(settings, board, connection)
    if cells and (sources or hedged):
        require_same_column(cells, mapping)
    hold(settings.data_folder)
    return Ground(settings, roles, pseudonyms, connection, topics, board, topics.topic_id(control), sources, hedged, mapping, wanted)


def _sources(settings: Settings, topics: Topics) -> tuple[str, ...]:
    """They are taken as they are. Raises TopicMissing; only labels may have no topic, unless it is named."""
    transactions, labels = settings.transactions_topic, settings.labels_topic
    if transactions == labels:
        raise BadSetting(f"WEIR_TRANSACTIONS and WEIR_LABELS_TOPIC are both {labels}: each has a topic of its own")
    topics.partitions(transactions)
    if not settings.labels and not topics.there(labels):
        return (transactions,)
    topics.partitions(labels)
    return transactions, labels


def _require_one_delivery(settings: Settings, board: Board, connection: Connection) -> None:
    """One that hedges would answer again what the owner's transaction answers once. What those who are gone did binds nobody."""
    if (theirs := board.answered_otherwise(settings.delivery)) is None:
        return
    others = sorted(each.name for each in members(connection, settings.topic("engine")) if each.worker != settings.worker)
    if others:
        raise BadSetting(
            f"WEIR_DELIVERY is {settings.delivery}, the cells are answered {theirs} by workers that run ({', '.join(others)}): "
            "all need the same; to change it, stop every worker, wait for the group's session (6 s), and start them"
        )


def _hedged(settings: Settings, topics: Topics) -> tuple[str, ...]:
    """Those that are there: only an intake may ask for more."""
    return tuple(topic for topic in (settings.transactions_topic, settings.labels_topic) if topics.there(topic))
