"""Writes docs/features.md from the shipped catalogue and its schema from the structs: `python -m features.document`. Tests hold both."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from features.catalogue import Catalogue, Feature, catalogue_text, read_catalogue
from features.catalogue_file import json_schema

MINUTE_MS, DAY_MS = 60_000, 86_400_000
PAGE = Path(__file__).parent.parent / "docs" / "features.md"
SCHEMA = Path(__file__).parent / "catalogue.schema.json"


class Meaning(NamedTuple):
    """What the page says of one measure."""

    formula: str
    unit: str
    nan_when: str


W = "events *i* of the key with *t* - *w* < *tᵢ* ≤ *t*, this transaction among them"
ABSENT = "the transaction has no {entity}"
MEANINGS = {
    "count": Meaning(f"*n*: number of {W}", "transactions", ABSENT),
    "sum": Meaning(f"Σ *aᵢ* over {W}", "minor units of {currency}", ABSENT),
    "mean": Meaning("sum / count of the window", "minor units of {currency}", ABSENT),
    "max": Meaning("greatest *aᵢ* of the window", "minor units of {currency}", ABSENT),
    "deviation": Meaning(
        "√(*n* Σ *aᵢ*² - (Σ *aᵢ*)²) / *n* over the window (divides by *n*)", "minor units of {currency}", f"{ABSENT}; *n* < 2"
    ),
    "seconds_since_previous": Meaning(
        "*t* - greatest *tᵢ* ≤ *t* of the events that arrived before it", "seconds", f"{ABSENT}; none is known"
    ),
    "seconds_since_first": Meaning(
        "*t* - least *tᵢ* ever seen of the key", "seconds", f"{ABSENT}; it is the key's first, or older than the first"
    ),
    "ratio": Meaning(
        "*a* / mean of the events before it in the window (*t* - *w*, *t*]", "1", f"{ABSENT}; none before it, or they sum to 0"
    ),
    "zscore": Meaning(
        "(*a* - mean) / deviation, both of the events before it in the window (*t* - *w*, *t*]",
        "deviations",
        f"{ABSENT}; fewer than 2 before it, or all of one amount",
    ),
    "distinct": Meaning(
        "number of different values of {of} last seen with the key in (*t* - *w*, *t*], this transaction's among them", "values", ABSENT
    ),
    "new": Meaning("1 if this {of} is not in the key's set, else 0", "0 or 1", f"{ABSENT} or no {{of}}"),
    "hour": Meaning("hour of *t*, UTC", "0 to 23", "never"),
    "weekday": Meaning("day of the week of *t*, UTC", "0 (Monday) to 6", "never"),
    "weekend": Meaning("1 on Saturday and Sunday, UTC, else 0", "0 or 1", "never"),
    "night": Meaning("1 from 0:00 to 5:59:59.999, UTC, else 0", "0 or 1", "never"),
    "amount": Meaning("*a*", "minor units of {currency}", "never"),
    "mcc": Meaning("merchant category code", "place in the vocabulary of the model package", "not given, or not in the vocabulary"),
    "country": Meaning(
        "country of the merchant, ISO 3166-1 alpha-2", "place in the vocabulary of the model package", "not given, or not in the vocabulary"
    ),
    "channel": Meaning("channel of the payment", "place in the vocabulary of the model package", "not given, or not in the vocabulary"),
    "signal": Meaning(
        "declared extra column", "as sent; text: place in the vocabulary of the model package", "not given, or not in the vocabulary"
    ),
}
"""Of every measure that a catalogue may name."""


OPENING = """\
# Features

Made by `python -m features.document` from `features/catalogue.yaml`, version `{version}`: {count} features.

A name is a definition read aloud, entity_measure_of_where_window. *t* is the transaction's event time, *a* its amount in minor units
of {currency}, *tᵢ* and *aᵢ* those of the key's accepted events. All are float32; sums are exact integers until then.

- A key keeps its events for the longest window and the grace, {grace_days} days, behind its newest, at most {events_max}: a full key drops
  its oldest event. A set keeps at most {members_max} members: a full set drops its oldest sighting (equal: the smaller member). What was
  dropped is not counted any more, and is new when it comes again.
- A late transaction is put where it belongs in time and sees only what is not newer. Equal times stand in order of arrival.
- A set holds a member's newest sighting only: a late transaction does not see a member that came again after it.
- Nothing is counted of a transaction that is more than {grace_days} days behind the newest of its cell, or more than {ahead_minutes} min
  ahead of its record's timestamp, or a repeat. Its features are all NaN.
- A key not seen for {lifetime_days} days is forgotten: its next transaction is its first.
"""


def schema_text() -> str:
    """JSON Schema of a catalogue file, as published."""
    return json.dumps(json_schema(), indent=2) + "\n"


def document(catalogue: Catalogue) -> str:
    """The page, Markdown."""
    opening = OPENING.format(
        version=catalogue.version,
        count=len(catalogue.features),
        currency=catalogue.base_currency,
        grace_days=catalogue.grace_ms // DAY_MS,
        events_max=catalogue.events_max,
        members_max=catalogue.members_max,
        ahead_minutes=catalogue.future_ms // MINUTE_MS,
        lifetime_days=catalogue.lifetime_ms // DAY_MS,
    )
    return "\n".join([opening, *_tables(catalogue)])


def _tables(catalogue: Catalogue) -> Iterator[str]:
    owners = [*(entity.name for entity in catalogue.entities), ""]
    for owner in owners:
        features = [feature for feature in catalogue.features if feature.entity == owner]
        if not features:
            continue
        field = next((entity.field for entity in catalogue.entities if entity.name == owner), "")
        yield f"## {owner.capitalize()}: one key per `{field}`" if owner else "## The transaction itself"
        yield ""
        yield "| features | formula | unit | NaN when |"
        yield "|---|---|---|---|"
        for _, group in groupby(sorted(features, key=_rank), key=_rank):
            yield _line(list(group), catalogue)
        yield ""


def _rank(feature: Feature) -> tuple[int, str]:
    return list(MEANINGS).index(feature.measure), feature.of


def _line(group: list[Feature], catalogue: Catalogue) -> str:
    names = ", ".join(f"`{feature.name}`" for feature in group)
    words = {"entity": group[0].entity, "of": group[0].of, "currency": catalogue.base_currency}
    return f"| {names} | " + " | ".join(part.format(**words) for part in MEANINGS[group[0].measure]) + " |"


def main() -> None:
    """Rewrites the page and the schema."""
    PAGE.parent.mkdir(exist_ok=True)
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(document(read_catalogue(catalogue_text(), place="features/catalogue.yaml")), encoding="utf-8")


if __name__ == "__main__":
    main()
