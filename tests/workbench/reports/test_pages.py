"""Pages about several runs: they say what was measured, mark the best, and take text for text."""

import json
import math

import nbformat
import pytest
from bs4 import BeautifulSoup

from synvae_workbench.reports.compare import write_comparison
from synvae_workbench.reports.formatting import format_duration, format_figure
from synvae_workbench.reports.sweep import write_sweep_page

MARKUP = "<img src=http://x onerror=alert(1)>&\"'"
new = nbformat.v4


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.123456, "0.1235"), (1000.0, "1,000"), (True, "True"), ("a", "a"), (math.nan, "–")],
)
def test_figures_as_they_are_shown(value, text):
    assert format_figure(value) == text


def test_durations_in_words():
    assert [format_duration(seconds) for seconds in (59.6, 61, 3661, None)] == [
        "1 min 0 s",
        "1 min 1 s",
        "1 h 1 min",
        None,
    ]


def cell(beta, error, *, state="done", message=None, report=True):
    name = f"BETA_{beta}"
    run = {
        "name": name,
        "step": "main",
        "notebook": "5_tiny.ipynb",
        "state": state,
        "report": f"reports/sweep/{name}.html" if report is True else report,
        "seconds": 60.0,
        "error": message,
        "metrics": {} if error is None else {"notes/squared_error": error, "floor/same": 5.0},
    }
    return {"name": name, "parameters": {"BETA": beta}, "state": state, "runs": [run]}


def sweep_page(tmp_path, cells, **changes):
    digest = tmp_path / "runs" / "sweep" / "sweep.json"
    digest.parent.mkdir(parents=True)
    content = {"name": "sweep", "about": MARKUP, "varied": ["BETA"], "cells": cells} | changes
    digest.write_text(json.dumps(content), encoding="utf-8")
    page = write_sweep_page(digest)
    assert page == tmp_path / "reports" / "sweep" / "index.html"
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def test_the_index_has_a_row_for_each_cell_and_marks_the_best(tmp_path, remote_references):
    cells = [cell(0.5, 3.0), cell(1.0, 2.0), cell(2.0, None, state="failed", message=MARKUP)]
    soup = sweep_page(tmp_path, cells)
    assert remote_references(str(soup)) == []
    table = soup.select_one("table.sortable")
    assert [row.td.text for row in table.select("tbody tr")] == ["0.5", "1", "2"]
    assert [mark["data-value"] for mark in table.select(".best")] == ["2.0"]
    assert len(table.select("thead button")) == 4  # of what does not differ, none here
    assert [link["href"] for link in table.select("a")] == [
        f"BETA_{beta}.html" for beta in (0.5, 1.0, 2.0)
    ]
    assert soup.select_one("figure img")["src"].startswith("data:image/svg+xml")
    assert not soup.main.select("p code")


def test_what_is_to_be_shown_and_no_run_measured_is_named(tmp_path):
    """A measure that is misspelt, or of another notebook, would be left out without a word."""
    shown = ["notes/squared_error", MARKUP]
    soup = sweep_page(tmp_path, [cell(0.5, 3.0)], show=shown)
    assert [name.text for name in soup.main.select("p code")] == [MARKUP]


def test_before_any_run_has_ended_no_measure_is_missed(tmp_path):
    soup = sweep_page(tmp_path, [cell(0.5, None, state="running")], show=["notes/squared_error"])
    assert not soup.main.select("p code")


def test_settings_are_compared_by_their_means_over_seeds(tmp_path):
    """The best single run, of BETA 1, was lucky: the best setting is another."""
    errors = {0.5: [3.0, 3.5], 1.0: [2.0, 9.0], 2.0: [8.0, None], MARKUP: [None, None]}
    cells = [
        one | {"parameters": one["parameters"] | {"SEED": seed}}
        for beta, both in errors.items()
        for seed, one in enumerate(cell(beta, error) for error in both)
    ]
    soup = sweep_page(tmp_path, cells, varied=["SEED", "BETA"])
    means, runs, _ = soup.select("table.sortable")
    assert [[cell.text for cell in row.select("td")] for row in means.select("tbody tr")] == [
        ["0.5", "2", "3.25, the best 3 to 3.5"],
        ["1", "2", "5.5 2 to 9"],
        ["2", "1", "8"],
    ]
    assert [mark.parent["data-value"] for mark in means.select(".best")] == ["3.25"]
    assert [mark["data-value"] for mark in runs.select(".best")] == ["2.0"]


