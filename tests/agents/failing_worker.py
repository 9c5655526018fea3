"""A Faust worker for test_feed whose agent fails at one event.

python -m tests.agents.failing_worker stock|or_exit KAFKA PREFIX
"""

import sys
from collections.abc import AsyncIterator

import faust

from agents.feed import or_exit

kind, kafka, prefix = sys.argv[1:]
app = faust.App(
    f"{prefix}-{kind}",
    broker=f"kafka://{kafka}",
    topic_allow_declare=False,
    topic_disable_leader=True,
    topic_partitions=1,
    web_enabled=False,
    worker_redirect_stdouts=False,
    broker_commit_interval=0.2,
    consumer_auto_offset_reset="earliest",
)


async def fail_at_b(values: AsyncIterator[bytes]) -> None:
    async for value in values:
        if value == b"b":
            words = "of an event"
            raise ValueError(words)
        print(f"\n{value.decode()}", flush=True)


app.agent(app.topic(f"{prefix}-events", value_serializer="raw", value_type=bytes))(fail_at_b if kind == "stock" else or_exit(fail_at_b))
faust.Worker(app, loglevel="CRITICAL", quiet=True, redirect_stdouts=False).execute_from_commandline()
