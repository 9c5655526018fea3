"""A changelog in a real Kafka: read committed, fenced by whoever comes next, its end found though it is a record that nobody reads."""

import asyncio
import secrets
import time
from collections.abc import Callable

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.transaction import EndTxnRequest, InitProducerIdRequest

from broker import snapshots
from broker.connection import Connection
from broker.snapshots import Pair, Snapshots
from broker.topics import Topics
from schemas.errors import DeliveryFailed, Fenced, PartitionLost
from schemas.topics import CHANGELOG

MARKER = b"marker"


@pytest.fixture
def two(kafka: str) -> tuple[Snapshots, Snapshots]:
    """Of two workers, on one topic."""
    prefix, connection = f"t{secrets.token_hex(4)}", Connection(kafka)
    Topics(connection).create([CHANGELOG], prefix=prefix)
    one, other = (Snapshots(connection, CHANGELOG.under(prefix)) for _ in range(2))
    return one, other


def pairs(count: int, marker: bytes) -> list[Pair]:
    return [*((b"card\0%016d" % number, b"value") for number in range(count)), (MARKER, marker)]


def fenced(snapshots: Snapshots) -> Snapshots:
    snapshots.fence(0, lambda: True)
    return snapshots


async def ended_elsewhere(kafka: str, name: str, ask: Callable[[], None]) -> None:
    """Commits what `ask` left open under a name, without its client's knowledge: with its own number, which is the next."""
    client = AIOKafkaClient(bootstrap_servers=kafka)
    await client.bootstrap()
    node = client.get_random_node()
    before = await client.send(node, InitProducerIdRequest(name, 60_000))
    assert before.error_code == 0
    await asyncio.to_thread(ask)
    ended = await client.send(node, EndTxnRequest(name, before.producer_id, before.producer_epoch + 1, transaction_result=True))
    assert ended.error_code == 0
    await client.close()


def read(snapshots: Snapshots) -> list[Pair]:
    return [pair for batch in snapshots.read(0) for pair in batch]


def test_only_what_is_committed_is_read_and_the_last_marker_is_found(two: tuple[Snapshots, Snapshots]) -> None:
    """Each time after a fence: it waits until what was committed before can be read."""
    one = fenced(two[0])
    assert (one.last(0, MARKER), read(one)) == (None, [])
    one.begin(0)
    one.send(0, pairs(300, b"m1"))
    assert one.commit(0)
    one.begin(0)
    one.send(0, pairs(300, b"m2"))
    one._producers[0].flush(10)
    one.abort(0)
    other = fenced(two[1])
    assert other.last(0, MARKER) == b"m1", "behind hundreds of records that were aborted"
    assert read(other) == pairs(300, b"m1")
    other.begin(0)
    other.send(0, pairs(1, b"m3"))
    assert other.commit(0)
    assert fenced(one).last(0, MARKER) == b"m3"


def test_a_save_that_comes_while_one_who_stands_by_reads_is_not_read_in_part(
    two: tuple[Snapshots, Snapshots], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the partition was told before: what lies behind it in librdkafka's queue belongs to a marker that is not read."""
    monkeypatch.setattr(snapshots, "READ_RECORDS", 10)
    one = fenced(two[0])
    one.begin(0)
    one.send(0, pairs(14, b"m1"))
    assert one.commit(0)
    owner = fenced(two[1])  # what was committed before can be read
    reading = one.read(0)
    found = next(reading)
    time.sleep(0.5)  # as what was read goes to the disk; the rest is fetched meanwhile, and the end is told
    owner.begin(0)
    owner.send(0, pairs(30, b"m2"))
    assert owner.commit(0)
    time.sleep(0.5)
    assert found + [pair for batch in reading for pair in batch] == pairs(14, b"m1")


def test_who_is_shut_out_in_the_middle_of_what_it_sends_learns_it_at_the_end(two: tuple[Snapshots, Snapshots]) -> None:
    one, other = two
    fenced(one).begin(0)
    one.send(0, pairs(5, b"m1"))
    fenced(other)
    deadline = time.monotonic() + 20
    while 0 not in one._failed and time.monotonic() < deadline:  # from some moment on its producer knows, and takes nothing more
        one.send(0, pairs(5, b"m1"))
        time.sleep(0.02)
    one.send(0, pairs(5, b"m1"))
    with pytest.raises(Fenced):
        one.commit(0)


def test_whoever_comes_next_ends_what_is_open_and_shuts_out_who_had_it(two: tuple[Snapshots, Snapshots]) -> None:
    one, other = two
    fenced(one).begin(0)
    one.send(0, pairs(5, b"m1"))
    fenced(other)
    assert (other.last(0, MARKER), read(other)) == (None, [])
    with pytest.raises(Fenced, match="another task has taken it over"):
        one.commit(0)
    with pytest.raises(Fenced):
        one.begin(0)
    other.begin(0)
    other.send(0, pairs(5, b"m3"))
    assert other.commit(0)


def test_a_starter_whose_cell_is_not_its_own_any_more_fences_nobody(two: tuple[Snapshots, Snapshots]) -> None:
    one, other = two
    fenced(one).begin(0)
    one.send(0, pairs(5, b"m1"))
    with pytest.raises(PartitionLost, match="nobody is fenced"):
        other.fence(0, lambda: False)
    assert one.commit(0)


def test_a_transaction_of_which_the_broker_knows_nothing_is_aborted_all_the_same(kafka: str, two: tuple[Snapshots, Snapshots]) -> None:
    """As after a broker's end that refused the first record: the cell is given back, and its worker lives on."""
    one, other = two

    def opened() -> None:
        fenced(one).begin(0)
        one.send(0, pairs(5, b"m1"))

    asyncio.run(ended_elsewhere(kafka, f"{one.topic}-0", opened))
    one.abort(0)
    with pytest.raises(DeliveryFailed, match="invalid state"):
        one.begin(0)
    other = fenced(other)
    other.begin(0)
    other.send(0, pairs(5, b"m2"))
    assert other.commit(0)
    assert fenced(one).last(0, MARKER) == b"m2"
