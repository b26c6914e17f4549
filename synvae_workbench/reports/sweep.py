"""The index of a sweep: a table to sort, a figure for each parameter, and a way to every report.

That of a single chain has its steps and measures as lines.
"""

import json
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from synvae_core.fields import fault_of
from synvae_core.models.storage import with_tuples
from synvae_core.small_files import parse_json, read_json
from synvae_workbench.plots.sweep import over_parameter, over_two_parameters
from synvae_workbench.reports.directions import best, better
from synvae_workbench.reports.formatting import format_time
from synvae_workbench.reports.pages import figure_uri, write_page

MAIN = 8  # measures in the first table and in the figures, unless the sweep names others
MAX_BYTES = 50_000_000  # of a digest, of which a thousand runs have some five
INDEX = "index.html"
# What a digest holds, as far as it is shown.
WHOLE = {"name": str, "varied": tuple[str, ...], "show": tuple[str, ...] | None}
WHOLE |= {"about": str | None, "updated": str | None}
CELL = {"name": str, "state": str, "parameters": dict[str, bool | float | str | tuple | None]}
RUN = {
    "name": str,
    "step": str,
    "notebook": str | None,
    "state": str,
    "metrics": dict[str, float] | None,
}
RUN |= {"report": str | None, "seconds": float | None, "error": str | None}
SEED = "SEED"  # the parameter of all notebooks that changes nothing but chance


def write_sweep_page(digest: Path) -> Path:
    """Writes `reports/<sweep>/index.html`, and returns its path.

    Args:
        digest: `runs/<sweep>/sweep.json`, as a sweep writes it.

    Raises:
        ValueError: if it is none.
    """
    try:
        sweep = read_json(digest, most_bytes=MAX_BYTES)
        _check_types(sweep, WHOLE)
        root, name, varied = digest.resolve().parents[2], sweep["name"], list(sweep["varied"])
        cells = [_cell(cell, varied) for cell in sweep["cells"]]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"{digest} is no sweep.json of a sweep ({error!r})") from error
    metrics = _names(cells)
    chain = len(cells) == 1 and len(cells[0]["runs"]) > 1  # nothing to compare: steps as lines
    shown = sweep.get("show") or ([] if chain else _main(metrics, cells))
    main = [metric for metric in shown if metric in metrics]
    unmeasured = [metric for metric in shown if metric not in metrics] if metrics else []
    folder = root / "reports" / Path(name).name
    for cell in cells:
        for run in cell["runs"]:
            run["link"] = _link(run.get("report"), Path(name).name)
    marks = {metric: best(metric, _values(metric, cells)) for metric in metrics}
    return write_page(
        folder / INDEX,
        "chain.html.j2" if chain else "sweep.html.j2",
        name=name,
        about=sweep.get("about") or "",
        updated=format_time(sweep.get("updated")),
        varied=varied,
        cells=cells,
        states=_counted(cells[0]["runs"] if chain else cells),
        tables=[("Results", main)] + ([("All measures", metrics)] if metrics != main else []),
        marks=marks,
        ways={metric: better(metric) for metric in metrics},
        seeds=_over_seeds(varied, main, cells),
        figures=_figures(varied, main, cells),
        unmeasured=unmeasured,
        seconds=sum(cell["seconds"] or 0 for cell in cells),
    )


def _check_types(found: Mapping[str, Any], hints: Mapping[str, Any]) -> None:
    for name, hint in hints.items():
        if fault := fault_of(with_tuples(found.get(name)), hint):
            raise ValueError(f"{name}: {fault}")


def _cell(cell: Mapping[str, Any], varied: Sequence[str]) -> dict[str, Any]:
    """A cell with the measures of all its runs, which bear the step's name if there are several."""
    runs = [dict(run) for run in cell["runs"]]
    for each, hints in ((cell, CELL), *((run, RUN) for run in runs)):
        _check_types(each, hints)
    several = len(runs) > 1
    metrics = {
        f"{run['step']}: {name}" if several else name: value
        for run in runs
        for name, value in (run.get("metrics") or {}).items()
    }
    seconds = [run["seconds"] for run in runs if run.get("seconds")]
    return {
        "name": cell["name"],
        "parameters": dict.fromkeys(varied) | cell["parameters"],
        "state": cell["state"],
        "runs": runs,
        "metrics": metrics,
        "seconds": sum(seconds) if seconds else None,
    }


def _names(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for cell in cells for name in cell["metrics"]))


def _values(metric: str, cells: Sequence[Mapping[str, Any]]) -> list[float]:
    return [cell["metrics"][metric] for cell in cells if metric in cell["metrics"]]


def _main(metrics: Sequence[str], cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first measures that differ between cells; those first that have a better side."""
    varying = [metric for metric in metrics if len(set(_values(metric, cells))) > 1]
    varying.sort(key=lambda metric: better(metric) is None)  # stable: in their order otherwise
    return (varying or list(metrics))[:MAIN]


def _link(report: str | None, sweep: str) -> str | None:
    """The way from the index to a report, if it is one within reports/."""
    path = posixpath.normpath(report or "")
    if not path.startswith("reports/") or not path.endswith(".html"):
        return None
    return posixpath.relpath(path, f"reports/{sweep}")


def _counted(cells: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many cells, or runs of a chain, are in which state."""
    states = [str(cell["state"]) for cell in cells]
    return {state: states.count(state) for state in dict.fromkeys(states)}


def _over_seeds(
    varied: Sequence[str], main: Sequence[str], cells: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """A line for each setting: its measures' mean, lowest and highest over seeds; the best means.

    None where no setting has several finished runs that differ in their seed alone.
    """
    settings = [name for name in varied if name != SEED]
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for cell in cells:
        if cell["metrics"]:
            values = [cell["parameters"].get(name) for name in settings]
            groups.setdefault(json.dumps(values), []).append(cell)
    if SEED not in varied or not settings or max(map(len, groups.values()), default=0) < 2:
        return None
    rows = []
    for values, group in groups.items():
        found = {metric: _values(metric, group) for metric in main}
        measures = {m: (fmean(each), min(each), max(each)) for m, each in found.items() if each}
        rows.append({"values": parse_json(values, list), "runs": len(group), "measures": measures})
    means = {m: [row["measures"][m][0] for row in rows if m in row["measures"]] for m in main}
    marks = {metric: best(metric, each) for metric, each in means.items()}
    return {"settings": settings, "metrics": main, "rows": rows, "marks": marks}


def _figures(
    varied: Sequence[str], main: Sequence[str], cells: Sequence[Mapping[str, Any]]
) -> list[tuple[list[str], str, str]]:
    """Measures that all finished cells have: over each parameter, and over both if two vary."""
    done = [cell for cell in cells if cell["metrics"]]
    shown = [metric for metric in main if all(metric in cell["metrics"] for cell in done)]
    measures = {metric: _values(metric, done) for metric in shown}
    values = {name: [cell["parameters"].get(name) for cell in done] for name in varied}
    values = {name: each for name, each in values.items() if len({*map(str, each)}) > 1}
    figures = [
        ([name], over_parameter(name, each, measures)) for name, each in values.items() if shown
    ]
    settings = {name: each for name, each in values.items() if name != SEED}
    if shown and len(settings) == 2:
        figures.append(([*settings], over_two_parameters(settings, measures)))
    return [(names, figure_uri(figure), figure.alternative) for names, figure in figures]