def test_two_settings_are_drawn_against_each_other(tmp_path):
    cells = [cell(beta, beta * loss) for beta in (1.0, 2.0) for loss in (0.5, 1.0)]
    for number, each in enumerate(cells):
        each["parameters"] |= {"LOSS": (0.5, 1.0)[number % 2], "SEED": number}
    soup = sweep_page(tmp_path, cells, varied=["BETA", "LOSS", "SEED"])
    headings = [each.text for each in soup.select("h2") if each.text.startswith("Over")]
    assert headings == ["Over BETA", "Over LOSS", "Over SEED", "Over BETA and LOSS"]
    last = soup.select("figure img")[-1]["alt"]
    assert "Means of the runs of each pair" in last
    assert "1 / 0.5: 0.5, 1 / 1: 1, 2 / 0.5: 1, 2 / 1: 2" in last


def test_a_setting_may_lack_a_measure_of_others(tmp_path):
    cells = [cell(beta, beta + seed) for beta in (1.0, 2.0) for seed in (0, 1)]
    for seed, each in enumerate(cells):
        each["parameters"]["SEED"] = seed % 2
    for seed in (0, 1):
        cells[seed]["runs"][0]["metrics"]["notes/cnn_agreement"] = 0.5 + 0.25 * seed
    means = sweep_page(tmp_path, cells, varied=["BETA", "SEED"]).select_one("table.sortable")
    assert [[cell.text for cell in row.select("td")][2:] for row in means.select("tbody tr")] == [
        ["1.5, the best 1 to 2", "0.625 0.5 to 0.75"],
        ["2.5 2 to 3", "–"],
    ]


@pytest.mark.parametrize("varied", [["BETA"], ["SEED"], ["SEED", "BETA"]])
def test_there_are_no_means_of_single_runs(tmp_path, varied):
    one, other = cell(0.5, 3.0), cell(1.0, 2.0)
    for seed, each in enumerate((one, other)):
        each["parameters"]["SEED"] = seed
    assert "Means over" not in sweep_page(tmp_path, [one, other], varied=varied).text


def test_a_chain_has_a_line_for_each_step_and_each_measure(tmp_path, remote_references):
    train, look, last = (
        cell(beta, error, state=state, message=message, report=report)["runs"][0]
        for beta, error, state, message, report in (
            (1, 3.0, "done", None, True),
            (2, 2.0, "failed", MARKUP, True),
            (3, None, "skipped", "it needs look", None),
        )
    )
    runs = [train | {"step": "train"}, look | {"step": MARKUP}, last | {"step": "last"}]
    chain = {"name": "all", "parameters": {}, "state": "failed", "runs": runs}
    shown = ["train: notes/squared_error", "train: no/such"]
    soup = sweep_page(tmp_path, [chain], varied=[], show=shown)
    assert remote_references(str(soup)) == []
    assert not soup.select("[onerror]")
    steps, results, everything = soup.select("table.sortable")
    assert [[cell.text for cell in row.select("td")] for row in steps.select("tbody tr")] == [
        ["train", "5_tiny.ipynb", "done", "1 min 0 s"],
        [MARKUP, "5_tiny.ipynb", "failed", "1 min 0 s"],
        ["last", "5_tiny.ipynb", "skipped", "1 min 0 s"],
    ]
    assert [link["href"] for link in steps.select("a")] == ["BETA_1.html", "BETA_2.html"]
    assert [cell.text for cell in results.select("tbody td")] == [shown[0], "3"]
    assert soup.main.select_one("p code").text == "train: no/such"
    assert len(everything.select("tbody tr")) == 4
    facts = [fact.text for fact in soup.select(".facts div")]
    assert facts[:3] == ["Done1 of 3", "Failed1 of 3", "Skipped1 of 3"]
    assert "it needs look" in soup.select_one(".wrong").text


def test_markup_in_a_sweep_is_shown_as_text(tmp_path):
    soup = sweep_page(tmp_path, [cell(MARKUP, 1.0), cell("b", 2.0, message=MARKUP)])
    assert not soup.select("[onerror]")
    assert soup.select_one(".about").text == MARKUP
    assert soup.select_one("tbody td").text == MARKUP
    assert MARKUP in soup.select_one(".wrong").text


