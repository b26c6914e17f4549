"""An executed notebook as one HTML file that a browser shows without a network.

nbconvert's own templates fetch MathJax, RequireJS and the widgets' code from content delivery
networks (nbconvert #920, #2029). The template beside this module has none of it, and forbids the
browser to fetch anything by a Content-Security-Policy.
"""

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbconvert import HTMLExporter
from traitlets.config import Config

from synvae_core.atomic import write_text
from synvae_workbench.provenance import MIME_TYPE
from synvae_workbench.reports.estimate import headings
from synvae_workbench.reports.figures import SVG, alternative, in_both_schemes, legible_width
from synvae_workbench.reports.formatting import format_duration, format_time
from synvae_workbench.reports.markup import finish_page
from synvae_workbench.reports.opening import TAG as OPENING
from synvae_workbench.reports.parameters import TAG, declared_parameters, read_notebook

# The first that an output offers is shown. Widgets and JavaScript are not among them: a report
# shows the same thing as a table or a figure.
SHOWN = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/plain"]
WIDGET = "application/vnd.jupyter.widget-view+json"
# What papermill adds to the notebook's own cells; the header says the same.
ADDED_TAGS = {"injected-parameters", "papermill-error-cell-tag"}
TITLE = re.compile(r"\A\s*#\s+(.+?)\s*#*\s*(?:\n|\Z)")
# As Python prints them, after the file and the line; or as loggers do, with their level.
WARNING = re.compile(r"^(?:\S.*?:\d+: )?(\w*Warning: .+|WARNING\b.+)$", re.MULTILINE)
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class RunWarning(NamedTuple):
    """A warning of the run, how often it came, and the first cell that gave it."""

    text: str
    count: int
    cell: int


class Row(NamedTuple):
    """A parameter as the report shows it."""

    name: str
    value: str
    changed: bool
    help: str


def export_html(executed: Path, html: Path, *, provenance: Mapping[str, Any] | None = None) -> Path:
    """Writes the report of an executed notebook, and returns its path.

    Args:
        provenance: facts for the header; they win over those that the run recorded.

    Raises:
        ValueError: if `executed` is no notebook.
    """
    notebook = read_notebook(executed)
    header = report_header(notebook, executed.stem, provenance or {})
    notebook = reportable_notebook(notebook)
    header["opens"] = any(cell.metadata.report.get("opens") for cell in notebook.cells)
    exporter = HTMLExporter(
        template_name="template",
        extra_template_basedirs=[str(Path(__file__).parent)],
        embed_images=True,
        exclude_anchor_links=True,
        config=Config({"NbConvertBase": {"display_data_priority": SHOWN}}),
    )
    resources = {"metadata": {"path": str(executed.parent)}, "report": header}
    page, _ = exporter.from_notebook_node(notebook, resources=resources)
    write_text(html, finish_page(page, file=html.name))
    return html


def report_header(
    notebook: nbformat.NotebookNode, stem: str, provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """Content of the report's header: title, parameters, provenance, date and duration."""
    record = notebook.metadata.get("synvae", {})
    papermill = notebook.metadata.get("papermill", {})
    facts = {**record.get("provenance", {}), **provenance}
    versions = {"python": facts.get("python")} | facts.get("versions", {})
    return {
        "title": _title(notebook) or stem,
        "notebook": record.get("notebook", f"{stem}.ipynb"),
        "parameters": parameter_rows(notebook, papermill.get("parameters", {})),
        "date": format_time(papermill.get("start_time")),
        # Papermill's covers the start of the kernel too; without it, what the run recorded.
        "duration": format_duration(papermill.get("duration") or facts.get("duration_s")),
        "device": facts.get("device"),
        "commit": facts.get("commit"),
        "seed": facts.get("seed"),
        "platform": facts.get("platform"),
        "versions": {name: version for name, version in versions.items() if version},
        "data": facts.get("data", {}),
        "stopped": record.get("stopped"),
        "warnings": collect_warnings(notebook),
    }


def collect_warnings(notebook: nbformat.NotebookNode) -> list[RunWarning]:
    """Collects the warnings that the cells gave, each once, in the order in which they came."""
    found: dict[str, RunWarning] = {}
    for number, cell in enumerate(_own_cells(notebook), 1):
        for output in cell.get("outputs", []):
            text = ANSI.sub("", output.text) if output.get("name") == "stderr" else ""
            for warning in WARNING.findall(text):
                before = found.get(warning, RunWarning(warning, 0, number))
                found[warning] = before._replace(count=before.count + 1)
    return list(found.values())


def parameter_rows(notebook: nbformat.NotebookNode, given: Mapping[str, Any]) -> list[Row]:
    """Every declared parameter with the value of this run."""
    if not any(TAG in cell.metadata.get("tags", []) for cell in notebook.cells):
        return []
    return [
        Row(name, repr(given.get(name, declared.default)), name in given, declared.help)
        for name, declared in declared_parameters(notebook, "the notebook").items()
    ]


def reportable_notebook(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Copies a notebook without what the report does not show, with a text for every figure.

    What the notebook found stands before how it was found: cells of `opening` come first.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    stopped = notebook.metadata.get("synvae", {}).get("stopped", {}).get("cell")
    cells, heading = [], ""
    for number, cell in enumerate(_own_cells(notebook), 1):  # as in the notebook's own file
        cell.metadata.report = {
            "number": number,
            "stopped": number == stopped,
            "pending": stopped is not None and number > stopped,
        }
        if cell.cell_type == "markdown":
            heading = ([heading, *headings(cell.source)])[-1]
            if not cells:
                cell.source = TITLE.sub("", cell.source)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _is_shown(output)]
            for output in cell.outputs:
                if "data" in output:
                    _show_figure(output, heading)
        cells.append(cell)
    notebook.cells = sorted(cells, key=_opens, reverse=True)
    for cell in notebook.cells[:1]:
        cell.metadata.report.opens = _opens(cell)
    return notebook


def _show_figure(output: nbformat.NotebookNode, heading: str) -> None:
    output.metadata.alt = alternative(output, heading)
    if svg := output.data.get(SVG):
        output.metadata[SVG] = {"width": legible_width(svg)}
        output.data[SVG] = in_both_schemes(svg)


def _opens(cell: nbformat.NotebookNode) -> bool:
    """Where a run stopped before, the cell has nothing to open with and stays where it is."""
    return OPENING in cell.metadata.get("tags", []) and bool(cell.get("outputs"))


def _own_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if not ADDED_TAGS & set(cell.metadata.get("tags", []))]


def _is_shown(output: nbformat.NotebookNode) -> bool:
    data = output.get("data", {})
    if WIDGET in data or MIME_TYPE in data:
        return False
    return output.output_type in ("stream", "error") or any(kind in data for kind in SHOWN)


def _title(notebook: nbformat.NotebookNode) -> str | None:
    cells = _own_cells(notebook)
    match = TITLE.match(cells[0].source) if cells else None
    return headings(match.group(0))[0] if match else None
