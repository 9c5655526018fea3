"""Filters: named predicates over what a row says, as `channel == "ecommerce" and amount >= 10000`. Each becomes a bit of its event.

Columns: amount (minor units of the base currency), mcc, country, channel, currency, signal_NAME. Comparisons, `in [..]`, and, or, not. What
is not given is no match: an unknown mcc is neither 5411 nor another, an empty text is equal to nothing and unequal to nothing.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.row import Rows

Mask = NDArray[np.bool_]
Predicate = Callable[[Rows], Mask]
"""ROW (n,) -> bool (n,)."""

COLUMNS = {"amount": "amount_minor", "mcc": "mcc", "country": "country", "channel": "channel", "currency": "currency"}
TEXTS = {"country", "channel", "currency"}
_ORDERS: dict[type[ast.cmpop], Callable[[Any, Any], Mask]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


def predicate(text: str, signals: Mapping[str, str]) -> Predicate:
    """What the text asks of rows. signals: declared name -> "number" or "text". Raises ValueError, which says what is wrong."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{text!r} cannot be read: {error}") from None
    return _of(tree.body, signals)


def canonical(text: str) -> str:
    """One spelling for predicates of one meaning word for word, whatever their spacing and quotes."""
    return ast.unparse(ast.parse(text, mode="eval"))


def _of(node: ast.expr, signals: Mapping[str, str]) -> Predicate:
    match node:
        case ast.BoolOp(op=ast.And() | ast.Or() as op, values=values):
            parts = [_of(value, signals) for value in values]
            join = np.logical_and if isinstance(op, ast.And) else np.logical_or
            return lambda rows: join.reduce([part(rows) for part in parts])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            part = _of(operand, signals)
            return lambda rows: np.logical_not(part(rows))
        case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[other]):
            return _comparison(name, op, other, signals)
    raise ValueError(f"{ast.unparse(node)!r} is no comparison of a column with a value, nor several joined by and, or, not")


def _comparison(name: str, op: ast.cmpop, other: ast.expr, signals: Mapping[str, str]) -> Predicate:
    declared = signals.get(name.removeprefix("signal_")) if name.startswith("signal_") else None
    if name not in COLUMNS and declared is None:
        raise ValueError(f"{name} is no column of a filter; they are {', '.join([*COLUMNS, *(f'signal_{each}' for each in signals)])}")
    textual = name in TEXTS or declared == "text"
    column = COLUMNS.get(name, name)
    try:
        value = ast.literal_eval(other)
    except ValueError:
        raise ValueError(f"{ast.unparse(other)!r} is no value") from None
    values = value if isinstance(op, ast.In) and isinstance(value, list) else [value]
    wanted = (str,) if textual else (int, float)
    if not all(isinstance(each, wanted) and not isinstance(each, bool) for each in values) or (
        isinstance(op, ast.In) != isinstance(value, list)
    ):
        raise ValueError(f"{name} is {'a text' if textual else 'a number'}; {ast.unparse(other)!r} cannot be compared with it by that")
    if textual and not isinstance(op, ast.Eq | ast.NotEq | ast.In):
        raise ValueError(f"{name} is a text: it is equal, unequal, or in a list")
    known = _known(column, textual=textual)
    if isinstance(op, ast.In):
        held = [each.encode() if isinstance(each, str) else each for each in values]
        return lambda rows: known(rows) & np.isin(rows[column], held)
    compare, one = _ORDERS.get(type(op)), value.encode() if textual else value
    if compare is None:
        raise ValueError(f"{name}: only ==, !=, <, <=, >, >= and in")
    return lambda rows: known(rows) & compare(rows[column], one)


def _known(column: str, *, textual: bool) -> Predicate:
    if textual:
        return lambda rows: rows[column] != b""
    if column == "mcc":
        return lambda rows: rows[column] >= 0
    return lambda rows: rows[column] == rows[column]
