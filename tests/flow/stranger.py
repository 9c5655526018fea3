"""A second process in the Faust group of a worker, that reads the control topic as it does and decides nothing.

python -m tests.flow.stranger KAFKA APP_ID CONTROL_TOPIC
"""

import sys
from collections.abc import AsyncIterator

import faust

kafka, app_id, control = sys.argv[1:]
app = faust.App(
    app_id,
    broker=f"kafka://{kafka}",
    topic_allow_declare=False,
    topic_disable_leader=True,
    topic_partitions=1,
    web_enabled=False,
    worker_redirect_stdouts=False,
    broker_session_timeout=6.0,
    broker_heartbeat_interval=1.5,
)


async def wishes(stream: AsyncIterator[bytes]) -> None:
    async for _ in stream:
        pass


app.agent(app.topic(control, value_serializer="raw", allow_empty=True))(wishes)
faust.Worker(app, loglevel="CRITICAL", quiet=True, redirect_stdouts=False).execute_from_commandline()
