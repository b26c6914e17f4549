import numpy as np
import pytest
import torch
from picture_files import write_bam
from scipy.stats import chisquare

from synvae_workbench.data.pictures.mnist_5k import load_mnist_5k, read_mnist_5k
from synvae_workbench.data.pictures.sets import load_pictures
from synvae_workbench.data.pictures.splits import held_out
from synvae_workbench.data.pictures.types import Split, Strips, random_crops
from synvae_workbench.data.sources import SOURCES


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_crops_are_the_windows_of_their_strips():
    pixels = torch.randint(0, 256, (40, 3, 4, 9), generator=seeded(), dtype=torch.uint8)
    lengths = torch.arange(40) % 6 + 4
    upright = torch.arange(40) % 3 == 0
    crops = random_crops(pixels, lengths, upright, seeded(1))
    for strip, length, turned, crop in zip(pixels, lengths, upright, crops, strict=True):
        windows = [strip[:, :, at : at + 4] for at in range(length - 3)]
        windows = [window.mT if turned else window for window in windows]
        assert any(torch.equal(crop, window) for window in windows)


def test_pictures_that_are_among_others_are_left_out():
    images = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1).expand(6, 1, 4, 4)
    strips = Strips(images, torch.full((6,), 4), torch.zeros(6, dtype=torch.bool))
    split = Split(images, torch.arange(6), list("abcdef"), strips)
    kept = split.without(images[[4, 1]])
    assert kept.ids == list("acdf")
    assert kept.labels.tolist() == kept.images[:, 0, 0, 0].tolist() == [0, 2, 3, 5]
    assert torch.equal(kept.strips.pixels, kept.images)
    assert split.without(images[:0]).ids == split.ids


def test_every_place_is_as_probable_as_every_other():
    pixels = torch.arange(7, dtype=torch.uint8).expand(4000, 1, 3, 7)
    lengths = torch.full((4000,), 6)
    crops = random_crops(pixels, lengths, torch.zeros(4000, dtype=torch.bool), seeded())
    places = crops[:, 0, 0, 0].bincount()
    assert len(places) == 4
    assert chisquare(places.numpy()).pvalue > 0.001


def test_crops_are_decided_by_the_seed():
    strips = torch.arange(12, dtype=torch.uint8).expand(9, 1, 2, 12)
    rest = torch.full((9,), 12), torch.ones(9, dtype=torch.bool)
    assert torch.equal(
        random_crops(strips, *rest, seeded(3)), random_crops(strips, *rest, seeded(3))
    )
    assert not torch.equal(
        random_crops(strips, *rest, seeded(3)), random_crops(strips, *rest, seeded(4))
    )


def test_squares_are_left_as_they_are_and_no_strips_give_no_crops():
    pixels = torch.randint(0, 256, (2, 1, 3, 3), generator=seeded(), dtype=torch.uint8)
    upright = torch.zeros(2, dtype=torch.bool)
    assert torch.equal(random_crops(pixels, torch.full((2,), 3), upright, seeded()), pixels)
    none = random_crops(pixels[:0], torch.zeros(0, dtype=torch.int64), upright[:0], seeded())
    assert none.shape == (0, 1, 3, 3)


@pytest.mark.parametrize("length", [2, 6])
def test_lengths_that_cannot_be_are_refused(length):
    pixels = torch.zeros(1, 1, 3, 5, dtype=torch.uint8)
    with pytest.raises(ValueError, match="3 to 5 pixels"):
        random_crops(pixels, torch.tensor([length]), torch.tensor([False]), seeded())


@pytest.mark.parametrize(
    ("validation", "count"), [(0, 0), (7, 7), (0.0, 0), (0.25, 5), (0.1, 2), (19, 19)]
)
def test_validation_is_a_number_or_a_share(validation, count):
    assert held_out(20, validation) == count


