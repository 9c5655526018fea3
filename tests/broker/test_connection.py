"""One sentence where there is no broker."""

import pytest

from broker.connection import Connection
from schemas.errors import BadSetting, BrokerUnreachable


def test_a_broker_that_answers_is_enough(kafka: str) -> None:
    Connection(kafka).require_broker()


def test_no_broker_is_said_in_one_sentence_with_the_place_and_the_cause() -> None:
    with pytest.raises(
        BrokerUnreachable, match=r"^no Kafka broker answered at 127\.0\.0\.1:9 within 0\.3 s: .*Connection refused"
    ) as raised:
        Connection("127.0.0.1:9").require_broker(0.3)
    assert "\n" not in str(raised.value)


def test_a_setting_that_librdkafka_does_not_know_is_named() -> None:
    with pytest.raises(BadSetting, match="no-such-thing"):
        Connection("127.0.0.1:9", {"no-such-thing": "x"}).require_broker(0.3)


def test_what_the_operator_set_stands_above_what_we_set() -> None:
    assert Connection("a:1", {"client.id": "theirs"}).librdkafka(**{"client.id": "ours", "acks": "all"})["client.id"] == "theirs"
