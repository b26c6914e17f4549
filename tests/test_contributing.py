"""The examples of CONTRIBUTING.md do what the page says."""

import io
import json
import re
from pathlib import Path

import nbformat
import pytest

from synvae_workbench.reports import notebook_parameters, run_notebook

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_every_example_runs_in_the_order_of_the_page(tmp_path):
    names: dict = {}
    for number, block in enumerate(blocks("python"), 1):
        # From a file, so that dataclasses and tracebacks find their module.
        exec(compile(block, f"CONTRIBUTING.md, example {number}", "exec"), names)
    assert {"load_small_digits", "FlatConfig", "share_of_rests"} <= names.keys()


def notebook_of(script: str) -> nbformat.NotebookNode:
    cells = []
    for part in re.split(r"^# %%", script, flags=re.MULTILINE)[1:]:
        kind, _, source = part.partition("\n")
        if kind.strip() == "[markdown]":
            cells.append(nbformat.v4.new_markdown_cell(re.sub(r"(?m)^# ?", "", source).strip()))
            continue
        cell = nbformat.v4.new_code_cell(source.strip())
        cell.metadata.tags = ["parameters"] * (kind.strip() == "parameters")
        cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.slow
def test_the_notebook_of_the_page_runs_and_leaves_a_report(tmp_path):
    (script,) = blocks("notebook")
    path = tmp_path / "notebooks" / "29_rests.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook_of(script), path)
    assert all(each.help for each in notebook_parameters(path).values())
    report = run_notebook(path, parameters={"SMOKE": True}, status=io.StringIO())
    assert "How much rest" in report.read_text(encoding="utf-8")
    run = tmp_path / "runs" / "rests_smoke"
    metrics, origin = (
        json.loads((run / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("metrics", "provenance")
    )
    assert 0 < metrics["tunes/with_rest"] < 1
    assert origin["parameters"] == {"SMOKE": True, "RUN_NAME": "rests", "SEED": 0}
