"""The catalogue as it stands in its file: its shape, and reading it with the line of whatever is wrong.

The structs below are the published schema (`catalogue.schema.json`). What one struct alone cannot see (a name that is not declared,
two windows of one length) is judged in `features.catalogue`, through the same `Page.error`.
"""

import re
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta

from schemas.errors import BadCatalogue

END = r"$(?!\n)"
"""Of a pattern. `$` alone also matches before a last newline."""
Duration = Annotated[str, Meta(pattern=f"^[1-9][0-9]{{0,8}}[smhd]{END}", description="A whole number and s, m, h or d: 90s, 24h, 30d.")]
Name = Annotated[str, Meta(pattern=f"^[a-z][a-z0-9]{{0,31}}{END}", description="Letters and digits: it becomes a part of feature names.")]
SignalName = Annotated[str, Meta(pattern=f"^[a-z][a-z0-9_]{{0,31}}{END}")]
Currency = Annotated[str, Meta(pattern=f"^[A-Z]{{3}}{END}", description="ISO 4217.")]
Rate = Annotated[
    str, Meta(pattern=rf"^[0-9]{{1,9}}(\.[0-9]{{1,12}})?{END}", description="Major units of the base currency for one major unit.")
]
Windows = Annotated[tuple[Duration, ...], Meta(min_length=1, max_length=16)]
VelocityMeasure = Literal["count", "sum", "mean", "max", "deviation"]
RecencyMeasure = Literal["seconds_since_previous", "seconds_since_first"]
BaselineMeasure = Literal["ratio", "zscore"]
FilteredMeasure = Literal["count", "sum", "share", "rate"]
FraudMeasure = Literal["seconds_since_first", "seconds_since_last"]
BehaviourMeasure = Literal["robust_mean", "robust_ratio", "over_max"]
TransactionMeasure = Literal["hour", "weekday", "weekend", "night", "amount", "mcc", "country", "channel"]

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Unknown keys are errors: a misspelt cap would silently be the default."""


class Velocity(_Part, frozen=True):
    """Aggregates over the events of a window, this transaction included."""

    measures: Annotated[tuple[VelocityMeasure, ...], Meta(min_length=1)]
    windows: Windows


class Recency(_Part, frozen=True):
    """Time since earlier events."""

    measures: Annotated[tuple[RecencyMeasure, ...], Meta(min_length=1)]


class Baseline(_Part, frozen=True):
    """The amount against the key's own history before it."""

    measures: Annotated[tuple[BaselineMeasure, ...], Meta(min_length=1)]
    windows: Windows


class Distinct(_Part, frozen=True):
    """How many different others were seen within a window; each `of` is an entity of this catalogue or `country`."""

    of: Annotated[tuple[Name, ...], Meta(min_length=1)]
    windows: Windows


class Novelty(_Part, frozen=True):
    """Whether this other was not seen before; each `of` stands under `distinct` too, whose set it reads."""

    of: Annotated[tuple[Name, ...], Meta(min_length=1)]
    measures: Annotated[tuple[Literal["new"], ...], Meta(min_length=1)] = ("new",)


class Filtered(_Part, frozen=True):
    """Windows over what meets a filter: `fraud` (what labels say), `hot` (amounts above 2.2 x the key's running mean), one of `filters`.

    share and rate divide by all transactions of the window. Those of fraud are delayed by label_delay unless a delay stands here.
    """

    measures: Annotated[tuple[FilteredMeasure, ...], Meta(min_length=1)]
    windows: Windows
    where: Annotated[str, Meta(pattern=f"^([a-z][a-z0-9]{{0,31}})?{END}")] = ""
    delay: Annotated[str, Meta(pattern=f"^(0|[1-9][0-9]{{0,8}}[smhd]){END}")] | None = None


class Frauds(_Part, frozen=True):
    """What is known of the key's frauds. `last`: their share among so many of the last transactions that are label_delay old."""

    measures: tuple[FraudMeasure, ...] = ()
    last: Annotated[tuple[Annotated[int, Meta(ge=1, le=64)], ...], Meta(max_length=8)] = ()


class Behaviour(_Part, frozen=True):
    """The amount against running values of the key, as of arrival."""

    measures: Annotated[tuple[BehaviourMeasure, ...], Meta(min_length=1)]


class Travel(_Part, frozen=True):
    """From the place of the key's transaction that arrived before."""

    measures: Annotated[tuple[Literal["speed"], ...], Meta(min_length=1)] = ("speed",)


class EntityEntry(_Part, frozen=True):
    """One entity: the field it is read from, and what is computed for it."""

    id: str
    velocity: Velocity | None = None
    recency: Recency | None = None
    baseline: Baseline | None = None
    distinct: Distinct | None = None
    novelty: Novelty | None = None
    filtered: tuple[Filtered, ...] = ()
    frauds: Frauds | None = None
    behaviour: Behaviour | None = None
    travel: Travel | None = None


