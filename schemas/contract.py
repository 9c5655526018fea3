"""The published contract: JSON Schema of everything that is sent or read from outside, made from the structs. `contracts/` holds the files.

`python -m schemas.contract` writes them anew, and the tables of `docs/contract.md`; a test holds them equal.
"""

import json
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from schemas.contract_page import PAGE, with_tables
from schemas.control import Control
from schemas.dead_letter import DeadLetter
from schemas.decision import Decision
from schemas.label import Label
from schemas.mapping import MappingFile
from schemas.transaction import Transaction

FOLDER = Path(__file__).parent / "contracts"
_TITLES: dict[str, tuple[Any, str]] = {
    "transaction": (Transaction, "Weir transaction"),
    "label": (Label, "Weir label"),
    "decision": (Decision, "Weir decision"),
    "dead-letter": (DeadLetter, "Weir dead letter"),
    "control": (Control, "Weir control"),
    "mapping": (MappingFile, "Weir mapping of a foreign file"),
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """Name -> JSON Schema, draft 2020-12."""
    return {name: _schema(shape, title) for name, (shape, title) in _TITLES.items()}


def _schema(shape: type, title: str) -> dict[str, Any]:
    (outer,), parts = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    for part in parts.values():
        if "description" in part:
            part["description"] = cleandoc(part["description"])  # interpreters from 3.13 on do it themselves
    body = {**parts.pop(outer["$ref"].rpartition("/")[2]), "title": title}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body, **({"$defs": parts} if parts else {})}


def published(name: str) -> Path:
    """The file of a schema."""
    return FOLDER / f"{name}.schema.json"


def as_text(schema: dict[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    """Writes the schemas' files and the page's tables anew."""
    for name, schema in json_schemas().items():
        published(name).write_text(as_text(schema), encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), json_schemas()), encoding="utf-8")


if __name__ == "__main__":
    write()
