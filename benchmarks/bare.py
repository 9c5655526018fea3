"""The floor: a bare loop that consumes transactions and produces a constant answer, with the same client and settings; no state, no score.

python -m benchmarks.bare BOOTSTRAP IN OUT GROUP
"""

import signal
import sys

from confluent_kafka import Consumer, Producer

from broker.connection import Connection

ANSWER = (
    b'{"decision_id":"%s","transaction_id":"%s","action":"approve","decided_by":"fallback","reason":"none","scores":{},"source":%s,'
    b'"event_time_ms":0}'
)


def main() -> None:
    """Until SIGTERM."""
    bootstrap, source, target, group = sys.argv[1:]
    connection = Connection(bootstrap)
    consumer = Consumer(
        connection.librdkafka(**{"group.id": group, "auto.offset.reset": "error", "enable.auto.commit": True, "fetch.queue.backoff.ms": 5})
    )
    consumer.subscribe([source])
    producer = Producer(connection.librdkafka(**{"acks": "all", "enable.idempotence": True, "linger.ms": 0, "compression.type": "lz4"}))
    running = True

    def end(*_: object) -> None:
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, end)
    while running:
        first = consumer.poll(0.1)
        for message in [first, *consumer.consume(1999, 0)] if first else ():
            value = message.value() or b""
            assert isinstance(value, bytes)
            transaction_id = value.split(b'"transaction_id":"', 1)[1].split(b'"', 1)[0]
            place = b'{"partition":%d,"offset":%d}' % (message.partition() or 0, message.offset() or 0)
            producer.produce(target, ANSWER % (transaction_id, transaction_id, place), message.key())
        producer.poll(0)
    producer.flush()
    consumer.close()


if __name__ == "__main__":
    main()
