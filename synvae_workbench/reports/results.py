"""Figures that the project quotes, kept in `reports/results.json` and shown as tables.

A result is what one run measured, with the command that made it, its parameters, commit, device
and date. `reports/tables.json` says which figures stand in which table, and what they mean to a
reader. The README has the tables of the front page, between two marks; `docs/results.md` has all.
Both are generated from these two files alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from synvae_core.atomic import write_json
from synvae_core.fields import build_from_fields
from synvae_core.small_files import read_json
from synvae_workbench.locks import holding
from synvae_workbench.provenance import read_provenance
from synvae_workbench.runs import read_metrics

START = "<!-- results: generated from reports/results.json by `make results` -->"
END = "<!-- end of results -->"
PAGE_HEAD = """# Results

Generated from `reports/results.json` by `make results`; each table ends with the commands that
repeat its runs. Pictures are rebuilt from MIDI files and latents are posterior means unless a line
says otherwise. [The glossary](glossary.md) has the terms; notebook 30 has the published figures
beside these.
"""


class Table(NamedTuple):
    """Figures that are shown together.

    Without `columns` the keys of `lines` are metrics, and a column is a run that measured the first
    of them. With `columns` it is a table of one run that compares several things: the metric
    `kept/notes_squared_error` stands in the line `kept`, column `notes_squared_error`. `front`
    tables stand in the README. Runs whose names begin with one of `without` are left out. `about`
    is said below the table.
    """

    title: str
    lines: dict[str, str]
    columns: dict[str, str] | None = None
    front: bool = False
    without: Sequence[str] = ()
    about: str = ""

    def has(self, run: str) -> bool:
        """A run of that name may stand in the table."""
        return not run.startswith(tuple(self.without))


class Result(NamedTuple):
    """What one run measured, and how it came about."""

    command: str
    metrics: dict[str, float]
    provenance: dict[str, Any]


def read_tables(path: Path) -> list[Table]:
    """Reads the tables of a file, in its order.

    Raises:
        ValueError: if a table lacks a field or lines, or two of its lines are called the same.
    """
    try:
        tables = [build_from_fields(Table, entry) for entry in read_json(path, list)]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    for table in tables:
        if not table.lines or table.columns == {}:
            raise ValueError(f"{path}: the table {table.title!r} has no line or no column")
        labels = list(table.lines.values())
        if twice := {label for label in labels if labels.count(label) > 1}:
            raise ValueError(f"{path}: the table {table.title!r} has two lines {twice.pop()!r}")
    return tables


def record_result(path: Path, run: Path, *, command: str) -> None:
    """Copies a run's metrics and provenance into the results file, under the run's name.

    Raises:
        ValueError: if the run has no `metrics.json` or `provenance.json`.
    """
    with holding(path):  # else of two at once one would be lost
        results = read_results(path)
        results[run.name] = {
            "command": command,
            "metrics": read_metrics(run),
            "provenance": read_provenance(run),
        }
        write_json(path, results)


def read_results(path: Path) -> dict[str, Any]:
    """Reads all results, by run name; empty where there is no file yet.

    Raises:
        ValueError: naming the run that has no command, metrics and provenance.
    """
    results = read_json(path) if path.exists() else {}
    for name, result in results.items():
        try:
            build_from_fields(Result, result)
        except ValueError as error:
            raise ValueError(f"{path}, {name[:80]}: {error}") from error
    return results


def results_page(results: Mapping[str, Any], tables: Sequence[Table]) -> str:
    """All tables but those of the front page, as a Markdown page."""
    shown = markdown_tables(results, [table for table in tables if not table.front])
    return f"{PAGE_HEAD}\n{shown}\n"


def with_tables(readme: str, results: Mapping[str, Any], tables: Sequence[Table]) -> str:
    """The README's text with the tables of the front page written anew.

    Raises:
        ValueError: unless both marks stand in the text, in order.
    """
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"README.md: expected the lines {START!r} and {END!r} around the table")
    shown = markdown_tables(results, [table for table in tables if table.front])
    return f"{before}{START}\n{shown}\n{END}{after}"


def markdown_tables(results: Mapping[str, Any], tables: Sequence[Table]) -> str:
    """The tables that have figures, as Markdown; on the page with the commands of their runs."""
    shown = []
    for table in tables:
        first = next(iter(table.lines))
        if table.columns is not None:
            first = f"{first}/{next(iter(table.columns))}"
        runs = {
            name: run
            for name, run in results.items()
            if first in run["metrics"] and table.has(name)
        }
        if table.columns is not None:
            shown += [_grid(name, run, table) for name, run in runs.items()]
        elif runs:
            shown.append(_by_run(runs, table))
    return "\n\n".join(shown)


def _by_run(runs: Mapping[str, Any], table: Table) -> str:
    """A line for each figure, a column for each run."""
    cells = {
        label: [run["metrics"].get(metric) for run in runs.values()]
        for metric, label in table.lines.items()
    }
    return _markdown(table, list(runs), cells, {} if table.front else runs)


def _grid(name: str, run: Any, table: Table) -> str:
    """A line for each thing that the run compares, a column for each measure."""
    columns = table.columns or {}
    cells = {
        label: [run["metrics"].get(f"{line}/{column}") for column in columns]
        for line, label in table.lines.items()
    }
    return _markdown(table, list(columns.values()), cells, {name: run})


def _markdown(
    table: Table,
    heads: Sequence[str],
    cells: Mapping[str, Sequence[float | None]],
    runs: Mapping[str, Any],
) -> str:
    rows = [f"| {table.title} | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for label, values in cells.items():
        shown = ["" if value is None else format_value(value) for value in values]
        if any(shown):
            rows.append(f"| {label} | {' | '.join(shown)} |")
    made_by = [f"- {name}: `{run['command']}`" for name, run in runs.items()]
    below = ["", *made_by] if made_by else []
    return "\n".join([*rows, *(["", table.about] if table.about else []), *below])


def format_value(value: float) -> str:
    """Formats whole numbers as they are, large ones with one decimal, shares with three."""
    if value == int(value) and abs(value) > 1:
        return f"{int(value):,}"
    return f"{value:.1f}" if abs(value) >= 2 else f"{value:.3f}"
