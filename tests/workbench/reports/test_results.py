"""The README and the page of results say what `reports/results.json` says."""

import json
from pathlib import Path

import pytest
from run_figures import wrong_figures

from synvae_core.metrics.measures import measure_of
from synvae_workbench.reports.directions import MEASURES
from synvae_workbench.reports.results import (
    END,
    START,
    Table,
    markdown_tables,
    read_results,
    read_tables,
    record_result,
    results_page,
    with_tables,
)

ROOT = Path(__file__).parents[3]
RESULTS = read_results(ROOT / "reports" / "results.json")
TABLES = read_tables(ROOT / "reports" / "tables.json")


def test_the_readme_holds_the_table_of_the_results_file():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_tables(readme, RESULTS, TABLES) == readme
    assert (ROOT / "docs" / "results.md").read_text(encoding="utf-8") == results_page(
        RESULTS, TABLES
    )


def test_every_table_has_a_run_and_every_run_a_table():
    page = with_tables(f"{START}{END}", RESULTS, TABLES) + results_page(RESULTS, TABLES)
    for table in TABLES:
        assert f"| {table.title} |" in page
    for name, result in RESULTS.items():
        assert f"- {name}: `{result['command']}`" in page


def test_every_result_says_how_it_was_made():
    for name, result in RESULTS.items():
        provenance = result["provenance"]
        assert result["command"] and result["metrics"], name
        for key in ("commit", "device", "timestamp", "seed", "parameters", "versions"):
            assert provenance[key] not in (None, ""), f"{name}: {key}"


@pytest.mark.parametrize("name", RESULTS)
def test_every_figure_is_of_a_known_measure_and_in_its_range(name):
    assert wrong_figures(RESULTS[name]["metrics"]) == []


def test_figures_that_cannot_be_are_found():
    figures = {"notes/squared_error": -1.0, "notes/auc": 1.01, "notes/squared_errors": 1.0}
    assert [line.partition(":")[0] for line in wrong_figures(figures)] == [*figures]
    assert wrong_figures({"notes/squared_error": 0.0, "notes/auc": 1.0}) == []


def test_what_a_table_shows_is_of_a_known_measure():
    for table in TABLES:
        for line in table.lines:
            for column in table.columns or [None]:
                assert measure_of(f"{line}/{column}" if column else line, MEASURES), line


def test_a_run_is_recorded_and_shown(tmp_path):
    run = tmp_path / "trial"
    run.mkdir()
    metrics = {"floor/squared_error": 99.0, "notes/squared_error": 12.34567}
    (run / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    with pytest.raises(ValueError, match=r"provenance\.json is missing"):
        record_result(tmp_path / "results.json", run, command="make report")
    (run / "provenance.json").write_text(json.dumps({"commit": "abc"}), encoding="utf-8")
    record_result(tmp_path / "results.json", run, command="make report")
    results = read_results(tmp_path / "results.json")
    table = markdown_tables(results, TABLES)
    assert "| Pictures through melodies | trial |" in table
    assert "from its MIDI file | 12.3 |" in table
    assert table.count("- trial: `make report`") == 1
    assert "Melody models" not in table
    front = with_tables(f"a\n{START}\nold\n{END}\nb", results, TABLES)
    assert (
        "12.3" in front
        and "make report" not in front
        and "in full" not in front
        and "old" not in front
    )
    assert front.startswith("a\n") and front.endswith("\nb")


def test_a_readme_without_marks_is_refused():
    with pytest.raises(ValueError, match="expected the lines"):
        with_tables("# no table here", {}, TABLES)


def test_a_comparison_within_a_run_has_a_line_for_each_thing():
    metrics = {"straight_through/coupling_squared_error": 11.71, "logits/notes_squared_error": 91.9}
    table = markdown_tables({"couplings": {"metrics": metrics, "command": "run 13"}}, TABLES)
    assert "| What each coupling keeps in the notes | squared error as trained |" in table
    assert "| `straight_through` | 11.7 |  |  |" in table
    assert "| `logits` |  | 91.9 |  |" in table
    assert "gumbel" not in table
    assert table.endswith("- couplings: `run 13`")


def test_two_lines_of_a_table_are_not_called_the_same(tmp_path):
    path = tmp_path / "tables.json"
    path.write_text(
        json.dumps([{"title": "T", "lines": {"a/b": "same", "a/c": "same"}}]), encoding="utf-8"
    )
    with pytest.raises(ValueError, match="the table 'T' has two lines 'same'"):
        read_tables(path)


def test_runs_may_be_left_out_of_a_table():
    results = {name: {"command": "c", "metrics": {"notes/auc": 0.5}} for name in ("one", "bars_2")}
    lines = {"notes/auc": "AUC"}
    every, some = (Table("T", lines, without=without) for without in ((), ("runs_", "bars_")))
    assert "| T | one | bars_2 |" in markdown_tables(results, [every])
    assert "| T | one |\n" in markdown_tables(results, [some])
    assert markdown_tables({"bars_2": results["bars_2"]}, [some]) == ""


def test_what_a_table_is_about_stands_between_it_and_its_commands():
    table = Table("T", {"notes/auc": "AUC"}, about="Of 1,000 pictures.")
    results = {"one": {"command": "run", "metrics": {"notes/auc": 0.5}}}
    shown = markdown_tables(results, [table])
    assert shown.endswith("| AUC | 0.500 |\n\nOf 1,000 pictures.\n\n- one: `run`")
