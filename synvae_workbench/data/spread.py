"""Size of nested values written out, with all that is referred to twice standing there twice."""

from collections.abc import Iterable
from typing import Any


def check_spread(value: Any, most_bytes: int, levels: int) -> None:
    """Refuses a value that is too large written out, too deep, or holds itself.

    Items that are referred to often are measured once: by levels, each with how many times every
    item of it occurs.

    Raises:
        ValueError: if there are more bytes, or levels, than that.
    """
    level, total = {id(value): (value, 1)}, 0
    for _ in range(levels):
        below: dict[int, tuple[Any, int]] = {}
        for outer, times in level.values():
            items, size = _items_and_size(outer)
            total += times * size
            if total > most_bytes:
                raise ValueError("what it refers to again and again would be too large")
            for item in items:
                below[id(item)] = item, times + below.get(id(item), (item, 0))[1]
        if not below:
            return
        level = below
    raise ValueError(f"it is nested more than {levels} deep, or holds itself")


def _items_and_size(value: Any) -> tuple[Iterable[Any], int]:
    """What a value holds, and the bytes that it takes besides."""
    if isinstance(value, dict):
        return (*value.keys(), *value.values()), len(value)
    if isinstance(value, list | tuple | set | frozenset):
        return value, len(value)
    size = getattr(value, "nbytes", None)
    return (), size if size is not None else len(value) if isinstance(value, str | bytes) else 1
