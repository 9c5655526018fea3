"""What is sent in a simulation: few keys, retries, late ones, bad ones; and labels of them."""

from random import Random

import msgspec

T0_MS = 1_709_251_200_000


def transactions(random: Random, count: int, *, first: int = 0) -> list[bytes]:
    """Few keys, retries, late ones, bad ones. first: the number of the first."""
    made: list[bytes] = []
    for at in range(count):
        if made and random.random() < 0.15:
            made.append(random.choice(made))
        elif random.random() < 0.05:
            made.append(b"not json")
        else:
            made.append(
                msgspec.json.encode(
                    {
                        "transaction_id": f"t{first + at}",
                        "event_time_ms": T0_MS + 20_000 * at - random.choice((0, 0, 0, 45_000)),
                        "amount_minor": random.randint(1, 500),
                        "currency": "EUR",
                        "account_id": f"a{random.randint(0, 4)}",
                        "merchant_id": f"m{random.randint(0, 6)}",
                        "device_id": f"d{random.randint(0, 2)}",
                    }
                )
            )
    return made


def labels(random: Random, count: int) -> list[bytes]:
    """Of a few merchants: repeated, taken back, bad, too old."""
    made: list[bytes] = []
    for at in range(count):
        if made and random.random() < 0.25:
            made.append(random.choice(made))
        elif random.random() < 0.1:
            made.append(b'{"label_id": 7}')
        else:
            sent = {
                "label_id": f"l{at}",
                "transaction_id": f"t{at}",
                "event_time_ms": T0_MS + 20_000 * at - random.choice((0, 0, 45_000, 500 * 86_400_000)),
                "amount_minor": random.randint(1, 500),
                "currency": "EUR",
                "merchant_id": f"m{random.randint(0, 6)}",
                "label": random.choice(("fraud", "fraud", "fraud", "genuine", "dispute_won")),
                "known_at_ms": T0_MS + 10**9,
            }
            made.append(msgspec.json.encode(sent))
    return made
