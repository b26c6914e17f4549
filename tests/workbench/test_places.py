"""Where things lie: what a wheel brings is read there, and never written to."""

import os

import pytest

from synvae_workbench import places


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """What a wheel brings, and an empty current folder."""
    share, here = tmp_path / "package" / "share", tmp_path / "here"
    for folder in (share / "notebooks", share / "reports", here):
        folder.mkdir(parents=True)
    (share / "notebooks" / "01_data.ipynb").write_text("{}", encoding="utf-8")
    (share / "reports" / "beta.yaml").write_text("about: it", encoding="utf-8")
    (share / "reports" / "results.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(places, "SHARE", share)
    monkeypatch.setattr(places, "SHIPPED", share)
    monkeypatch.chdir(here)
    return share


def test_notebooks_of_the_current_folder_come_first(wheel, tmp_path):
    assert places.notebooks_folder() == wheel / "notebooks"
    own = tmp_path / "here" / "notebooks"
    own.mkdir()
    assert places.notebooks_folder() == wheel / "notebooks", "an empty folder is none"
    (own / "05_own.ipynb").write_text("{}", encoding="utf-8")
    assert places.notebooks_folder() == own


def test_what_a_wheel_brings_writes_into_the_current_folder(wheel, tmp_path):
    here = tmp_path / "here"
    assert places.work_folder(wheel / "notebooks") == here
    assert (places.kernel_folder(wheel / "notebooks") / "../runs").resolve() == here / "runs"
    assert (here / "runs").is_dir()


def test_other_notebooks_write_beside_their_folder(wheel, tmp_path):
    own = tmp_path / "elsewhere" / "notebooks"
    own.mkdir(parents=True)
    assert places.work_folder(own) == tmp_path / "elsewhere"
    assert places.kernel_folder(own) == own
    assert not (tmp_path / "elsewhere" / "runs").exists()


def test_a_file_of_reports_that_is_nowhere_else(wheel, tmp_path):
    assert places.find_shipped("reports/beta.yaml") == wheel / "reports" / "beta.yaml"
    assert places.find_shipped("../reports/results.json") == wheel / "reports" / "results.json"
    for path in ("reports/none.yaml", "beta.yaml", "../runs/beta.yaml"):
        assert str(places.find_shipped(path)) == path
    own = tmp_path / "here" / "reports" / "beta.yaml"
    own.parent.mkdir()
    own.write_text("about: mine", encoding="utf-8")
    assert places.find_shipped("reports/beta.yaml").read_text(encoding="utf-8") == "about: mine"


def test_a_folder_is_laid_out_once(wheel, tmp_path):
    folder = tmp_path / "work"
    names = [path.relative_to(folder).as_posix() for path in places.lay_out(folder)]
    assert names == ["notebooks/01_data.ipynb", "reports/beta.yaml"]
    (folder / "notebooks" / "01_data.ipynb").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="work is not empty: name a new folder"):
        places.lay_out(folder)
    assert (folder / "notebooks" / "01_data.ipynb").read_text(encoding="utf-8") == "mine"
    with pytest.raises(ValueError, match="is not empty"):
        places.lay_out(wheel / "reports" / "beta.yaml")


def test_processes_import_what_this_one_does(wheel, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/some")
    assert places.python_path() == "/some"
    monkeypatch.setattr(places, "SHARE", wheel / "none")
    assert places.python_path() == f"{places.HERE.parent}{os.pathsep}/some"
