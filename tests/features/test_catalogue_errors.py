"""What is wrong with a catalogue is said with its line, and with what would be right."""

import json

import pytest
import yaml

from features.catalogue import read_catalogue
from schemas.errors import BadCatalogue
from schemas.row import ID_FIELDS
from tests.features.strategies import SMALL


@pytest.mark.parametrize(
    ("old", "new", "at", "says"),
    [
        ("members_max: 3", "members_max: 3\nmember_max: 4", "member_max:", "member_max: Object contains unknown field"),
        ("novelty: {of: [country", "novel: {of: [country", "novel: ", "entities.card.novel: Object contains unknown field"),
        ("[10s, 10m, 1m]", "[10s, 10w, 1m]", "10w", "entities.account.velocity.windows[1]: Expected `str` matching regex"),
        ("[10s, 10m, 1m]", "[10s, 0m, 1m]", "0m, 1m", "windows[1]"),
        ("[10s, 10m, 1m]", "[60s, 10m, 1m]", "60s", "1m stands here a second time"),
        ("[10s, 10m, 1m]", "[]", "[]", "length >= 1"),
        ("[10s, 10m, 1m]", "[10s, 49d, 1m]", "49d", "window 49d and grace 20m reach"),
        ("grace: 20m", "grace: 50m", "lifetime", "lifetime 1h is below"),
        ("lifetime: 1h", "lifetime: 40m", "  card:", "labels are kept"),
        ("[max, count]", "[max, counts]", "counts", "measures[1]: Invalid enum value 'counts'"),
        ("[max, count]", "[max, max]", "[max, max]", "max stands here a second time"),
        ("[merchant, country, account]", "[merchant, shop, account]", "shop", "card: of shop, which is no other entity"),
        ("[merchant, country, account]", "[merchant, card, account]", "[merchant, card", "of card, which is no other entity"),
        ("[country, merchant]}", "[country, device]}", "[country, device]", "new device reads the set of distinct device"),
        ("id: email,", "id: mail,", "id: mail,", "mail is no id field"),
        ("id: email,", "id: card_id,", "id: card_id,", "card_id is already the id of card"),
        ("events_max: 5", "events_max: five", "five", "events_max: Expected `int`, got `str`"),
        ("events_max: 5", "events_max: 0", "events_max", "events_max: Expected `int` >= 1"),
        ("memory_min: 2", "memory_min: 9", "memory_min", "memory_min 9 is above memory_max 4"),
        ('{EUR: "1"}', '{EUR: "1.1"}', "1.1", 'needs the rate "1"'),
        ('{EUR: "1"}', '{EUR: "1", USD: 0.92}', "USD", "rates.USD: Expected `str`, got `float`"),
        ('{EUR: "1"}', '{EUR: "1", USD: "0.00"}', "USD", "rates.USD: a rate of 0"),
        ('{EUR: "1"}', '{EUR: "1", Dollar: "0.9"}', "Dollar", "rates.Dollar"),
        ('{EUR: "1"}', '{EUR: "1", DEM: "0.51"}', "DEM", "rates.DEM: no currency of ISO 4217"),
        ("tag: text", "tag: words", "words", "signals.tag: Invalid enum value 'words'"),
        ("name: small", "name: small\nname: other", "name: other", "name stands here a second time"),
        ("name: small", "name: [small", "base_currency", "not YAML"),
        ("name: small", "name: &a [*a]", "name", "name: Expected `str`"),
        ("name: small", "name: small\n? [a]\n: 1", "? [a]", "not YAML"),
        ("where: near,", "where: far,", "where: far", "card: where far, which is none of fraud, hot, big, near"),
        (
            "where: hot, measures: [count, share], windows: [1m, 10m]",
            "where: hot, measures: [rate], windows: [1m]",
            "where: hot",
            "a rate is of",
        ),
        (
            "where: fraud, measures: [count, sum], windows: [1m, 50m]",
            "where: fraud, measures: [count], windows: [2h]",
            "  card:",
            "labels are",
        ),
        (
            "where: near, measures: [count], windows: [10m], delay: 2m",
            "where: near, measures: [count], windows: [30d], delay: 19d",
            "    filtered",
            "delay and grace 20m reach",
        ),
        ('big: "amount >= 1000"', 'big: "amount >= x"', "filters", "filters.big: 'x' is no value"),
        ("filters: {big", 'filters: {hot: "amount > 1", big', "filters", "hot is always there"),
        ("labels_max: 4", "labels_max: 0", "labels_max", "labels_max: Expected `int` >= 1"),
        ("label_delay: 2m", "label_delay: soon", "label_delay", "label_delay: Expected `str` matching"),
        ('base_rate: "0.01"', "base_rate: 0.01", "base_rate", "base_rate: Expected `str`"),
        ("travel: {}", "travel: {measures: [height]}", "travel", "Invalid enum value 'height'"),
        ("\nname: small", "", "", "missing required field `name`"),
        ("velocity: *all", "velocity: *everything", "*everything", "undefined alias"),
    ],
)
def test_an_error_names_the_line(old: str, new: str, at: str, says: str) -> None:
    assert old in SMALL
    text = SMALL.replace(old, new, 1)
    line = text[: text.index(at)].count("\n") + 1
    with pytest.raises(BadCatalogue) as error:
        read_catalogue(text, place="my.yaml")
    assert str(error.value).startswith(f"my.yaml, line {line}: ")
    assert says in str(error.value)


def test_more_than_sixteen_entities_are_refused() -> None:
    raw = yaml.safe_load(SMALL)
    raw["entities"] = {f"e{n}": {"id": ID_FIELDS[n % len(ID_FIELDS)], "recency": {"measures": ["seconds_since_first"]}} for n in range(17)}
    with pytest.raises(BadCatalogue, match="length <= 16"):
        read_catalogue(json.dumps(raw), place="x")
