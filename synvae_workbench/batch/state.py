"""State files of runs, `runs/<sweep>/state/<run>.json`, written by whoever runs them.

These files are the truth, and outlive a killed client, a lost worker and a power cut.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synvae_core.atomic import replace_when_written
from synvae_core.small_files import read_json

WAITING, RUNNING, DONE = "waiting", "running", "done"
FAILED, STOPPED, SKIPPED = "failed", "stopped", "skipped"
# A cell of several runs is in the first of these states that one of them is in.
ORDER = (FAILED, RUNNING, STOPPED, SKIPPED, WAITING, DONE)

State = dict[str, Any]


def read_state(path: Path) -> State:
    """Reads the state of a run; WAITING where there is no file, or none that can be read."""
    try:
        state = read_json(path)
    except ValueError:
        return waiting_state()
    return state if state.get("state") in ORDER else waiting_state()


def waiting_state() -> State:
    """The state of a run that was never begun."""
    return {"state": WAITING}


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Replaces the file at once, and is on the disk when this returns."""
    with replace_when_written(path) as part, part.open("w", encoding="utf-8") as file:
        json.dump(state, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
