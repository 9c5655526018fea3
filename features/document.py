"""Writes docs/features.md from the shipped catalogue and its schema from the structs: `python -m features.document`. Tests hold both."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from features.asked import FRAUD
from features.catalogue import Catalogue, Feature, catalogue_text, read_catalogue
from features.catalogue_file import json_schema
from features.meanings import MEANINGS

MINUTE_MS, DAY_MS = 60_000, 86_400_000
PAGE = Path(__file__).parent.parent / "docs" / "features.md"
SCHEMA = Path(__file__).parent / "catalogue.schema.json"


OPENING = """\
# Features

Made by `python -m features.document` from `features/catalogue.yaml`, version `{version}`: {count} features.

A name is a definition read aloud, entity_measure_of_where_window. *t* is the transaction's event time, *a* its amount in minor units
of {currency}, *tᵢ* and *aᵢ* those of the key's accepted events. All are float32; sums are exact integers until then.

- A key keeps its events for the longest window and the grace, {grace_days} days, behind its newest: the newest {events_max} exactly, older
  ones in at most 2,048 buckets (64 B each and 16 B a filter; stored about 20 B). Count and sum of a window that reaches into those are
  within 1 % for a transaction in order, for one with a delay within 1 % of what is newer than either edge; max and deviation are those of
  whole buckets. A transaction older than the newest bucket sees about what it should; its max, deviation and zscore are unknown.
- A set keeps {members_max} members; above that a sample, from which *distinct* is within about 2/√{members_max} (less surely
  where a window holds few of the members), and *new* of a member that is not in the sample is unknown, until the set is empty again.
- A late transaction is put where it belongs in time and sees only what is not newer. Equal times stand in order of arrival.
- A set holds a member's newest sighting only: a late transaction does not see a member that came again after it.
- Nothing is counted of a transaction that is more than {grace_days} days behind the newest of its cell, or more than {ahead_minutes} min
  ahead of its record's timestamp, or a repeat. Its features are all NaN.
- A key not seen for {lifetime_days} days is forgotten: its next transaction is its first.
- A filter is met, or not, when a transaction comes, and then only those that met it count: {filters}. `hot`: *a* > 2.2 *m* of that key
  (robust_mean). `fraud` is what labels say of earlier transactions, whenever they say it: counted at the transaction's time, in whole
  seconds, `dispute_won` as -1. A key keeps its labels for {lifetime_days} days: the newest {labels_max} exactly,
  older ones in buckets. A label's id is known as long as it is exact, so a repeated one counts once.
- Which features know the simulator behind a data set: `hot`, and less so robust_ratio and over_max. In the handbook's data one kind of
  fraud multiplies amounts by 5, another is every amount above 220; 2.2 was found by what separates there. They are of use elsewhere, but
  a figure on that data says more of its simulator than of fraud. Nothing else here was shaped by a data set.
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
        labels_max=catalogue.labels_max,
        filters=", ".join(f"`{name}`: `{text}`" for name, text in catalogue.filters.items()) or "none",
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


def meaning_of(feature: Feature) -> str:
    """Which of MEANINGS is its."""
    if feature.where != FRAUD:
        return feature.measure
    return "share last" if feature.window.startswith("last") else f"{feature.measure} fraud"


def _rank(feature: Feature) -> tuple[int, str, str]:
    return list(MEANINGS).index(meaning_of(feature)), feature.of, feature.where


def _line(group: list[Feature], catalogue: Catalogue) -> str:
    names = ", ".join(f"`{feature.name}`" for feature in group)
    words = {"entity": group[0].entity, "of": group[0].of, "currency": catalogue.base_currency}
    words |= {"label_delay": str(catalogue.label_delay_ms // DAY_MS), "base_rate": str(catalogue.base_rate)}
    return f"| {names} | " + " | ".join(part.format(**words) for part in MEANINGS[meaning_of(group[0])]) + " |"


def main() -> None:
    """Rewrites the page and the schema."""
    PAGE.parent.mkdir(exist_ok=True)
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(document(read_catalogue(catalogue_text(), place="features/catalogue.yaml")), encoding="utf-8")


if __name__ == "__main__":
    main()
