"""Where a result comes from: commit, versions, device, seed, parameters and data."""

import json
import platform
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

MIME_TYPE = "application/vnd.synvae.provenance+json"
STARTED = time.monotonic()  # a notebook's first cell imports this module
PACKAGES = ("synvae", "torch", "numpy", "note-seq", "pretty_midi", "scikit-learn", "papermill")


class Provenance(dict):
    """A plain dict for `json.dump`; shown in a notebook, it also fills the report's header."""

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
    """Everything needed to tell which code, data and machine made a result; JSON-serialisable.

    `duration_s` counts from the import of this module in this process: of a run that was resumed
    it is how long the last process took.

    Args:
        device: what the computation ran on, in the words to be shown.
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
    # A round trip, so that what is shown is what a reader of the JSON file will see.
    return Provenance(json.loads(json.dumps(record, default=str)))


def versions() -> dict[str, str]:
    """Installed versions of the packages that decide a result; absent ones are left out."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """`git describe --always --dirty` of the running code, or "unknown" outside its repository."""
    here = Path(__file__)
    # An installed copy may lie inside some other project's repository: that is not our commit.
    tracked = _git("ls-files", "--error-unmatch", here.name, folder=here.parent)
    return (tracked and _git("describe", "--always", "--dirty", folder=here.parent)) or "unknown"


def _git(*arguments: str, folder: Path) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