@pytest.mark.parametrize("validation", [20, -1, 1.0, 2.5, -0.1, 0.99, float("nan"), float("inf")])
def test_validation_leaves_some_to_train_on(validation):
    with pytest.raises(ValueError, match="validation is a number of pictures below 20"):
        held_out(20, validation)


def test_packaged_digits_are_those_of_the_quickstart():
    digits, expected = load_pictures("mnist_5k", seed=3), load_mnist_5k(seed=3)
    assert torch.equal(digits.train.images, expected.train_images)
    assert torch.equal(digits.train.labels, expected.train_labels)
    assert torch.equal(digits.test.images, expected.test_images)
    assert torch.equal(digits.test.labels, expected.test_labels)
    assert digits.validation.images.shape == (0, 1, 28, 28)
    assert digits.validation.labels.shape == (0,)
    assert (digits.classes, digits.multi_label) == (tuple("0123456789"), False)
    assert digits.train.strips is None


def test_combining_labels_leaves_sets_of_one_label_a_picture_as_they_are(tmp_path):
    plain, combined = (load_pictures("mnist_5k", combine=combine) for combine in (False, True))
    assert torch.equal(plain.train.labels, combined.train.labels)
    assert plain.classes == combined.classes
    write_bam(tmp_path, np.array([[1, 1], [0, 1], [0, 0]] * 4), names="wood\nwater\n")
    paintings = load_pictures("paintings", folder=tmp_path, cache=tmp_path / "c", combine=True)
    assert not paintings.multi_label
    assert paintings.classes == ("wood+water", "water", "none")
    assert paintings.train.labels.dtype == torch.int64  # what neighbours are counted by


def test_validation_digits_are_taken_from_training_alike_in_every_class():
    digits = load_pictures("mnist_5k", validation=0.1)
    assert digits.validation.labels.bincount().tolist() == [40] * 10
    assert torch.equal(digits.test.images, load_pictures("mnist_5k").test.images)
    splits = digits.train, digits.validation, digits.test
    places = [int(place) for split in splits for place in split.ids]
    assert sorted(places) == list(range(5000))
    images, labels = read_mnist_5k()
    np.testing.assert_array_equal(torch.cat([split.images for split in splits]), images[places])
    np.testing.assert_array_equal(torch.cat([split.labels for split in splits]), labels[places])


def test_a_wrong_size_or_name_is_refused():
    with pytest.raises(ValueError, match="of 28 pixels, not 32"):
        load_pictures("mnist_5k", size=32)
    with pytest.raises(ValueError, match=r"mnist_5k, mnist, cifar10.* got 'mnits'"):
        load_pictures("mnits")


@pytest.mark.parametrize("name", ["folder", "reconstructions", "paintings"])
def test_sets_of_files_need_a_folder(name, monkeypatch):
    monkeypatch.delenv("SYNVAE_DATA", raising=False)
    with pytest.raises(ValueError, match=f"'{name}' is a folder of pictures: .*folder="):
        load_pictures(name)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_named_folder_is_the_only_place_that_is_looked_at(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNVAE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ValueError, match=f"{tmp_path.name} does not hold .*SYNVAE_DATA/{name}"):
        load_pictures(name, folder=str(tmp_path))
    assert not (tmp_path / "cache").exists()


def test_every_source_says_where_it_is_from():
    for name, source in SOURCES.items():
        assert source.name == name
        assert source.home.startswith("http")
        assert source.licence
        assert source.size
        assert source.advice


@pytest.mark.data
def test_the_whole_mnist_is_split_as_published(data_folder):
    digits = load_pictures("mnist")
    splits = digits.train, digits.validation, digits.test
    assert [len(split.images) for split in splits] == [50000, 10000, 10000]
    assert digits.validation.ids[0] == "50000"
    assert digits.validation.labels[:3].tolist() == [3, 8, 6]
    assert digits.test.labels[:3].tolist() == [7, 2, 1]
    fewer = load_pictures("mnist", validation=100, folder=data_folder / "mnist")
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
