"""The embedded broker is a real one, and leaves nothing behind however it, or we, end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from broker.embedded import EmbeddedBroker, embedded_broker
from schemas.errors import BrokerUnreachable
from tests.kafka import kafka_java, kafka_libs

ROOT = Path(__file__).parents[2]


def topics(broker: EmbeddedBroker) -> set[str]:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    return set(admin.list_topics(timeout=10).topics)


def test_its_topics_outlive_a_stop_and_nothing_outlives_its_close() -> None:  # a kill: test_outage
    with embedded_broker(java=kafka_java(), libs=kafka_libs()) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result()
        first = broker.pid
        broker.stop()
        assert not psutil.pid_exists(first)
        broker.start()
        assert "kept" in topics(broker)
        last = broker.pid
        assert "Kafka Server started" in broker.log_text()
    assert not psutil.pid_exists(last)
    assert not broker.folder.exists()


def test_a_broker_that_does_not_start_shows_its_log() -> None:
    with (
        pytest.raises(BrokerUnreachable, match=r"(?s)ended with 1\. The end of its log:.*num\.network\.threads"),
        embedded_broker(java=kafka_java(), libs=kafka_libs(), settings={"num.network.threads": "minus one"}),
    ):
        pass


def test_without_java_it_says_so() -> None:
    with pytest.raises(BrokerUnreachable, match="/no/java cannot be started"), embedded_broker(java="/no/java", libs=kafka_libs()):
        pass


def test_a_kill_of_its_parent_takes_it_along() -> None:
    program = (
        "import sys, time; from pathlib import Path; from broker.embedded import embedded_broker\n"
        "with embedded_broker(java=sys.argv[1], libs=Path(sys.argv[2])) as broker:\n"
        "    print(broker.pid, broker.folder, flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, kafka_java(), str(kafka_libs())], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    pid, folder = parent.stdout.readline().split()
    assert psutil.pid_exists(int(pid))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while (psutil.pid_exists(int(pid)) or Path(folder).exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(pid))
    assert not Path(folder).exists()
