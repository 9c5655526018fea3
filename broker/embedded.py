"""A real Apache Kafka (one KRaft node, broker and controller in one process) on free loopback ports in a temporary folder.

    folder/  server.properties  log4j2.xml  broker.log  data/
    processes        ours ──┬── java kafka.Kafka
                            └── sh, the undertaker

The undertaker reads a pipe that we hold. When it closes, for whatever reason (a kill -9 of ours, too), it ends the broker and removes the
folder: there is one way to leave nothing behind.
"""

import base64
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import BrokerUnreachable

READY_SECONDS_MAX = 90.0
"""Of a machine with much else to do; mostly it takes 3 s."""
LOG_TAIL_LINES = 30
PORTS = (20_000, 32_000)
"""Below Linux's ephemeral range: while the broker is away its port is not lent to somebody's outgoing connection."""

LONG_LIFE = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData")
SHORT_LIFE = (*LONG_LIFE, "-XX:TieredStopAtLevel=1")
"""Options of Java. A ready broker in 2.1 s instead of 2.9, for its first machine code is its last; after a minute of load that costs
1.6 times the CPU in the program itself."""

_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    # The least there is: compacted to what a start reads in a moment. A broker that comes back is given its partitions, loses them when
    # its old session runs out, and gets them again. A coordinator that still reads for the first time then takes the end of that for the
    # end of the second, and answers from what it has come to, or not at all.
    "offsets.topic.segment.bytes": "1048576",
    "transaction.state.log.segment.bytes": "1048576",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "4000",  # a killed broker may register again when its own session has run out: 9 s by default
}

_LOG4J2 = """<Configuration status="WARN" shutdownHook="disable">
  <Appenders><Console name="out"><PatternLayout pattern="%d{ISO8601} %p %c{1}: %m%n"/></Console></Appenders>
  <Loggers>
    <Logger name="org.apache.kafka.common.config.AbstractConfig" level="WARN"/>
    <Logger name="kafka.server.KafkaConfig" level="WARN"/>
    <Root level="INFO"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
"""

# $1: the folder. Each line read is the id of the newest broker; a process that does not name the folder is not ours to end.
_UNDERTAKER = r"""
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ] && grep -q "$1" "/proc/$pid/cmdline" 2>/dev/null; then
    kill -9 "$pid" 2>/dev/null
    while grep -q "$1" "/proc/$pid/cmdline" 2>/dev/null; do sleep 0.02; done
fi
rm -rf "$1"
"""


class EmbeddedBroker:
    """One broker with a folder and ports of its own; started, stopped, killed and started again on the same data.

    java: the program; libs: the folder of Kafka's jars and a logging binding; settings: added to server.properties.
    """

    def __init__(
        self, *, java: str, libs: Path, settings: Mapping[str, str] | None = None, java_options: tuple[str, ...] = SHORT_LIFE
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="weir-kafka-"))
        self._undertaker = subprocess.Popen(
            ["/bin/sh", "-c", _UNDERTAKER, "undertaker", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in a terminal goes to the whole group: the broker outlives it until its users have stopped
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._java = (java, *java_options, f"-Dlog4j2.configurationFile={self.folder}/log4j2.xml", "-cp", f"{libs}/*")
        port, controller = _free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        self._port = port
        properties = {
            **_SETTINGS,
            "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "log.dirs": f"{self.folder}/data",
            **(settings or {}),
        }
        (self.folder / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        (self.folder / "log4j2.xml").write_text(_LOG4J2)

    @property
    def pid(self) -> int:
        """Of the running Kafka."""
        assert self._process is not None, "the broker does not run"
        return self._process.pid

    def log_text(self) -> str:
        """All that the broker (and the formatting of its folder) has written."""
        log = self.folder / "broker.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def start(self) -> None:
        """Ready when it returns. Raises BrokerUnreachable with the end of the broker's log."""
        assert self._process is None, "the broker runs already"
        try:
            if not (self.folder / "data" / "meta.properties").exists():
                self._format()
            self._process = self._run("kafka.Kafka", f"{self.folder}/server.properties")
        except OSError as error:
            raise BrokerUnreachable(f"no embedded broker: {self._java[0]} cannot be started ({error.strerror})") from error
        self._tell_undertaker()
        self._wait_until_ready()

    def stop(self) -> None:
        """Orderly: the broker closes its segments. Its folder stays."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As an accident would: kill -9. Its folder stays."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """Stops the broker and leaves no trace."""
        self.stop()
        assert self._undertaker.stdin is not None
        self._undertaker.stdin.close()
        self._undertaker.wait()

    def _format(self) -> None:
        # always the same first letters: an id that began with a dash would be read as an option
        cluster_id = base64.urlsafe_b64encode(b"weir" + secrets.token_bytes(12)).decode().rstrip("=")
        storage_tool = ("kafka.tools.StorageTool", "format", "--standalone", "-t", cluster_id, "-c", f"{self.folder}/server.properties")
        if code := self._run(*storage_tool).wait():
            raise BrokerUnreachable(self._failure(f"formatting its folder ended with {code}"))

    def _run(self, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "broker.log").open("ab") as log:
            return subprocess.Popen(
                [*self._java, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _tell_undertaker(self) -> None:
        assert self._undertaker.stdin is not None
        self._undertaker.stdin.write(b"%d\n" % self.pid)
        self._undertaker.stdin.flush()

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self._answers():
            code = self._process.poll()
            if code is None and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            self.kill()
            what = f"it was not ready within {READY_SECONDS_MAX:g} s" if code is None else f"it ended with {code}"
            raise BrokerUnreachable(self._failure(what))

    def _answers(self) -> bool:
        """A KRaft broker opens its port when it is ready to serve and not before."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def _end(self, with_signal: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(with_signal)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _failure(self, what: str) -> str:
        tail = "\n".join(self.log_text().splitlines()[-LOG_TAIL_LINES:])
        return f"no embedded broker: {what}. The end of its log:\n{tail}"


@contextmanager
def embedded_broker(
    *, java: str = "java", libs: Path, settings: Mapping[str, str] | None = None, java_options: tuple[str, ...] = SHORT_LIFE
) -> Iterator[EmbeddedBroker]:
    """A started EmbeddedBroker, gone without trace afterwards. Raises BrokerUnreachable with the end of its log if it does not start."""
    broker = EmbeddedBroker(java=java, libs=libs, settings=settings, java_options=java_options)
    try:
        broker.start()
        yield broker
    finally:
        broker.close()


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    first, last = PORTS
    while len(found) < count:
        port = first + secrets.randbelow(last - first)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if port not in found and probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return found
