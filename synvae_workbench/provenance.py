"""Provenance of a result: commit, versions, device, seed, parameters and data."""

import json
import platform
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from synvae_core.small_files import parse_json, read_json

PROVENANCE_FILE = "provenance.json"
MIME_TYPE = "application/vnd.synvae.provenance+json"
STARTED = time.monotonic()  # a notebook's first cell imports this module
PACKAGES = ("synvae", "torch", "numpy", "note-seq", "pretty_midi", "scikit-learn", "papermill")


class Provenance(dict):
    """Dict for `json.dump`; displayed in a notebook, it also fills the report's header."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        lines = "\n".join(f"{key}: {value}" for key, value in self.items())
        return {MIME_TYPE: dict(self), "text/plain": lines}


def provenance(
    *,
    seed: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    device: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> Provenance:
    """Collects the code, data and machine that made a result; JSON-serialisable.

    `duration_s` counts from the import of this module in this process: for a resumed run, the time
    of the last process.

    Args:
        device: name of the device, as shown.
        data: checksum (or a dict of facts) per data set.
    """
    record = {
        "commit": commit(),
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "duration_s": round(time.monotonic() - STARTED, 1),
        "seed": seed,
        "device": device,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions(),
        "parameters": dict(parameters or {}),
        "data": dict(data or {}),
    }
    # A round trip, so that the values shown are those in the JSON file.
    return Provenance(parse_json(json.dumps(record, default=str)))


def read_provenance(run: Path) -> dict[str, Any]:
    """Contents of a run's `provenance.json`; `parameters`, `data` and `versions` are dicts.

    Raises:
        ValueError: naming the file, if it is missing or is no such record.
    """
    path = run / PROVENANCE_FILE
    record = read_json(path)
    for name in ("parameters", "data", "versions"):
        if not isinstance(record.setdefault(name, {}), dict):
            raise ValueError(f"{path}: expected an object under `{name}`")
    return record


def versions() -> dict[str, str]:
    """Versions of the installed packages that affect a result."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Commit of the running code, by `git describe --always --dirty`, or "unknown"."""
    here = Path(__file__)
    # An installed copy may lie inside another project's repository, whose commit is not ours.
    tracked = _git("ls-files", "--error-unmatch", here.name, folder=here.parent)
    return (tracked and _git("describe", "--always", "--dirty", folder=here.parent)) or "unknown"


def _git(*arguments: str, folder: Path) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            encoding="utf-8",
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