class CatalogueFile(_Part, frozen=True):
    """The whole file. The order of the entities is the order of the columns, and the first one present in a transaction is its primary."""

    name: Annotated[str, Meta(pattern=f"^[a-z][a-z0-9-]{{0,31}}{END}")]
    base_currency: Currency
    rates: dict[Currency, Rate]
    entities: Annotated[dict[Name, EntityEntry], Meta(min_length=1, max_length=16)]
    transaction: tuple[TransactionMeasure, ...] = ()
    signals: dict[SignalName, Literal["number", "text"]] = {}
    filters: Annotated[dict[Name, str], Meta(max_length=16)] = {}
    label_delay: Duration = "7d"
    base_rate: Annotated[
        str, Meta(pattern=rf"^0\.[0-9]{{1,9}}{END}", description="The share of frauds that smoothed rates start from.")
    ] = "0.001"
    events_max: Annotated[int, Meta(ge=1, le=2048)] = 256
    labels_max: Annotated[int, Meta(ge=1, le=2048)] = 256
    members_max: Annotated[int, Meta(ge=1, le=2048)] = 64
    memory_min: Annotated[int, Meta(ge=1, le=4096)] = 64
    memory_max: Annotated[int, Meta(ge=1, le=4096)] = 512
    memory_span: Duration = "24h"
    grace: Duration = "7d"
    lifetime: Duration = "400d"
    ahead: Duration = "5m"


def duration_ms(text: str) -> int:
    """Milliseconds of `90s`, `10m`, `24h`, `30d`, and of `0`."""
    return 0 if text == "0" else int(text[:-1]) * _UNITS_MS[text[-1]]


def json_schema() -> dict[str, Any]:
    """JSON Schema of the file; `catalogue.schema.json` is this, and a test holds them equal."""
    schema = msgspec.json.schema(CatalogueFile)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Weir feature catalogue", **schema}


class Page:
    """A YAML text with the line of each of its parts. place: its name in errors."""

    def __init__(self, text: str, *, place: str) -> None:
        self._place = place
        try:
            loader = yaml.SafeLoader(text)
            root = loader.get_single_node()
            if root is not None:
                _refuse_repeated_keys(root, self._at, set())
            self.data = None if root is None else loader.construct_document(root)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self._at(mark.line if mark else 0, f"not YAML: {error.problem or error.context}") from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise self._at(0, f"not YAML: {' '.join(str(error).split())}") from None
        self._root = root

    def _at(self, line: int, what: str) -> BadCatalogue:
        return BadCatalogue(f"{self._place}, line {line + 1}: {what}")

    def error(self, what: str, *path: str | int) -> BadCatalogue:
        """An error at the deepest part of `path` (keys and indices from the root) that the text has."""
        node, line = self._root, 0
        for step in path:
            if isinstance(node, yaml.MappingNode):
                found = [(key, value) for key, value in node.value if key.value == step]
                if not found:
                    break
                key, node = found[-1]  # of merged keys the text's own comes last
                line = key.start_mark.line
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line
            else:
                break
        return self._at(line, what)

    def read(self) -> CatalogueFile:
        """The file as structs. Raises BadCatalogue."""
        if not isinstance(self.data, dict):
            raise self._at(0, "a catalogue is a mapping with name, base_currency, rates and entities")
        for field, key_type, value_type in (
            ("entities", Name, EntityEntry),
            ("rates", Currency, Rate),
            ("signals", SignalName, Literal["number", "text"]),
        ):  # one by one, because msgspec's own path does not say which key of a dict
            for key, value in self.data[field].items() if isinstance(self.data.get(field), dict) else ():
                self._convert(key, key_type, field, key)
                self._convert(value, value_type, field, key)
        file: CatalogueFile = self._convert(self.data, CatalogueFile)
        return file

    def _convert(self, value: object, wanted: Any, *path: str) -> Any:  # noqa: ANN401 (msgspec types are values)
        try:
            return msgspec.convert(value, wanted)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$")
            steps: list[str | int] = [*path]
            steps += [int(index) if index else word for word, index in re.findall(r"\.(\w+)|\[(\d+)\]", where)]
            if unknown := re.search(r"unknown field `(.*)`", what):
                steps.append(unknown[1])
            spoken = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
            raise self.error(f"{spoken}: {what}" if spoken else what, *steps) from None


def _refuse_repeated_keys(node: yaml.Node, error: Any, seen: set[int]) -> None:  # noqa: ANN401 (a bound method of Page)
    """YAML forbids them, PyYAML takes the last."""
    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(item, error, seen)
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                raise error(key.start_mark.line, f"{key.value} stands here a second time")
            keys.add(str(key.value))
            _refuse_repeated_keys(value, error, seen)