@pytest.mark.parametrize(
    "report", [None, "http://x/a.html", "reports/../../etc/a.html", "javascript:alert(1)//.html"]
)
def test_links_lead_to_reports_alone(tmp_path, report):
    assert not sweep_page(tmp_path, [cell(0.5, 1.0, report=report)]).select("tbody a")


def test_a_sweep_s_name_is_no_path(tmp_path):
    digest = tmp_path / "runs" / "sweep" / "sweep.json"
    digest.parent.mkdir(parents=True)
    content = {"name": "../../out", "varied": [], "cells": []}
    digest.write_text(json.dumps(content), encoding="utf-8")
    assert write_sweep_page(digest) == tmp_path / "reports" / "out" / "index.html"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"cells": [1], "name": "a", "varied": []}'])
def test_what_is_no_sweep_is_refused(tmp_path, content):
    path = tmp_path / "runs" / "s" / "sweep.json"
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="is no sweep.json of a sweep"):
        write_sweep_page(path)


def finished(root, name, *, error, beta, sound):
    """A run folder, and the executed notebook that made it."""
    folder = root / "runs" / name
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(
        json.dumps({"notes/squared_error": error}), encoding="utf-8"
    )
    origin = {"parameters": {"RUN_NAME": name, "BETA": beta, "SAME": 1}, "seed": 0}
    (folder / "provenance.json").write_text(json.dumps(origin), encoding="utf-8")
    code = new.new_code_cell("show()")
    audio = f'<audio controls src="data:audio/mpeg;base64,{sound}"></audio>'
    code.outputs = [
        new.new_output("display_data", data={"text/html": audio}),
        new.new_output("display_data", data={"image/svg+xml": "<svg><g/></svg>"}),
        new.new_output("display_data", data={"text/plain": "nothing to see"}),
    ]
    notebook = new.new_notebook(cells=[new.new_markdown_cell("# T\n\n## Heard"), code])
    notebook.metadata.synvae = {"provenance": origin}
    (root / "reports").mkdir(exist_ok=True)
    nbformat.write(notebook, root / "reports" / f"any_{name}.ipynb")
    return folder


def test_two_runs_side_by_side(tmp_path, remote_references):
    left = finished(tmp_path, "left", error=3.0, beta=MARKUP, sound="AAAA")
    right = finished(tmp_path, "right", error=2.0, beta=0.5, sound="BBBB")
    page = write_comparison(left, right, tmp_path / "page.html").read_text(encoding="utf-8")
    soup = BeautifulSoup(page, "html.parser")
    assert remote_references(page) == [] and not soup.select("[onerror]")
    differs = [row.th.text for row in soup.select(".differs tbody tr")]
    assert differs == ["RUN_NAME", "BETA"]
    row = soup.select_one(".sortable tbody tr")
    assert [td.get("data-value") for td in row.select("td")] == [None, "3.0", "2.0", "-1.0"]
    assert row.select_one(".best")["data-value"] == "2.0"
    pairs = soup.select(".pair")
    assert [len(pair.select("audio")) for pair in pairs] == [2, 0]
    assert pairs[0].select("audio")[1]["src"].endswith("BBBB")
    assert [len(pair.select(".drawn > img")) for pair in pairs] == [0, 2]


def test_runs_without_reports_are_compared_by_what_they_measured(tmp_path):
    left = finished(tmp_path, "left", error=3.0, beta=1, sound="AAAA")
    right = finished(tmp_path, "right", error=2.0, beta=2, sound="BBBB")
    (tmp_path / "reports" / "any_left.ipynb").write_text("no notebook", encoding="utf-8")
    soup = BeautifulSoup(
        write_comparison(left, right, tmp_path / "p.html").read_text(encoding="utf-8"),
        "html.parser",
    )
    assert not soup.select(".pair") and len(soup.select(".sortable tbody tr")) == 1


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    left = finished(tmp_path, "left", error=3.0, beta=1, sound="AAAA")
    with pytest.raises(ValueError, match="is no finished run"):
        write_comparison(left, tmp_path, tmp_path / "p.html")
