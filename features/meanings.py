"""What each measure means: formula, unit, when it is NaN; docs/features.md is made of it."""

from typing import NamedTuple


class Meaning(NamedTuple):
    """What the page says of one measure."""

    formula: str
    unit: str
    nan_when: str


W = "events *i* of the key with *t* - *w* < *tᵢ* ≤ *t*, this transaction among them"
KNOWN = "transactions in (*t* - *w*, *t*], whole seconds; disputes won are taken off"
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
    "robust_mean": Meaning(
        "*m*: mean of all amounts that arrived before it, each cut at 2.2 times the mean before it (from 65,536 on it slowly forgets)",
        "minor units of {currency}",
        f"{ABSENT}; it is the key's first",
    ),
    "robust_ratio": Meaning("*a* / *m*", "1", f"{ABSENT}; it is the key's first, or *m* is 0"),
    "over_max": Meaning("*a* / greatest amount that arrived before it", "1", f"{ABSENT}; it is the key's first, or all were 0"),
    "share": Meaning(
        "transactions of the window that meet the filter / all transactions of the window", "1", f"{ABSENT}; no transaction in the window"
    ),
    "count fraud": Meaning(f"frauds known of {KNOWN}", "frauds", ABSENT),
    "sum fraud": Meaning(f"amounts of the frauds known of {KNOWN}", "minor units of {currency}", ABSENT),
    "share fraud": Meaning(
        "*f* / *n*: known frauds and transactions of (*t* - *d* - *w*, *t* - *d*], *d* = {label_delay} d",
        "1",
        f"{ABSENT}; no transaction in the window",
    ),
    "share last": Meaning(
        "frauds known from the first to the last of the newest K transactions that are {label_delay} d old, / K (fewer: / those there are)",
        "1",
        f"{ABSENT}; none is so old",
    ),
    "seconds_since_first fraud": Meaning(
        "*t* - second of the first known fraud that was not taken back", "seconds", f"{ABSENT}; none is known that is not newer"
    ),
    "seconds_since_last fraud": Meaning(
        "*t* - second of the last known fraud that was not taken back", "seconds", f"{ABSENT}; none is known that is not newer"
    ),
    "rate fraud": Meaning(
        "(*f* + 2 *p*) / (*n* + 2): known frauds and transactions of the window, both delayed by {label_delay} d, *p* = {base_rate}",
        "1",
        ABSENT,
    ),
    "speed": Meaning(
        "great-circle distance from the place of the key's transaction that arrived before / time between them, unsigned (haversine, "
        "R = 6,371.0088 km)",
        "km/h",
        f"{ABSENT}; either place is unknown; both at the same time",
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
