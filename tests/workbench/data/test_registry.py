"""The doors to the sets, and the records behind them."""

import numpy as np
import pytest
import torch
from picture_files import write_bam

from synvae_workbench.data import registry
from synvae_workbench.data.options import CorpusOptions, PictureOptions
from synvae_workbench.data.pictures.mnist_5k import read_mnist_5k
from synvae_workbench.data.registry import SETS, load_pictures, names_of

DOORS = {
    "pictures": registry.load_pictures,
    "faces": registry.load_faces,
    "melodies": registry.load_corpus,
    "speech": registry.load_speech,
    "loops": registry.load_loops,
}


def test_each_set_has_one_record():
    assert {each.kind for each in SETS} == set(DOORS)
    assert len({(each.kind, each.name) for each in SETS}) == len(SETS)
    homes = [each.name for each in SETS if each.source is not None]
    assert len(set(homes)) == len(homes)  # the catalogue goes by names alone


@pytest.mark.parametrize("kind", DOORS)
def test_an_unknown_name_is_refused_with_those_that_there_are(kind):
    with pytest.raises(ValueError, match=f"{', '.join(names_of(kind))}, got 'mnits'"):
        DOORS[kind]("mnits")


@pytest.mark.parametrize(
    ("kind", "name"), [(each.kind, each.name) for each in SETS if each.source is None]
)
def test_what_is_the_users_needs_a_folder(kind, name, monkeypatch, tmp_path):
    monkeypatch.setenv("SYNVAE_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="folder of yours: name that folder"):
        DOORS[kind](name)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("pictures", "paintings"), ("faces", "faces"), ("melodies", "pop909"), ("loops", "drumloops")],
)
def test_what_is_not_here_and_cannot_be_fetched_says_what_to_put_where(kind, name, monkeypatch):
    monkeypatch.delenv("SYNVAE_DATA", raising=False)
    with pytest.raises(
        ValueError, match=rf"not here: .*SYNVAE_DATA/.*{name}.*, or name its folder"
    ):
        DOORS[kind](name)


def test_an_empty_folder_in_the_options_is_none():
    assert PictureOptions(folder="").folder is None
    assert PictureOptions(folder="x").folder == PictureOptions(folder="./x").folder


@pytest.mark.parametrize("setting", [{"broken": "mend"}, {"uncertain": "maybe"}])
def test_settings_that_there_are_not_are_refused(setting):
    ((name, value),) = setting.items()
    with pytest.raises(ValueError, match=f"{name} is one of .*, got '{value}'"):
        PictureOptions(**setting)


def test_other_lengths_of_windows_are_refused():
    with pytest.raises(ValueError, match="bars is one of 1, 2, 4, 8, 16, got 3"):
        CorpusOptions(bars=3)


def test_combining_labels_leaves_sets_of_one_label_a_picture_as_they_are(tmp_path):
    plain, combined = (
        load_pictures("mnist_5k", PictureOptions(combine=combine)) for combine in (False, True)
    )
    assert torch.equal(plain.train.labels, combined.train.labels)
    assert plain.classes == combined.classes
    write_bam(tmp_path, np.array([[1, 1], [0, 1], [0, 0]] * 4), names="wood\nwater\n")
    paintings = load_pictures(
        "paintings", PictureOptions(folder=tmp_path, cache=tmp_path / "c", combine=True)
    )
    assert not paintings.multi_label
    assert paintings.classes == ("wood+water", "water", "none")
    assert paintings.train.labels.dtype == torch.int64  # what neighbours are counted by


def test_validation_digits_are_taken_from_training_alike_in_every_class():
    digits = load_pictures("mnist_5k", PictureOptions(validation=0.1))
    assert digits.validation.labels.bincount().tolist() == [40] * 10
    assert torch.equal(digits.test.images, load_pictures("mnist_5k").test.images)
    splits = digits.train, digits.validation, digits.test
    places = [int(place) for split in splits for place in split.ids]
    assert sorted(places) == list(range(5000))
    images, labels = read_mnist_5k()
    np.testing.assert_array_equal(torch.cat([split.images for split in splits]), images[places])
    np.testing.assert_array_equal(torch.cat([split.labels for split in splits]), labels[places])


def test_a_wrong_size_is_refused():
    with pytest.raises(ValueError, match="of 28 pixels, not 32"):
        load_pictures("mnist_5k", PictureOptions(size=32))


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_named_folder_is_the_only_place_that_is_looked_at(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNVAE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ValueError, match=f"{tmp_path.name} does not hold .*SYNVAE_DATA/{name}"):
        load_pictures(name, PictureOptions(folder=str(tmp_path)))
    assert not (tmp_path / "cache").exists()


@pytest.mark.data
def test_the_whole_mnist_is_split_as_published(data_folder):
    digits = load_pictures("mnist")
    splits = digits.train, digits.validation, digits.test
    assert [len(split.images) for split in splits] == [50000, 10000, 10000]
    assert digits.validation.ids[0] == "50000"
    assert digits.validation.labels[:3].tolist() == [3, 8, 6]
    assert digits.test.labels[:3].tolist() == [7, 2, 1]
    fewer = load_pictures("mnist", PictureOptions(validation=100, folder=data_folder / "mnist"))
    assert fewer.validation.ids == digits.validation.ids[-100:]


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.usefixtures("data_folder")
def test_cifar10_is_split_as_published():
    data = load_pictures("cifar10")
    splits = data.train, data.validation, data.test
    assert [tuple(split.images.shape) for split in splits] == [
        (40000, 3, 32, 32),
        (10000, 3, 32, 32),
        (10000, 3, 32, 32),
    ]
    assert [data.classes[label] for label in data.train.labels[:3]] == ["frog", "truck", "truck"]
    assert [data.classes[label] for label in data.test.labels[:3]] == ["cat", "ship", "ship"]
    assert torch.cat([data.train.labels, data.validation.labels]).bincount().tolist() == [5000] * 10
