"""Two runs side by side: what differs between them, what they measured, figures and sounds."""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from synvae_core.types import LOWER
from synvae_workbench.provenance import read_provenance
from synvae_workbench.reports.directions import better
from synvae_workbench.reports.estimate import headings
from synvae_workbench.reports.figures import SVG
from synvae_workbench.reports.html import reportable_notebook
from synvae_workbench.reports.pages import data_uri, write_page
from synvae_workbench.reports.parameters import read_notebook
from synvae_workbench.runs import read_metrics

FACTS = ("commit", "device", "seed", "duration_s", "timestamp")


class Side(NamedTuple):
    """One of the two runs, and what its report shows, by section."""

    name: str
    parameters: dict[str, Any]
    facts: dict[str, Any]
    metrics: dict[str, float]
    shown: dict[tuple[str, int], str]


def write_comparison(left: Path, right: Path, out: Path) -> Path:
    """Writes a page about two run folders, and returns its path.

    Figures and sounds are those of the reports in `reports/` beside the runs' `runs/`. Of runs
    whose reports are gone, what was measured is compared alone.

    Raises:
        ValueError: if a folder is no finished run.
    """
    sides = [_side(left), _side(right)]
    first, second = sides
    names = [name for name in first.metrics if name in second.metrics]
    rows = [_row(name, first.metrics[name], second.metrics[name]) for name in names]
    only = [sorted(one.metrics.keys() - other.metrics) for one, other in (sides, sides[::-1])]
    sections = [key for key in first.shown if key in second.shown]
    return write_page(
        out,
        "compare.html.j2",
        sides=sides,
        parameters=_different(first.parameters, second.parameters),
        same=sum(second.parameters.get(key) == value for key, value in first.parameters.items()),
        facts=_different(first.facts, second.facts),
        rows=rows,
        only=only,
        sections=[(key[0], first.shown[key], second.shown[key]) for key in sections],
    )


def _side(folder: Path) -> Side:
    try:
        metrics, origin = read_metrics(folder), read_provenance(folder)
    except ValueError as error:
        raise ValueError(
            f"{folder} is no finished run ({error}): expected a folder such as runs/quickstart, "
            "with metrics.json and provenance.json"
        ) from error
    facts = {name: origin[name] for name in FACTS if origin.get(name) is not None}
    facts |= {f"data: {name}": value for name, value in origin["data"].items()}
    facts |= {f"version: {name}": value for name, value in origin["versions"].items()}
    report, name = _report_of(folder.resolve()), folder.resolve().name
    return Side(name, origin["parameters"], facts, metrics, _shown(report) if report else {})


def _report_of(folder: Path) -> nbformat.NotebookNode | None:
    """The latest executed notebook in reports/ that wrote into this run folder."""
    reports = folder.parent.parent / "reports"
    found = [path for path in reports.rglob("*.ipynb") if path.is_file()]
    for path in sorted(found, key=lambda p: p.stat().st_mtime, reverse=True):
        try:
            notebook = read_notebook(path)
            parameters = dict(notebook.metadata["synvae"]["provenance"]["parameters"])
        except (ValueError, LookupError, TypeError):
            continue
        name = f"{parameters.get('RUN_NAME')}{'_smoke' * bool(parameters.get('SMOKE'))}"
        if name == folder.name:
            return notebook
    return None


def _shown(notebook: nbformat.NotebookNode) -> dict[tuple[str, int], str]:
    """Figures and sounds as HTML, by the heading that they stand under and their place there."""
    found: dict[tuple[str, int], str] = {}
    heading = ""
    for cell in reportable_notebook(notebook).cells:
        if cell.cell_type == "markdown":
            heading = [heading, *headings(cell.source)][-1]
        for output in cell.get("outputs", []):
            shown = _as_html(output.get("data", {}), output.get("metadata", {}).get("alt", ""))
            if shown:
                place = sum(1 for key in found if key[0] == heading)
                found[heading, place] = shown
    return found


def _as_html(data: Mapping[str, Any], alt: str) -> str:
    """A figure as an image, HTML that plays or shows as it is; nothing of anything else."""
    markup = data.get("text/html", "")
    if "<audio" in markup or "<img" in markup:
        return markup
    for kind in (SVG, "image/png", "image/jpeg"):
        if kind in data:
            source = html.escape(data_uri(kind, data[kind]))
            drawn = " drawn" * (kind == SVG)
            image = f'<img alt="{html.escape(alt)}" src="{source}">'
            return f'<figure class="picture{drawn}">{image}</figure>'
    return ""


def _row(name: str, first: float, second: float) -> dict[str, Any]:
    """A line of the table; `wins` is 0 or 1 where one side is better."""
    way, wins = better(name), None
    if way and first != second:
        wins = int(second < first) if way == LOWER else int(second > first)
    values = (first, second)
    return {"name": name, "values": values, "change": second - first, "wins": wins, "way": way}


def _different(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    names = dict.fromkeys([*first, *second])
    return [(n, first.get(n), second.get(n)) for n in names if first.get(n) != second.get(n)]
