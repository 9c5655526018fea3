"""The one set of settings that every client of the broker starts from."""

import socket
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin import ConsumerGroupDescription as Description  # type: ignore[attr-defined]  # public, exported by its place alone

from schemas.errors import BadSetting, BrokerUnreachable

SECONDS = 10.0
"""How long a question to the broker may take at a start."""
RENEW_SECONDS = 5.0
LISTENS_SECONDS = 0.5
FOR_EVER_SECONDS = 3600.0
"""The most that librdkafka takes."""


@dataclass(frozen=True)
class Connection:
    """Where the cluster is and how to get in.

    bootstrap: `host:port,host:port`; options: librdkafka's names (`security.protocol`, `sasl.mechanism`, `ssl.ca.location`, ...), passed on
    as they are and above everything that is set here.
    """

    bootstrap: str
    options: Mapping[str, str] = field(default_factory=dict)

    def librdkafka(self, **more: object) -> dict[str, Any]:
        """A client's settings. more: its own, by librdkafka's names: `librdkafka(**{"group.id": "weir"})`."""
        return {
            "bootstrap.servers": self.bootstrap,
            "client.id": "weir",
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000,  # 10 s by default: a broker that is back would be left waiting
            **more,
            **self.options,
        }

    def admin(self) -> AdminClient:
        """A quiet one: its errors come with its answers."""
        return AdminClient(self.librdkafka(log_level=0))

    def listens(self) -> bool:
        """Whether anybody accepts connections at one of the addresses, be it a broker or not."""
        for address in self.bootstrap.split(","):
            host, _, port = address.strip().rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=LISTENS_SECONDS).close()
            except (OSError, ValueError):
                continue
            return True
        return False

    def require_broker(self, seconds: float = SECONDS) -> None:
        """Returns once a broker has answered. Raises BrokerUnreachable, in one sentence, when none has within that time; BadSetting."""
        heard: list[str] = []

        def listen(error: KafkaError) -> None:
            if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  # librdkafka's own codes are named so; this one says nothing new
                heard.append(error.str())

        try:
            admin = AdminClient(self.librdkafka(log_level=0, error_cb=listen))
        except KafkaException as error:
            raise BadSetting(f"a setting of the connection to {self.bootstrap} cannot be used: {error.args[0].str()}") from None
        try:
            admin.list_topics(timeout=seconds)
        except KafkaException as error:
            admin.poll(0)
            because = heard[-1] if heard else error.args[0].str()
            raise BrokerUnreachable(f"no Kafka broker answered at {self.bootstrap} within {seconds:g} s: {because}") from None


class Admin:
    """An AdminClient for a process that runs on: `client` is the one to ask now.

    One that has seen its only broker die may not find it again: another takes its place once somebody is there to ask. librdkafka aborts
    a process when one goes that a broker left without an answer, however long ago: those that were replaced are kept, one or two an outage.
    It aborts, too, when a question to a group's coordinator has run out of time and the coordinator comes back: ask by `described`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._replaced: list[AdminClient] = []
        self._asked: dict[str, Future[Description]] = {}
        self._make()

    def described(self, group: str, *, seconds: float) -> Description:
        """What its coordinator says of it. A question that was not answered in time stands: it is waited for, not asked again.

        Raises KafkaException.
        """
        asked = self._asked.pop(group, None) or self.client.describe_consumer_groups([group], request_timeout=FOR_EVER_SECONDS)[group]
        try:
            return asked.result(seconds)
        except TimeoutError:
            self._asked[group] = asked
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"group {group} is not described")) from None  # noqa: SLF001  # as above

    def unanswered(self) -> None:
        """The broker did not answer. Where the client is older than 5 s, and somebody listens, another one is made."""
        if monotonic() - self._made > RENEW_SECONDS and self._connection.listens():
            self._replaced.append(self.client)
            self._asked.clear()
            self._make()

    def _make(self) -> None:
        self.client, self._made = self._connection.admin(), monotonic()
