"""What becomes known of fraud, and when: by the kind, some of it after months, some of it never."""

from typing import Literal, NamedTuple

import numpy as np

from simulator.drawing import Ints
from simulator.plans import FraudKind, Plans

DAY_MS = 86_400_000
FraudType = Literal["third_party", "account_takeover", "first_party", "never_pay"]


class Delay(NamedTuple):
    """Days from a transaction to its label: log-normal around the median, within the limits. missing: the share never reported."""

    median: float
    spread: float
    least: float
    most: float
    missing: float


DELAYS = {
    FraudKind.CARD_TESTING: Delay(4, 0.6, 0.5, 25, 0.35),  # small amounts: many never look
    FraudKind.STOLEN_CARD: Delay(5, 0.9, 0.1, 45, 0.08),
    FraudKind.ACCOUNT_TAKEOVER: Delay(8, 0.8, 0.25, 60, 0.10),
    FraudKind.COMPROMISED_MERCHANT: Delay(12, 0.8, 0.5, 60, 0.12),
    FraudKind.SYNTHETIC_IDENTITY: Delay(75, 0.3, 30, 150, 0.30),  # nobody complains: written off, and rarely called fraud
    FraudKind.BUST_OUT: Delay(55, 0.3, 30, 120, 0.15),
    FraudKind.REFUND_ABUSE: Delay(30, 0.5, 10, 90, 0.45),
    FraudKind.FIRST_PAYMENT_DEFAULT: Delay(55, 0.4, 30, 120, 0.10),  # the first instalment falls due, then reminders
}
TYPES: dict[FraudKind, FraudType] = {
    FraudKind.CARD_TESTING: "third_party",
    FraudKind.STOLEN_CARD: "third_party",
    FraudKind.ACCOUNT_TAKEOVER: "account_takeover",
    FraudKind.COMPROMISED_MERCHANT: "third_party",
    FraudKind.SYNTHETIC_IDENTITY: "never_pay",
    FraudKind.BUST_OUT: "never_pay",
    FraudKind.REFUND_ABUSE: "first_party",
    FraudKind.FIRST_PAYMENT_DEFAULT: "never_pay",
}


class Label(NamedTuple):
    """The truth about a transaction, beside the stream: no part of it is sent with it.

    kind: `genuine`, or the kind of fraud. fraud_type: as labels name it. episode: of those that belong together, the genuine purchases
    that prepare a fraud among them. known_at_ms: when it is reported; None: never. declined: what the issuer answered.
    """

    fraud: bool
    kind: str
    fraud_type: str | None = None
    episode: int | None = None
    known_at_ms: int | None = None
    declined: bool = False


GENUINE, GENUINE_DECLINED = Label(fraud=False, kind="genuine"), Label(fraud=False, kind="genuine", declined=True)


def labels_of(made: Plans) -> list[Label]:
    """One each, in order."""
    labels = [GENUINE_DECLINED if declined else GENUINE for declined in made["declined"].tolist()]
    for at in np.flatnonzero(made["kind"] > 0).tolist():
        *_, kind, fraud, declined, episode, known_at_ms = made[at].tolist()
        named = FraudKind(kind)
        labels[at] = Label(
            fraud,
            named.name.lower() if fraud else "genuine",
            TYPES[named] if fraud else None,
            episode,
            known_at_ms or None,
            declined,
        )
    return labels


def known_at(random: np.random.Generator, kind: FraudKind, time_ms: Ints, episode: Ints) -> Ints:
    """When each of a kind's frauds is reported, 0 where never. An episode is mostly noticed at once: its delays differ little."""
    delay = DELAYS[kind]
    whole = random.lognormal(np.log(delay.median), delay.spread, int(episode.max(initial=-1)) + 1)
    wait = np.clip(whole[episode] * random.lognormal(0, 0.1, len(time_ms)), delay.least, delay.most)
    missing = random.random(len(time_ms)) < delay.missing
    return np.where(missing, 0, time_ms + np.rint(wait * DAY_MS).astype(np.int64))
