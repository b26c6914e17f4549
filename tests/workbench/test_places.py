"""Where things lie: what a wheel brings is read there, and never written to."""

import os

import pytest

from synvae_core.places import whole_path
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
        assert places.find_shipped(path) == whole_path(path)
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


@pytest.fixture
def laid_out(tmp_path, monkeypatch):
    """A work folder with notebooks, runs and weights, beside other things, and a home."""
    work = tmp_path / "work"
    for folder in ("notebooks", "runs/mine", "pretrained/small", "pictures", "notebooks/inner"):
        (work / folder).mkdir(parents=True)
    (tmp_path / "home" / "pictures").mkdir(parents=True)
    (tmp_path / "elsewhere" / "pictures").mkdir(parents=True)
    (tmp_path / "elsewhere" / "model.ckpt.index").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize(
    ("where", "typed", "found"),
    [
        # In the work folder: what is there, and what the notebooks' defaults look like.
        ("work", "runs/mine", "../runs/mine"),
        ("work", "./pictures/", "../pictures"),
        ("work", "../elsewhere/pictures", "{}/elsewhere/pictures"),
        ("work", "../runs/mine", "../runs/mine"),
        ("work", "../pretrained/small", "../pretrained/small"),
        ("work", "../runs/typo", "../runs/typo"),
        ("work", "runs/typo", "../runs/typo"),
        ("work", "typo.mid", "../typo.mid"),
        # Elsewhere.
        ("elsewhere", "pictures", "{}/elsewhere/pictures"),
        ("elsewhere", "model.ckpt", "{}/elsewhere/model.ckpt"),
        ("elsewhere", "../pretrained/small", "../pretrained/small"),
        ("elsewhere", "../work/runs/mine", "../runs/mine"),
        ("elsewhere", "typo.mid", "{}/elsewhere/typo.mid"),
        ("work/notebooks", "../runs/mine", "../runs/mine"),
        ("work/notebooks", "inner", "inner"),
        # Anywhere.
        ("elsewhere", "~/pictures", "{}/home/pictures"),
        ("work", "~/typo.wav", "{}/home/typo.wav"),
        ("work", "{}/elsewhere", "{}/elsewhere"),
        ("work", "{}/nowhere/", "{}/nowhere"),
        # Names of something else, and nothing.
        ("elsewhere", "efficientnet_lite0", "efficientnet_lite0"),
        ("elsewhere", "GeneralUser GS 1.471", "GeneralUser GS 1.471"),
        ("elsewhere", "$train", "$train"),
        ("elsewhere", "", ""),
    ],
)
def test_a_typed_path_counts_from_where_it_was_typed(laid_out, monkeypatch, where, typed, found):
    monkeypatch.chdir(laid_out / where)
    typed, found = typed.format(laid_out), found.format(laid_out)
    assert places.typed_path(typed, laid_out / "work" / "notebooks") == found


def test_a_typed_path_leads_from_a_wheel_to_the_current_folder(wheel, tmp_path):
    (tmp_path / "here" / "pictures").mkdir()
    assert places.typed_path("pictures", wheel / "notebooks") == "../pictures"
    assert places.typed_path("../pretrained/small", wheel / "notebooks") == "../pretrained/small"
    assert not (tmp_path / "here" / "runs").exists(), "nothing is made by looking"


@pytest.mark.parametrize("name", ["a", "_a", "A.b-c_1", "a" * places.LONGEST_NAME])
def test_a_name_for_files(name):
    places.check_name(name, "run")


@pytest.mark.parametrize("name", ["", ".", "..", "-a", "a/b", "a\\b", "a b", "ä", "a\n", "a" * 300])
def test_a_name_that_no_file_should_have(name):
    with pytest.raises(ValueError, match="the name of a sweep is made of letters, digits") as error:
        places.check_name(name, "sweep")
    assert len(str(error.value)) < 250
