"""Checks of values from JSON against the types and ranges that a dataclass or NamedTuple declares.

A configuration comes with weights, from anybody: its sizes are whole numbers within reason before
anything is built from them. A field declares its range as `Size` and the like do; a plain `int` or
`float` is any whole or finite number.
"""

import dataclasses
import sys
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

MAX_ITEMS = 64  # of a tuple, such as the layers of a network
MAX_TEXT = 10_000  # characters

Built = TypeVar("Built")


class Range(NamedTuple):
    """Least and largest value of a number."""

    least: float
    most: float


class Items(NamedTuple):
    """Most items of a tuple that builds nothing item by item."""

    most: int


WHOLE = Range(-(2**63), 2**63)
FINITE = Range(-sys.float_info.max, sys.float_info.max)
Size = Annotated[int, Range(1, 1 << 20)]  # channels, units, pixels, samples, dimensions
SizeOrNone = Annotated[int, Range(0, 1 << 20)]  # 0 where there is no such part
Count = Annotated[int, Range(1, 64)]  # of what is built one by one: blocks, heads, layers
Steps = Annotated[int, Range(1, 4096)]  # sixteenths: 256 bars
Share = Annotated[float, Range(0.0, 1.0)]
Spans = Annotated[tuple[Size, ...], Items(4096)]  # lengths of parts, one after the other


def build_from_fields(kind: type[Built], values: Any) -> Built:
    """A dataclass or NamedTuple of the values of its fields, once these are checked.

    Raises:
        ValueError: naming the field that is unknown, missing, of another type or out of range; or
            as the class itself does.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"expected an object with its fields, got {_shown(values)}")
    needed = _needed(kind)
    unknown = sorted(str(name)[:40] for name in values.keys() - needed.keys())
    absent = [name for name, is_needed in needed.items() if is_needed and name not in values]
    if unknown or absent:
        raise ValueError(f"unknown fields {unknown[:5]}, missing fields {absent[:5]}")
    hints = get_type_hints(kind, include_extras=True)
    for name, value in values.items():
        if fault := fault_of(value, hints[name]):
            raise ValueError(f"{name}: {fault}")
    return kind(**values)


def _needed(kind: Any) -> dict[str, bool]:
    """The fields by name, and whether each has to be given."""
    if not dataclasses.is_dataclass(kind):
        return {name: name not in kind._field_defaults for name in kind._fields}
    return {
        field.name: field.default is field.default_factory is dataclasses.MISSING
        for field in dataclasses.fields(kind)
        if field.init
    }


def fault_of(value: Any, hint: Any, within: Range | None = None) -> str:
    """What is wrong with a value that should be of that type; empty if nothing is."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        limits = [each.most for each in arguments[1:] if isinstance(each, Items)]
        if limits:
            return _fault_of_items(value, get_args(arguments[0]), *limits)
        ranges = [each for each in arguments[1:] if isinstance(each, Range)]
        return fault_of(value, arguments[0], *ranges[:1])
    if origin in (Union, UnionType):
        faults = [fault_of(value, each) for each in arguments]
        return "" if "" in faults else faults[0]
    if origin is tuple:
        return _fault_of_items(value, arguments)
    if origin is dict and isinstance(value, dict):
        faults = [fault_of(inner, arguments[1]) for inner in value.values()]
        return next((fault for fault in faults if fault), "")
    if hint is int or hint is float:
        return _fault_of_number(value, hint, within)
    hint = dict if origin is dict else hint
    if hint is Any or not isinstance(hint, type):
        return ""  # of such types the class itself knows
    right = isinstance(value, hint) and (not isinstance(value, str) or len(value) <= MAX_TEXT)
    return "" if right else f"expected {hint.__name__}, got {_shown(value)}"


def _fault_of_number(value: Any, hint: type, within: Range | None) -> str:
    least, most = within or (WHOLE if hint is int else FINITE)
    if type(value) in (int, hint) and least <= value <= most:  # true is no number
        return ""
    limits = f" in {within.least:g}..{within.most:g}" if within else ""
    kind = "a whole number" if hint is int else "a finite number"
    return f"expected {kind}{limits}, got {_shown(value)}"


def _fault_of_items(values: Any, hints: tuple[Any, ...], most: int = MAX_ITEMS) -> str:
    if not isinstance(values, tuple) or len(values) > most:
        return f"expected a list of at most {most}, got {_shown(values)}"
    if hints[1:] == (...,):
        hints = (hints[0],) * len(values)
    if len(values) != len(hints):
        return f"expected {len(hints)} items, got {_shown(values)}"
    faults = (fault_of(value, hint) for value, hint in zip(values, hints, strict=True))
    return next((fault for fault in faults if fault), "")


def _shown(value: Any) -> str:
    """A value in few characters; a number of thousands of digits cannot be printed at all."""
    if isinstance(value, int) and not WHOLE.least <= value <= WHOLE.most:
        return "a number of many digits"
    text = repr(value) if isinstance(value, int | float | str | None) else type(value).__name__
    return text if len(text) <= 40 else f"{text[:40]}..."
