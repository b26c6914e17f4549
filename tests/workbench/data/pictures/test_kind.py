import numpy as np
import pytest

from synvae_workbench.data.pictures.cifar import find_cifar10, read_test_pictures
from synvae_workbench.data.pictures.descriptors import describe_pictures, small_copy
from synvae_workbench.data.pictures.digits_on_paper import find_digit
from synvae_workbench.data.pictures.example_photographs import example_photographs
from synvae_workbench.data.pictures.kind import (
    DIGIT,
    KINDS,
    PAINTING,
    PHOTOGRAPH,
    painting_share,
    picture_kind,
)
from synvae_workbench.data.registry import PictureOptions, load_pictures


def kind_of(picture):
    return picture_kind(picture, find_digit(picture))


@pytest.mark.parametrize(
    ("caption", "pixels"), example_photographs(), ids=lambda each: str(each)[:12]
)
def test_whole_photographs_are_told_as_such_or_not_for_sure(caption, pixels):
    kind = kind_of(pixels)
    assert kind.name == PHOTOGRAPH or not kind.sure, caption


def test_a_digit_is_said_with_its_ink():
    light = np.repeat(load_pictures("mnist_5k").test.images[0, 0].numpy()[..., None], 3, axis=2)
    assert kind_of(light) == (DIGIT, True, "one light stroke on dark")
    dark = kind_of(255 - light)
    assert dark.words == "Taken as a handwritten digit: one dark stroke on light paper."


@pytest.mark.parametrize("value", [0, 90, 255])
def test_of_an_empty_picture_nothing_is_sure(value):
    kind = kind_of(np.full((60, 80, 3), value, np.uint8))
    assert not kind.sure
    assert kind.words.startswith("Taken as ")
    assert ", not for sure: " in kind.words


def test_descriptors_are_finite_and_know_no_resolution():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (3, 32, 32, 3), np.uint8)
    pictures[1] = 0
    pictures[2, :, :16] = 255
    found = describe_pictures(pictures)
    assert np.isfinite(found).all()
    _, large = example_photographs()[0]
    half = np.ascontiguousarray(large[::2, ::2])
    shares = painting_share(np.stack([small_copy(large), small_copy(half)]))
    assert shares[0] == pytest.approx(shares[1], abs=0.15)


def test_every_kind_has_words():
    assert set(KINDS) == {DIGIT, PHOTOGRAPH, PAINTING}


@pytest.mark.data
@pytest.mark.slow
def test_test_pictures_are_told_as_the_card_says(data_folder):
    photographs, _ = read_test_pictures(find_cifar10(data_folder / "cifar10"), 1000)
    shares = painting_share(photographs.images.numpy().transpose(0, 2, 3, 1))
    assert (shares < 0.5).mean() > 0.88
    options = PictureOptions(
        folder=data_folder / "paintings" / "test", size=32, test=1000, validation=10
    )
    paintings = load_pictures("paintings", options)
    shares = painting_share(paintings.test.images.numpy().transpose(0, 2, 3, 1))
    assert len(shares) == 1000
    assert (shares > 0.5).mean() > 0.88
