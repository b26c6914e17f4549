"""Digest of a sweep, `runs/<sweep>/sweep.json`: all its runs, for its page and for people.

It is made of the state files, and of what runs recorded. Its paths are relative to the folder that
holds runs/ and reports/.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from synvae_core.small_files import read_json
from synvae_workbench.batch.plan import Cell, Plan, Run
from synvae_workbench.batch.state import DONE, ORDER, State, read_state, write_state

FORMAT = 1


def sweep_folder(plan: Plan) -> Path:
    """Folder of a sweep's files."""
    return plan.root / "runs" / plan.name


def state_file(plan: Plan, run: Run) -> Path:
    """Path of a run's state."""
    return sweep_folder(plan) / "state" / f"{run.name}.json"


def log_file(plan: Plan, run: Run) -> Path:
    """Path of a run's log, of all attempts."""
    return sweep_folder(plan) / "logs" / f"{run.name}.log"


def read_states(plan: Plan) -> dict[str, State]:
    """Reads the state of each run, by its name.

    Raises:
        ValueError: if a run was begun as another one than is asked for now.
    """
    states = {run.name: read_state(state_file(plan, run)) for run in plan.runs}
    for run in plan.runs:
        if states[run.name]["state"] == DONE:
            states[run.name]["metrics"] = read_metrics(plan, run)
        _refuse_another(run, states[run.name])
    return states


def _refuse_another(run: Run, state: State) -> None:
    if "parameters" not in state:
        return
    before = state["parameters"] | {"notebook": state["notebook"]}
    now = run.parameters | {"notebook": run.notebook.name}
    default = "the default"
    differ = [
        f"{key}: {before.get(key, default)!r} then, {now.get(key, default)!r} now"
        for key in sorted(before.keys() | now.keys())
        if before.get(key, default) != now.get(key, default)
    ]
    if differ:
        raise ValueError(
            f"{run.name} was begun with other parameters ({'; '.join(differ)}): "
            "give the sweep another --name"
        )


def write_digest(plan: Plan, states: Mapping[str, State]) -> Path:
    """Writes `sweep.json`, and returns its path."""
    path = sweep_folder(plan) / "sweep.json"
    document = {
        "format": FORMAT,
        "name": plan.name,
        "about": plan.about,
        "updated": datetime.now(UTC).isoformat(timespec="seconds"),
        "show": plan.show,
        "varied": plan.varied,
        "cells": [_cell(plan, cell, states) for cell in plan.cells],
    }
    write_state(path, document)
    return path


def _cell(plan: Plan, cell: Cell, states: Mapping[str, State]) -> dict[str, Any]:
    found = {states[run.name]["state"] for run in cell.runs}
    return {
        "name": cell.name,
        "parameters": cell.varied,
        "state": next(state for state in ORDER if state in found),
        "runs": [_run(plan, run, states[run.name]) for run in cell.runs],
    }


def _run(plan: Plan, run: Run, state: State) -> dict[str, Any]:
    return {
        "name": run.name,
        "step": run.step,
        "notebook": run.notebook.name,
        "parameters": run.parameters,
        "state": state["state"],
        "run": f"runs/{run.folder}",
        "report": state.get("report"),
        "log": str(log_file(plan, run).relative_to(plan.root).as_posix()),
        "seconds": state.get("seconds"),
        "attempts": state.get("attempts", 0),
        "error": state.get("error"),
        "metrics": state.get("metrics", {}),
    }


def read_metrics(plan: Plan, run: Run) -> dict[str, float]:
    """Reads the metrics of a run, numbers by name; none if it recorded nothing."""
    try:
        metrics = read_json(plan.root / "runs" / run.folder / "metrics.json")
    except ValueError:
        return {}
    return {name: value for name, value in metrics.items() if type(value) in (int, float)}
