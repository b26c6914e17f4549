"""JSON of runs, sweeps, tables and published figures that is not as it should be: a sentence."""

import copy
import json
import random

import pytest

from synvae_workbench.__main__ import main
from synvae_workbench.reports.compare import write_comparison
from synvae_workbench.reports.published import compare, published_cells, read_published
from synvae_workbench.reports.results import (
    markdown_tables,
    read_results,
    read_tables,
    record_result,
)
from synvae_workbench.reports.sweep import write_sweep_page

ODD = [None, True, -1, 1.5, 10**400, float("nan"), float("inf"), "x", "\ud800", "<b>", [], {}]
ODD += [[[1]], {"a": {"b": []}}, ["x"], [None], {"x": 1}]
METRICS = {"notes/squared_error": 1.0, "ear/other": 2}
ORIGIN = {
    "parameters": {"SEED": 0, "DATASET": "mnist_5k", "SIZES": [1, 2]},
    "data": {"digits": "abc"},
    "versions": {"torch": "2"},
    **{"commit": "c", "device": "CPU", "seed": 0, "duration_s": 1.5, "timestamp": "2026"},
}
RUN = {
    **{"name": "a-1", "step": "one", "notebook": "12.ipynb", "state": "done", "log": "x"},
    **{"report": "reports/s/a.html", "seconds": 3.0, "error": None, "metrics": METRICS},
}
CELL = {"name": "a", "parameters": {"BETA": 1.0}, "state": "done", "runs": [RUN]}
SWEEP = {"name": "s", "about": "", "updated": "2026-11-01T10:00:00+00:00", "show": []}
SWEEP |= {"varied": ["BETA"], "cells": [CELL, CELL | {"parameters": {"BETA": 2.0}}]}
NOTEBOOK = {
    "cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Title"}],
    "metadata": {"synvae": {"provenance": {"parameters": {"RUN_NAME": "one", "SMOKE": False}}}},
    **{"nbformat": 4, "nbformat_minor": 5},
}
TABLES = [{"title": "T", "lines": {"notes/squared_error": "a"}, "front": True}]
TABLES += [{"title": "U", "lines": {"ear": "b"}, "columns": {"other": "c"}}]
RESULTS = {"one": {"command": "make", "metrics": METRICS, "provenance": ORIGIN}}
FIGURE = {"source": "s", "where": "1", "what": "w", "value": 0.5, "unit": "share", "reason": "r"}
FIGURE |= {"results": [["one", "notes/squared_error"]], "awaits": []}
PUBLISHED = {"sources": {"s": {"name": "S", "citation": "C"}}, "figures": [FIGURE]}


def compare_runs(root):
    write_comparison(root / "runs" / "one", root / "runs" / "two", root / "page.html")


def show_results(root):
    results = read_results(root / "reports" / "results.json")
    markdown_tables(results, read_tables(root / "reports" / "tables.json"))
    published = read_published(root / "reports" / "published.json")
    published_cells(compare(published.figures, results), published.names)


READERS = {
    "runs/one/metrics.json": (METRICS, compare_runs),
    "runs/one/provenance.json": (ORIGIN, compare_runs),
    "reports/one.ipynb": (NOTEBOOK, compare_runs),
    "runs/s/sweep.json": (SWEEP, lambda root: write_sweep_page(root / "runs/s/sweep.json")),
    "reports/results.json": (RESULTS, show_results),
    "reports/tables.json": (TABLES, show_results),
    "reports/published.json": (PUBLISHED, show_results),
}


@pytest.fixture
def root(tmp_path):
    for name, (content, _) in READERS.items():
        write(tmp_path / name, content)
    write(tmp_path / "runs/two/metrics.json", METRICS)
    write(tmp_path / "runs/two/provenance.json", ORIGIN)
    return tmp_path


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def places(value, way=()):
    """Ways to all values at any depth, the whole among them."""
    yield way
    if not isinstance(value, dict | list):
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from places(inner, (*way, key))


def changed(content, way, value):
    if not way:
        return value
    content = copy.deepcopy(content)
    inner = content
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = value
    return content


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_each_value_may_be_anything(name, root):
    """What is read is shown, or is refused by the file's name; no other error comes out."""
    content, read = READERS[name]
    read(root)
    chance = random.Random(name)
    ways = list(places(content))
    for _ in range(16 if "sweep" in name else 40):  # of a sweep figures are drawn
        write(root / name, changed(content, chance.choice(ways), chance.choice(ODD)))
        try:
            read(root)
        except ValueError as error:
            assert str(error)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", "1", "null", '{"a/b": "c"}'])
def test_a_command_says_it_in_a_sentence(text, root, capsys):
    (root / "runs/one/metrics.json").write_text(text, encoding="utf-8")
    assert main(["compare", str(root / "runs/one"), str(root / "runs/two")]) == 2
    error = capsys.readouterr().err
    assert "metrics.json" in error
    assert "Traceback" not in error
    with pytest.raises(ValueError, match=r"metrics\.json"):
        record_result(root / "results.json", root / "runs/one", command="make")


def test_a_folder_at_the_root_of_the_disk_is_no_run(capsys):
    assert main(["compare", "/", "/"]) == 2
    assert "is no finished run" in capsys.readouterr().err
