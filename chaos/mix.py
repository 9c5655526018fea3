"""What is sent: simulated people with everything that goes wrong among producers, endless and by a seed.

a tenth of them   of one merchant; a tenth from one address           3 %   sent again (also elsewhere, also with another time)
1 % late          within the grace; .2 % beyond; .1 % of the future   .5 %  the id of another
1 %               no transaction at all, or half of one               1 %   labels, known ones sent again, some of them bad
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec

from chaos.load import Sent
from simulator.reports import with_reports
from simulator.traffic import traffic

DAY_MS = 86_400_000
HISTORY_DAYS = 390
"""Simulated time begins so long ago and runs faster than ours; labels reach 400 days."""
HOT = 0.1
RECENT = 200
Fields = dict[str, Any]
encode = msgspec.json.Encoder().encode


BAD: dict[str, Callable[[Fields, Random], bytes | None]] = {
    "not JSON": lambda _, __: b"hello",
    "empty": lambda _, __: b"",
    "null": lambda _, __: None,
    "cut": lambda said, random: encode(said)[: random.randint(1, len(encode(said)) - 2)],
    "huge": lambda said, _: encode({**said, "unread": "x" * 70_000}),
    "deep": lambda _, __: b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "not UTF-8": lambda said, _: encode(said)[:-1] + b',"unread":"\xff"}',
    "text for a number": lambda said, _: encode({**said, "amount_minor": str(said["amount_minor"])}),
    "no currency": lambda said, _: encode({name: value for name, value in said.items() if name != "currency"}),
    "a currency of nobody": lambda said, _: encode({**said, "currency": "XXX"}),
    "less than nothing": lambda said, _: encode({**said, "amount_minor": -1}),
    "nobody": lambda said, _: encode({name: value for name, value in said.items() if not name.endswith("_id") and name != "ip"} | ID(said)),
}
"""Of a sound one."""


def ID(said: Fields) -> Fields:  # noqa: N802 (reads as a constant where it stands)
    """Its transaction's id alone."""
    return {"transaction_id": said["transaction_id"]}


def mixed(*, seed: int, cards: int, now_ms: int) -> Iterator[Sent]:
    """Records in the order in which they are sent; ends when simulated time reaches `now_ms`."""
    random = Random(seed)
    recent: list[Fields] = []
    labels: list[Fields] = []
    start_ms = now_ms - HISTORY_DAYS * DAY_MS
    for record, truth in with_reports(traffic(seed=seed, cards=cards, merchants=max(800, cards // 50), start_ms=start_ms)):
        said: Fields = dict(record)
        if truth is None:
            labels = [*labels[-RECENT:], said]
            yield Sent(label=True, value=encode(said), key=_key(said))
            continue
        _accident(said, random, now_ms)
        if said["event_time_ms"] > now_ms + DAY_MS:
            return
        yield Sent(label=False, value=encode(said), key=_key(said))
        recent = [*recent[-RECENT:], said]
        yield from _beside(recent, labels, random)


def _key(said: Fields) -> bytes:
    return str(said.get("card_id", "")).encode()


def _accident(said: Fields, random: Random, now_ms: int) -> None:
    if random.random() < HOT:
        said["merchant_id"] = "the-merchant-of-all"
    if random.random() < HOT:
        said["ip"] = "192.0.2.1"
    chance = random.random()
    if chance < 0.01:
        said["event_time_ms"] -= int(random.uniform(0.01, 6.5) * DAY_MS)
    elif chance < 0.012:
        said["event_time_ms"] -= int(random.uniform(7.5, 30) * DAY_MS)
    elif chance < 0.013:
        said["event_time_ms"] = now_ms + DAY_MS


def _beside(recent: list[Fields], labels: list[Fields], random: Random) -> Iterator[Sent]:
    chance, said = random.random(), random.choice(recent)
    elsewhere = random.random() < 0.3
    if chance < 0.03:
        again = {**said, "event_time_ms": said["event_time_ms"] + 1000} if random.random() < 0.3 else said
        yield Sent(label=False, value=encode(again), key=_key(said), elsewhere=elsewhere)
    elif chance < 0.035:
        yield Sent(label=False, value=encode({**said, "amount_minor": said["amount_minor"] + 1}), key=_key(said), elsewhere=elsewhere)
    elif chance < 0.045:
        make = random.choice(list(BAD.values()))
        yield Sent(label=False, value=make({**said, "transaction_id": f"bad-{said['transaction_id']}"}, random), key=_key(said))
    elif chance < 0.055:
        yield from _label(said, labels, random)


def _label(said: Fields, labels: list[Fields], random: Random) -> Iterator[Sent]:
    """Of a transaction, or one that was sent before, or a bad one."""
    chance = random.random()
    if chance < 0.3 and labels:
        again = random.choice(labels)
        yield Sent(label=True, value=encode(again), key=_key(again), elsewhere=True)
        return
    told = {
        name: value for name, value in said.items() if name.endswith("_id") or name in {"ip", "event_time_ms", "amount_minor", "currency"}
    }
    kind = random.choice(("fraud", "fraud", "fraud", "genuine", "dispute_won"))
    told |= {"label_id": f"l-{said['transaction_id']}", "label": kind, "known_at_ms": said["event_time_ms"] + DAY_MS}
    if chance > 0.95:
        told["label"] = "unheard of"
    labels.append(told)
    yield Sent(label=True, value=b"no label" if chance > 0.98 else encode(told), key=_key(said))
