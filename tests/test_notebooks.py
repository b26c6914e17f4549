"""Every notebook runs, as a smoke run, by the very way that makes the reports."""

import io
import json
import shutil
from pathlib import Path

import pytest

from synvae_workbench.reports import notebook_parameters, run_notebook

FOLDER = Path(__file__).parents[1] / "notebooks"
# Notebooks that are not run here, each with the reason.
EXCLUDED: dict[str, str] = {}
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb") if path.name not in EXCLUDED)
MAX_BYTES = 4_000_000


def test_exclusions_name_notebooks_and_reasons():
    for name, reason in EXCLUDED.items():
        assert (FOLDER / name).is_file(), name
        assert len(reason.split()) >= 3, f"{name}: say why"


@pytest.fixture
def workplace(tmp_path):
    """What notebooks find beside their folder, without the runs that are there."""
    (tmp_path / "notebooks").mkdir()
    for name in ("pretrained", "reports"):
        (tmp_path / name).symlink_to(FOLDER.parent / name)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs(name, workplace, remote_references):
    notebook = Path(shutil.copy(FOLDER / name, workplace / "notebooks"))
    out = workplace / "out"
    report = run_notebook(notebook, parameters={"SMOKE": True}, out_dir=out, status=io.StringIO())
    page = report.read_text()
    assert report == out / f"{notebook.stem}.html"
    assert remote_references(page) == []
    assert len(page) < MAX_BYTES, "a report is passed on by mail"
    check_record(notebook, workplace / "runs")


def check_record(notebook, runs):
    """What the notebook leaves for those that come after it: all parameters, and measures."""
    declared = notebook_parameters(notebook)
    run = runs / f"{declared['RUN_NAME'].default}_smoke"
    origin = json.loads((run / "provenance.json").read_text())
    assert origin["parameters"].keys() == declared.keys()
    assert origin["parameters"]["SMOKE"] is True
    assert origin["seed"] == declared["SEED"].default
    assert origin["device"]
    assert json.loads((run / "metrics.json").read_text())
