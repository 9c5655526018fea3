"""`weir topics`: make our topics, or check that they are as the engine needs them. Source topics are yours, and taken as they are."""

import argparse
import json
import sys

from app.settings import Settings, read_settings
from broker.connection import Connection
from broker.topics import Topics
from engine.control import first_row
from features.catalogue import catalogue_text, read_catalogue
from schemas.records import Message, Partition
from schemas.topics import LOG, TOPICS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Actions: create, check."""
    parser.add_argument("--prefix", help="of topics (default: weir)")
    parser.add_argument("--replication", type=int, help="factor to create with, and at least to find (default: 1)")
    parser.add_argument("action", choices=("create", "check"), help="create makes what is missing and never changes what is there")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(arguments: argparse.Namespace) -> int:
    """Says what was made, or that all is as it must be. A difference is a named refusal."""
    settings = read_settings(prefix=arguments.prefix, replication=arguments.replication)
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    connection.require_broker()
    if arguments.action == "create":
        made = create(settings, connection)
    else:
        made = []
        Topics(connection).check(TOPICS, prefix=settings.prefix, replication=settings.replication)
    names = [topic.under(settings.prefix) for topic in TOPICS]
    there = {topic: Topics(connection).there(topic) for topic in (settings.transactions_topic, settings.labels_topic)}
    if arguments.json:
        json.dump({"made": made, "topics": names, "sources": there}, sys.stdout)
        print()
    else:
        print(f"made {', '.join(made)}" if made else f"{', '.join(names)} are as they must be")
        for topic, found in there.items():
            print(_told(settings, topic, there=found))
    return 0


def _told(settings: Settings, topic: str, *, there: bool) -> str:
    """What there is to say of a source topic."""
    if there:
        return f"source {topic} is there"
    if topic == settings.transactions_topic:
        return f"source {topic} is not there: make it, no worker that takes in starts without"
    return f"source {topic} is not there: " + ("make it, it is named in WEIR_LABELS_TOPIC" if settings.labels else "no labels are read")


def create(settings: Settings, connection: Connection) -> list[str]:
    """Makes the topics that are missing and begins an empty log with the catalogue that ships; the names. Raises TopicMismatch."""
    topics = Topics(connection)
    made = topics.create(TOPICS, prefix=settings.prefix, replication=settings.replication)
    catalogue = read_catalogue(catalogue_text(), place="the catalogue that ships")

    def begin(partition: Partition) -> Message:
        return first_row(catalogue.text, catalogue.version, partition)

    topics.begin_log(LOG.under(settings.prefix), begin)
    return made
