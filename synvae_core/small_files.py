"""Reading of regular files of bounded size, and of small JSON files.

A file that somebody else wrote may be a pipe that never answers, a device without an end, or text
that unfolds to gigabytes. What is read here is opened without waiting, is a regular file, and is
measured before anything of it is held in memory.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

MAX_JSON_BYTES = 10_000_000  # of which Python makes some 25 times as many, in a second
MAX_JSON_DEPTH = 32  # objects and lists within each other; ours have five
# Not to wait for whoever may write into a pipe; of no effect on regular files.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NAMES: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}


def open_regular(path: Path, *, most_bytes: int | None = None) -> BinaryIO:
    """Opens a regular file for reading; pipes, devices and folders are refused without waiting.

    Raises:
        ValueError: naming the file, if it is missing, cannot be opened, is no regular file, or has
            more than `most_bytes`.
    """
    try:
        opened = os.open(path, _FLAGS)
    except FileNotFoundError as error:
        raise ValueError(f"{path} is missing: expected a file there") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{path} cannot be opened ({reason})") from error
    status = os.fstat(opened)
    fault = "" if stat.S_ISREG(status.st_mode) else "is no regular file"
    if not fault and most_bytes is not None and status.st_size > most_bytes:
        fault = f"has {status.st_size:,} bytes: expected at most {most_bytes:,}"
    if fault:
        os.close(opened)
        raise ValueError(f"{path} {fault}")
    return os.fdopen(opened, "rb")


def read_small(path: Path, *, most_bytes: int) -> bytes:
    """Bytes of a regular file.

    Raises:
        ValueError: as `open_regular`, or if it cannot be read.
    """
    with open_regular(path, most_bytes=most_bytes) as file:
        try:
            content = file.read(most_bytes + 1)
        except OSError as error:
            raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    if len(content) > most_bytes:  # it grew meanwhile
        raise ValueError(f"{path} has more than {most_bytes:,} bytes")
    return content


def read_json(path: Path, kind: Any = dict, *, most_bytes: int = MAX_JSON_BYTES) -> Any:
    """Content of a small JSON file in UTF-8: an object, or what `kind` says.

    Raises:
        ValueError: naming the file, as `open_regular`, or as `parse_json`.
    """
    content = read_small(path, most_bytes=most_bytes)
    try:
        return parse_json(content, kind)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON as it is read here: {error}") from error


def parse_json(content: bytes | str, kind: Any = dict) -> Any:
    """Parses JSON in UTF-8.

    Raises:
        ValueError: if it is no JSON, gives a name twice in one object, is nested more than
            `MAX_JSON_DEPTH` deep, holds a number of thousands of digits, or is no `kind`.
    """
    text = content if isinstance(content, str) else content.decode("utf-8-sig")
    try:
        value = json.loads(text, object_pairs_hook=_without_twins)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, kind):
        expected = {dict: "an object", list: "a list"}.get(kind, "an object or a list")
        found = _NAMES.get(type(value), "a number, true, false or null")
        raise ValueError(f"it is {found} where {expected} belongs")
    _check_depth(value)
    return value


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name is given twice in one object")
    return content


def _check_depth(value: Any) -> None:
    """Refuses what functions that call themselves could not walk through, level by level."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_JSON_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValueError(f"it is nested more than {MAX_JSON_DEPTH} deep")
