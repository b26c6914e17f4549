"""Published figures beside those of this project: `reports/published.json`, made into one table.

Each published figure names where this project's figure stands in `reports/results.json`, or the
melody configuration whose parameters are to be counted, or says why there is none. What it says is
checked: a figure that has gone, or one that has come since, is an error.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from synvae_core.atomic import write_text
from synvae_core.fields import build_from_fields
from synvae_core.models.melody.configurations import configuration
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.speech.config import speech_image_config
from synvae_core.models.speech.discriminator import Discriminator
from synvae_core.models.speech.to_image import SpeechToImage
from synvae_core.models.storage import with_tuples
from synvae_core.small_files import read_json
from synvae_workbench.reports.results import (
    format_value,
    read_results,
    read_tables,
    results_page,
    with_tables,
)

START = "<!-- published: generated from reports/published.json by `make results` -->"
END = "<!-- end of published -->"
COLUMNS = ("source", "figure", "published", "here", "run", "remark")
STATUSES = ("not measured yet", "not comparable")


class Source(NamedTuple):
    """Who published figures, and where."""

    name: str
    citation: str


class Figure(NamedTuple):
    """A published figure and where its counterpart is.

    One of three: `results`, pairs of run and metric; `configuration`, of which the parameters are
    counted; `status`, one of `STATUSES`. `awaits` are parts of names of runs or metrics that are
    to take the place of what is said here, and that no result has yet. `value` is None where the
    source gives no number, or where it is not at hand; `reason` says which, and what differs.
    """

    source: str
    where: str
    what: str
    value: float | None
    unit: str
    reason: str
    results: tuple[tuple[str, str], ...] = ()
    configuration: str = ""
    status: str = ""
    awaits: tuple[str, ...] = ()


class Published(NamedTuple):
    """All figures, and the name and citation of each source."""

    names: dict[str, str]
    citations: dict[str, str]
    figures: tuple[Figure, ...]


class Row(NamedTuple):
    """A line of the table; `here` has the value of each run, in their order."""

    figure: Figure
    here: tuple[float, ...]
    runs: tuple[str, ...]


def read_published(path: Path) -> Published:
    """Reads the published figures of a file.

    Raises:
        ValueError: naming the figure that lacks a field, has one too many, names no known source,
            says not just one of `results`, `configuration` and `status`, or gives no reason where
            a number is missing.
    """
    content = read_json(path)
    try:
        sources = {
            key: build_from_fields(Source, source)
            for key, source in dict(content["sources"]).items()
        }
        entries = list(content["figures"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected `sources` and `figures` ({error})") from error
    figures = []
    for place, entry in enumerate(entries):
        try:
            figure = build_from_fields(Figure, with_tuples(entry))
        except ValueError as error:
            raise ValueError(f"{path}, figure {place}: {error}") from error
        _check(figure, f"{path}, {figure.what[:60]!r}", sources)
        figures.append(figure)
    names = {key: source.name for key, source in sources.items()}
    citations = {key: source.citation for key, source in sources.items()}
    return Published(names, citations, tuple(figures))


def compare(figures: Sequence[Figure], results: Mapping[str, Any]) -> list[Row]:
    """Joins each published figure with what was measured here.

    Args:
        results: as `results.read_results` gives them.

    Raises:
        ValueError: if a result that is named is not there, or one that is awaited has come.
    """
    known = [f"{run}:{metric}" for run, found in results.items() for metric in found["metrics"]]
    rows = []
    for figure in figures:
        for run, metric in figure.results:
            if f"{run}:{metric}" not in known:
                raise ValueError(f"{figure.what!r}: the results have no {metric} of run {run}")
        come = [name for name in known if any(part in name for part in figure.awaits)]
        if come:
            raise ValueError(
                f"{figure.what!r}: the results now have {come[0]}, which was awaited: name it in "
                "published.json, or say there what else is awaited"
            )
        here = [results[run]["metrics"][metric] for run, metric in figure.results]
        runs = [run for run, _ in figure.results]
        if figure.configuration:
            here, runs = [float(parameter_count(figure.configuration))], ["counted as built"]
        rows.append(Row(figure, tuple(here), tuple(runs)))
    return rows


@cache
def parameter_count(name: str) -> int:
    """Parameters of a configuration, counted on the model that it builds, without memory.

    Args:
        name: of a melody model, or "speech/" and that of a model from speech to image, whose
            discriminator counts.

    Raises:
        ValueError: if there is no such configuration.
    """
    family, _, member = name.rpartition("/")
    with torch.device("meta"):
        if family == "speech":
            sizes = speech_image_config(member)
            models: list[nn.Module] = [SpeechToImage(sizes)]
            models += [Discriminator(sizes)] if sizes.discriminator else []
        else:
            models = [MelodyVae(configuration(name).model)]
    return sum(parameter.numel() for model in models for parameter in model.parameters())


def published_cells(rows: Sequence[Row], names: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The rows as text, a cell for each of `COLUMNS`.

    Args:
        names: of the sources, by the key that figures have.
    """
    return [
        (
            names[figure.source],
            figure.what,
            "–" if figure.value is None else format_published(figure.value, figure.unit),
            ", ".join(format_published(value, figure.unit) for value in here) or figure.status,
            ", ".join(runs),
            figure.reason,
        )
        for figure, here, runs in rows
    ]


