"""`weir dead-letters`: the records that were refused, and why. A dead letter is a pointer; `show` reads the original from its source."""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from app.settings import read_settings
from broker.connection import Connection
from broker.once import read_all, read_one
from broker.topics import Topics
from schemas.dead_letter import OFFSET_HEADER, PARTITION_HEADER, TOPIC_HEADER, TOPIC_ID_HEADER, decode_dead_letter
from schemas.errors import TopicMadeAnew
from schemas.records import Partition, Record
from schemas.topics import DEAD_LETTERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Actions: list, or show OFFSET."""
    parser.add_argument("--prefix", help="of topics (default: weir)")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="every dead letter that the topic holds, oldest first")
    listed.add_argument("--json", action="store_true", help="one JSON object a line")
    listed.add_argument("--reason", help="only those with this reason code")
    shown = actions.add_parser("show", help="the original of one, as bytes, from its source topic (it may hold personal data)")
    shown.add_argument("offset", type=int, help="the first column of `list`")


def run(arguments: argparse.Namespace) -> int:
    """A table, JSON lines, or the original record."""
    settings = read_settings(prefix=arguments.prefix)
    connection = Connection(settings.bootstrap, settings.librdkafka_options())
    connection.require_broker()
    topic = DEAD_LETTERS.under(settings.prefix)
    topics = Topics(connection)
    topics.partitions(topic)  # raises where it is missing
    if arguments.action == "show":
        letter = _letter(read_one(connection, Partition(topic, 0), arguments.offset))
        if (found := topics.topic_id(letter["topic"])) != letter["topic_id"]:
            raise TopicMadeAnew(
                f"the original stood in topic {letter['topic']} with id {letter['topic_id']}, now {found}: made anew, it is gone"
            )
        original = read_one(connection, Partition(letter["topic"], letter["partition"]), letter["offset"])
        sys.stdout.buffer.write(original.value if original.value is not None else b"")
        sys.stdout.buffer.flush()
        print(
            f"\n{letter['topic']}[{letter['partition']}] offset {letter['offset']}: {letter['reason']}: {letter['message']}",
            file=sys.stderr,
        )
        return 0
    for letter in _letters(connection, topic, arguments.reason):
        if arguments.json:
            print(json.dumps(letter))
        else:
            place = f"{letter['topic']}[{letter['partition']}]@{letter['offset']}"
            print(f"{letter['at']:>8}  {place:<36} {letter['reason']:<22} {letter['message']}")
    return 0


def _letters(connection: Connection, topic: str, reason: str | None) -> Iterator[dict[str, Any]]:
    for _, record in read_all(connection, topic):
        letter = _letter(record)
        if reason in {None, letter["reason"]}:
            yield letter


def _letter(record: Record) -> dict[str, Any]:
    headers = {name: value.decode() for name, value in record.headers}
    letter = decode_dead_letter(record.value or b"")
    return {
        "at": record.offset,
        "topic": headers[TOPIC_HEADER],
        "topic_id": headers[TOPIC_ID_HEADER],
        "partition": int(headers[PARTITION_HEADER]),
        "offset": int(headers[OFFSET_HEADER]),
        "reason": letter.reason,
        "message": letter.message,
    }
