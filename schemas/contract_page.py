"""The tables of `docs/contract.md`, made from the schemas and the reason codes; the prose around them is written by hand."""

import re
from pathlib import Path
from typing import Any

from schemas.reasons import Reason

PAGE = Path(__file__).parent.parent / "docs" / "contract.md"
_TABLE = re.compile(r"(<!-- table: ([a-z-]+) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)


def with_tables(page: str, schemas: dict[str, dict[str, Any]]) -> str:
    """The page with every table between its marks made anew. Raises KeyError for a table that nothing is known of."""

    def made(match: re.Match[str]) -> str:
        lines = reasons() if match[2] == "reasons" else fields(schemas[match[2]])
        return match[1] + "".join(f"{line}\n" for line in lines) + match[4]

    return _TABLE.sub(made, page)


def reasons() -> list[str]:
    """Reason codes as a table: who gives them, and what they mean."""
    lines = ["| code | found by | meaning |", "|---|---|---|"]
    for reason in Reason:
        if reason is not Reason.NONE:
            finder = "intake" if reason < Reason.LATE else "fold" if reason < Reason.SCORE else "verdict"
            lines.append(f"| `{reason.code}` | {finder} | {reason.meaning} |")
    return lines


def fields(schema: dict[str, Any]) -> list[str]:
    """The fields of a schema as a table, those of nested objects below their own."""
    return ["| field | type | | |", "|---|---|---|---|", *_lines(schema, schema.get("$defs", {}), "")]


def _lines(schema: dict[str, Any], parts: dict[str, Any], within: str) -> list[str]:
    lines = []
    for name, entry in schema["properties"].items():
        kinds = entry.get("anyOf", [entry])
        kind = next(one for one in kinds if one.get("type") != "null")
        part = parts[kind["$ref"].rpartition("/")[2]] if "$ref" in kind else None
        needed = name in schema.get("required", [])
        presence = "required" if needed and kinds == [entry] else "may be null" if needed else "optional"
        about = kind.get("description") or entry.get("description") or (part or {}).get("description", "")
        lines.append(f"| `{within}{name}` | {_type(kind, part)} | {presence} | {about} |")
        if part:
            lines += _lines(part, parts, f"{within}{name}.")
    return lines


def _type(kind: dict[str, Any], part: dict[str, Any] | None) -> str:
    if part:
        return "object"
    if "enum" in kind:
        return " or ".join(f"`{word}`" for word in kind["enum"])
    if kind["type"] == "object":
        inner = kind["additionalProperties"]
        return f"map of {' or '.join(one['type'] for one in inner.get('anyOf', [inner]))}"
    if kind["type"] == "string":
        low, high = kind.get("minLength"), kind.get("maxLength")
        length = "" if high is None else f", {high} characters" if low == high else f", {low} to {high} characters"
        return f"string{length}{', printable ASCII' if kind.get('pattern') == '^[ -~]*$' else ''}"
    low, high = kind.get("minimum"), kind.get("maximum")
    high = "2^63 - 1" if high == (1 << 63) - 1 else high
    return kind["type"] if low is None and high is None else f"{kind['type']}, {low} to {high}"
