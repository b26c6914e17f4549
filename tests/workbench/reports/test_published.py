"""Published against measured: nothing in the table can go stale."""

import copy
import json
from pathlib import Path

import pytest

from synvae_core.models.melody.configurations import CONFIGURATIONS
from synvae_core.models.melody.vae import MelodyVae
from synvae_workbench.reports.published import (
    STATUSES,
    compare,
    format_published,
    parameter_count,
    published_table,
    read_published,
    with_published,
)
from synvae_workbench.reports.results import read_results

REPORTS = Path(__file__).parents[3] / "reports"
FILE = REPORTS / "published.json"
RESULTS = read_results(REPORTS / "results.json")
PUBLISHED = read_published(FILE)


def test_every_figure_is_measured_or_says_why_not():
    rows = compare(PUBLISHED.figures, RESULTS)
    assert len(rows) == len(PUBLISHED.figures) > 10
    for row in rows:
        assert row.here or row.figure.status in STATUSES
        assert row.figure.value is not None or len(row.figure.reason.split()) >= 3
    table = published_table(rows, PUBLISHED.names)
    assert all(row.figure.what in table for row in rows)
    assert len({line.count(" | ") for line in table.splitlines()} - {0}) == 1


def test_all_four_sources_are_there():
    assert {figure.source for figure in PUBLISHED.figures} == PUBLISHED.names.keys()
    assert len(PUBLISHED.names) == len(PUBLISHED.citations) == 4


def test_published_sizes_are_those_that_are_built():
    sizes = [row for row in compare(PUBLISHED.figures, RESULTS) if row.figure.configuration]
    assert len(sizes) == 5
    for row in sizes:
        assert row.here == (row.figure.value,), row.figure.what


def test_counting_without_memory_counts_what_is_there():
    model = MelodyVae(CONFIGURATIONS["melody_2bar"].model)
    assert parameter_count("melody_2bar") == sum(each.numel() for each in model.parameters())
    assert parameter_count("melody_2bar") == 855_700
    with pytest.raises(ValueError, match="unknown"):
        parameter_count("none")


def test_a_result_that_has_gone_is_an_error():
    named = next(figure for figure in PUBLISHED.figures if figure.results)
    run, metric = named.results[0]
    results = copy.deepcopy(RESULTS)
    del results[run]["metrics"][metric]
    with pytest.raises(ValueError, match=f"no {metric} of run {run}"):
        compare([named], results)


def test_a_result_that_has_come_is_an_error():
    results = RESULTS | {"listening": {"metrics": {"listeners/accuracy": 0.7}}}
    with pytest.raises(ValueError, match="now have listening:listeners/accuracy"):
        compare(PUBLISHED.figures, results)


FIGURE = {"source": "a", "where": "b", "what": "c", "value": 1.0, "unit": "", "reason": ""}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "one of results, configuration and status"),
        ({"configuration": "x", "results": [["r", "m"]]}, "one of results"),
        ({"status": "later", "reason": "no"}, "status is"),
        ({"status": "not comparable"}, "say in `reason`"),
        ({"configuration": "x", "value": None}, "say in `reason`"),
        ({"status": "not measured yet", "reason": "no time"}, "awaits a result"),
        ({"configuration": "x", "source": "q"}, "source 'q'"),
        ({"configuration": "x", "colour": "red"}, r"unknown fields \['colour'\]"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(change, message, tmp_path):
    path = tmp_path / "published.json"
    sources = {"a": {"name": "A", "citation": "A 2000"}}
    path.write_text(
        json.dumps({"sources": sources, "figures": [FIGURE | change]}), encoding="utf-8"
    )
    with pytest.raises(ValueError, match=message):
        read_published(path)


def test_figures_are_shown_in_full():
    assert format_published(134571098.0, "parameters") == "134,571,098"
    assert format_published(0.73, "share") == "0.730"
    assert format_published(2, "hours") == "2 hours"


def test_the_readme_holds_the_published_numbers():
    readme = (REPORTS.parent / "README.md").read_text(encoding="utf-8")
    assert with_published(readme, PUBLISHED, RESULTS) == readme
    with pytest.raises(ValueError, match="expected the lines"):
        with_published("no marks", PUBLISHED, RESULTS)
