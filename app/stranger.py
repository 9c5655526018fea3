"""Another process in the group in which a worker's Faust reads the control topic: it joins, decides nothing, and leaves. For proofs.

python -m app.stranger WORKER        settings as the worker's
"""

import sys
from collections.abc import AsyncIterator

import faust

from agents.credentials import credentials
from app.settings import read_settings


def main(worker: str) -> None:
    """Until SIGTERM."""
    settings = read_settings()
    app = faust.App(
        settings.topic(worker),
        broker=f"kafka://{settings.bootstrap.replace(',', ';kafka://')}",
        broker_credentials=credentials(settings.librdkafka_options()),
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

    app.agent(app.topic(settings.topic("control"), value_serializer="raw", allow_empty=True))(wishes)
    faust.Worker(app, loglevel="CRITICAL", quiet=True, redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1])