def published_table(rows: Sequence[Row], names: Mapping[str, str]) -> str:
    """The rows as one Markdown table without the runs; arguments as of `published_cells`."""
    lines = [f"| {' | '.join(name for name in COLUMNS if name != 'run')} |"]
    lines.append("|---|---|---:|---:|---|")
    for source, what, value, here, _, remark in published_cells(rows, names):
        escaped = (cell.replace("|", "\\|") for cell in (source, what, value, here, remark))
        lines.append(f"| {' | '.join(escaped)} |")
    return "\n".join(lines)


def with_published(readme: str, published: Published, results: Mapping[str, Any]) -> str:
    """The README's text with a table, written anew, of all published numbers measured here.

    Raises:
        ValueError: unless both marks stand in the text, in order, or as `compare` does.
    """
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"README.md: expected the lines {START!r} and {END!r} around the table")
    found = compare(published.figures, results)
    rows = [row for row in found if row.here and row.figure.value is not None]
    return f"{before}{START}\n{published_table(rows, published.names)}\n{END}{after}"


def write_pages(root: Path) -> tuple[Path, Path]:
    """Writes the README's tables and docs/results.md anew from reports/; returns their paths."""
    reports, readme, page = root / "reports", root / "README.md", root / "docs" / "results.md"
    found, tables = read_results(reports / "results.json"), read_tables(reports / "tables.json")
    text = with_tables(readme.read_text(encoding="utf-8"), found, tables)
    write_text(readme, with_published(text, read_published(reports / "published.json"), found))
    write_text(page, results_page(found, tables))
    return readme, page


def format_published(value: float, unit: str) -> str:
    """A figure as the table has it: shares with three decimals, parameters in full."""
    if unit == "share":
        return f"{value:.3f}"
    return format_value(value) + (f" {unit}" if unit not in ("", "parameters") else "")


def _check(figure: Figure, label: str, sources: Mapping[str, Any]) -> None:
    if figure.source not in sources:
        raise ValueError(f"{label}: source {figure.source!r} is not one of {', '.join(sources)}")
    if sum(map(bool, (figure.results, figure.configuration, figure.status))) != 1:
        raise ValueError(f"{label}: expected one of results, configuration and status")
    if figure.status and figure.status not in STATUSES:
        raise ValueError(f"{label}: status is {' or '.join(STATUSES)}, not {figure.status!r}")
    if not figure.reason and (figure.value is None or figure.status):
        raise ValueError(f"{label}: say in `reason` why there is no figure")
    if figure.status == STATUSES[0] and not figure.awaits:
        raise ValueError(f"{label}: what is not measured yet awaits a result: say which")
