"""`weir simulate --rate`: simulated transactions into a running Kafka at a steady rate, and labels where they fall due.

Event times are simulated: they run as fast as the rate makes them, and end before the present.
"""

import argparse
import time
from itertools import islice

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.running import connection_of
from app.settings import read_settings
from broker.outside import Outlet
from broker.topics import Topics
from schemas.errors import BadSetting, TopicMissing
from simulator.reports import with_reports
from simulator.traffic import traffic


def send(arguments: argparse.Namespace, *, start_ms: int) -> int:
    """0 once all are acknowledged. Raises BadSetting, TopicMissing, BrokerUnreachable, DeliveryFailed."""
    if arguments.rate <= 0:
        raise BadSetting(f"simulate: --rate {arguments.rate:g} is no rate")
    now_ms = int(time.time() * 1000)
    if start_ms >= now_ms:
        raise BadSetting("simulate: --from is in the future, where an engine takes no transactions")
    settings = read_settings(prefix=arguments.prefix)
    connection = connection_of(settings)
    topics = Topics(connection)
    if not topics.there(settings.transactions_topic):
        raise TopicMissing(f"topic {settings.transactions_topic} does not exist: simulate sends into one that is there")
    transactions = Outlet(connection, settings.transactions_topic)
    labels = Outlet(connection, settings.labels_topic) if topics.there(settings.labels_topic) else None
    made = traffic(seed=arguments.seed, start_ms=start_ms, cards=arguments.cards, merchants=arguments.merchants)
    encode, began, sent, told = msgspec.json.Encoder().encode, time.monotonic(), 0, 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("sent", total=arguments.transactions)
        for record, label in with_reports(islice(made, arguments.transactions)):
            if label is None:
                if labels:
                    labels.send(encode(record), key=str(record["card_id"]).encode())
                    told += 1
                continue
            if int(str(record["event_time_ms"])) > now_ms:
                break
            if (early := began + sent / arguments.rate - time.monotonic()) > 0:
                transactions.poll()
                time.sleep(early)
            transactions.send(encode(record), key=str(record["card_id"]).encode())
            sent += 1
            progress.update(task, completed=sent)
        transactions.flush()
        if labels:
            labels.flush()
    said = f"{told:,} labels to {settings.labels_topic}" if labels else f"no labels: topic {settings.labels_topic} does not exist"
    print(f"{sent:,} transactions to {settings.transactions_topic}, {said}")
    return 0
