"""Names of cells and runs, made of their parameters, that are folder names on any system."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

MAX_LENGTH = 80


def cell_name(varied: Mapping[str, Any]) -> str:
    """`BETA_0.5-SEED_1`; where a value does not fit a name, a few characters tell it apart."""
    shown = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in varied.items()
    }
    safe = {key: re.sub(r"[^a-z0-9_.]+", "-", text.lower()) for key, text in shown.items()}
    safe |= {key: safe[key].strip("-.") for key, value in varied.items() if isinstance(value, str)}
    name = "-".join(f"{key}_{text}" for key, text in safe.items())
    if safe == shown and len(name) <= MAX_LENGTH:
        return name
    digest = hashlib.sha256(json.dumps(varied, sort_keys=True).encode()).hexdigest()[:8]
    return f"{name[: MAX_LENGTH - 9].rstrip('-.')}-{digest}"


def check_distinct(names: Sequence[str]) -> None:
    """Checks that no two names are alike, also to a file system that knows no capitals."""
    seen = set()
    for name in names:
        if name.lower() in seen:
            raise ValueError(f"two cells are alike: {name} is asked for twice")
        seen.add(name.lower())
