"""Every notebook runs, as a smoke run, by the very way that makes the reports."""

import io
from pathlib import Path

import pytest

from synvae_workbench.reports import run_notebook

FOLDER = Path(__file__).parents[1] / "notebooks"
# Notebooks that are not run here, each with the reason.
EXCLUDED: dict[str, str] = {}
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb") if path.name not in EXCLUDED)
MAX_BYTES = 4_000_000


def test_exclusions_name_notebooks_and_reasons():
    for name, reason in EXCLUDED.items():
        assert (FOLDER / name).is_file(), name
        assert len(reason.split()) >= 3, f"{name}: say why"


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs(name, tmp_path, remote_references):
    report = run_notebook(
        FOLDER / name, parameters={"SMOKE": True}, out_dir=tmp_path, status=io.StringIO()
    )
    page = report.read_text()
    assert report == tmp_path / f"{Path(name).stem}.html"
    assert remote_references(page) == []
    assert len(page) < MAX_BYTES, "a report is passed on by mail"
