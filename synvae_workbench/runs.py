"""The run folder `runs/<name>/`: provenance, metrics, history, figures and models of a run.

`provenance.json` (parameters, seed, versions, commit, data checksums, device), `metrics.json`
(flat, `where/metric`), `metrics.jsonl` (one record per epoch), `events/` for TensorBoard,
`figures/`, the models `best/` and `latest/`, and `training.pt`, from which a run is resumed.
"""

import json
import math
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, SupportsFloat

from synvae_core.atomic import (
    make_folder,
    remove_leftovers,
    replace_when_written,
    write_json,
    write_text,
)
from synvae_core.small_files import read_json
from synvae_workbench.declarations import current_parameters
from synvae_workbench.identity import refuse_another_run
from synvae_workbench.locks import hold, holding, is_lock, let_go
from synvae_workbench.places import check_name
from synvae_workbench.provenance import Provenance, provenance

METRICS_FILE = "metrics.json"
MAX_VALUE = sys.float_info.max


def run_folder(
    name: str, *, root: str | Path = "runs", fresh: bool = False, shared: bool = False
) -> Path:
    """Folder of a run, created if missing, and this process's alone until `record` or its end.

    This is what every notebook does first; nothing is written before all is checked.

    Args:
        fresh: removes an earlier run of that name, so that none is resumed.
        shared: several processes may have it at once, as a live page that is opened twice.

    Raises:
        ValueError: as `check_name`; if a parameter of the calling notebook lies outside of its
            range; if another process has the folder, or a run was trained there with other
            parameters.
    """
    current_parameters(check=True)
    check_name(name, "run")
    folder = Path(root) / name
    make_folder(folder)
    taken = not shared and hold(folder)
    try:
        if fresh:
            _empty(folder)
        refuse_another_run(folder)
    except BaseException:
        if taken:
            let_go(folder)
        raise
    if not shared:
        remove_leftovers(folder)
    return folder


def _empty(folder: Path) -> None:
    """Removes all but the lock; others of the processes that train together may do so, too."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif not is_lock(path.resolve()):
            path.unlink(missing_ok=True)


def record(
    run: Path,
    measured: Mapping[str, SupportsFloat],
    *,
    device: str,
    data: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
) -> Provenance:
    """Writes the metrics of a run to `metrics.json`, and their origin to `provenance.json`.

    Both replace those of an earlier run, and the folder is let go. The parameters, `SEED` among
    them, are those of the calling notebook, with their current values.

    Args:
        measured: scalars by `where/metric`.
        device: name of the device, as shown.
        data: checksum (or a dict of facts) per data set.
        parameters: values used in place of the notebook's, such as the epochs of a smoke run; in a
            script, which has no cell of parameters, all.

    Returns:
        Contents of `provenance.json`; as the last value of a cell they fill the report's header.

    Raises:
        ValueError: if a name is not `where/metric` or a value is not a finite number.
    """
    for name, value in measured.items():
        if not re.fullmatch(r"[a-z0-9_]+/[a-z0-9_]+", name):
            raise ValueError(f"metric {name!r}: expected `where/metric` in lower case")
        if not math.isfinite(value):
            raise ValueError(f"metric {name!r} is {value}: expected a finite number")
    used = current_parameters() | dict(parameters or {})
    origin = provenance(seed=used.get("SEED"), parameters=used, device=device, data=data)
    with holding(run):
        write_json(run / METRICS_FILE, {name: float(value) for name, value in measured.items()})
        write_json(run / "provenance.json", origin)
    let_go(run)
    return origin


def read_metrics(run: Path) -> dict[str, float]:
    """Reads the scalars that `record` wrote into a run folder.

    Raises:
        ValueError: naming the file, if it is missing or holds anything but finite numbers by name.
    """
    path = run / METRICS_FILE
    metrics = read_json(path)
    for name, value in metrics.items():
        if type(value) not in (int, float) or not -MAX_VALUE <= value <= MAX_VALUE:
            raise ValueError(f"{path}: expected a finite number under {name[:80]!r}")
    return {name: float(value) for name, value in metrics.items()}


def save_figure(folder: Path, name: str, figure: Any) -> None:
    """Writes a matplotlib figure to `figures/<name>.png` of the run, atomically."""
    path = folder / "figures" / f"{name}.png"
    make_folder(path.parent)
    with replace_when_written(path) as part:
        figure.savefig(part, format="png", dpi=110)


def write_history(folder: Path, history: list[dict[str, Any]]) -> None:
    """Writes one JSON record per epoch to `metrics.jsonl`, atomically."""
    write_text(folder / "metrics.jsonl", "".join(json.dumps(record) + "\n" for record in history))
