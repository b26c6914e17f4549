import numpy as np
import pytest
import torch
from photographed_digits import Scene, photograph
from PIL import Image

from synvae_core.models.classifiers import load_judge
from synvae_core.models.storage import PRETRAINED
from synvae_workbench.data.pictures.digits_on_paper import centre_digit, find_digit
from synvae_workbench.data.pictures.example_photographs import example_photographs
from synvae_workbench.data.registry import load_pictures
from synvae_workbench.training.judge import read_labels

SIDE = 112


def stroke(top=20, left=30, height=60, width=12):
    field = np.zeros((SIDE, SIDE), np.uint8)
    field[top : top + height, left : left + width] = 255
    return field


def centre_of_mass(picture):
    rows, columns = np.indices(picture.shape) + 0.5
    return (rows * picture).sum() / picture.sum(), (columns * picture).sum() / picture.sum()


@pytest.mark.parametrize(
    "field", [stroke(), stroke(0, 0), stroke(80, 10, 30, 90), stroke(5, 5, 9, 9)]
)
def test_a_drawing_fills_twenty_pixels_around_the_middle(field):
    picture = centre_digit(field)
    assert picture.shape == (1, 28, 28)
    assert picture.dtype == np.uint8
    sides = [np.ptp(np.flatnonzero(picture[0].any(axis))) + 1 for axis in (0, 1)]
    assert max(sides) == 20
    assert np.abs(np.array(centre_of_mass(picture[0].astype(float))) - 14).max() <= 0.51


def test_where_and_how_large_it_was_drawn_makes_no_difference():
    same = [
        centre_digit(stroke(10, 20)),
        centre_digit(stroke(40, 80)),
        centre_digit(stroke(0, 0, 100, 20)),
    ]
    assert np.array_equal(same[0], same[1])
    assert np.abs(same[0].astype(int) - same[2]).max() == 0


def test_digits_of_mnist_remain_about_what_they_are():
    for image in load_pictures("mnist_5k").test.images[:20, 0].numpy():
        again = centre_digit(image)[0].astype(float)
        moved = [np.roll(again, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        assert max(np.corrcoef(each.ravel(), image.ravel())[0, 1] for each in moved) > 0.8


def test_it_is_made_for_other_sizes_too():
    picture = centre_digit(stroke(), size=64)
    assert picture.shape == (1, 64, 64)
    assert np.ptp(np.flatnonzero(picture[0].any(1))) + 1 == round(64 * 20 / 28)


def test_a_dot_is_a_drawing_and_nothing_is_not():
    dot = np.zeros((SIDE, SIDE), np.uint8)
    dot[5, 5] = 1
    assert centre_digit(dot).max() == 1
    with pytest.raises(ValueError, match="nothing is drawn yet"):
        centre_digit(np.zeros((SIDE, SIDE), np.uint8))


def test_ink_at_one_end_does_not_push_the_rest_out():
    field = np.zeros((SIDE, SIDE), np.uint8)
    field[0:10, 0:10] = 255
    field[100:110, 100] = 1
    assert np.flatnonzero(centre_digit(field)[0].any(1)).max() < 28


@pytest.fixture(scope="module")
def digits():
    """Test digits of the judge's split, which it has not seen."""
    return load_pictures("mnist_5k").test.select(slice(0, 40))


def read(pictures):
    """What the shipped judge reads; -1 where no digit was found."""
    found = [find_digit(picture) for picture in pictures]
    blank = np.zeros((1, 28, 28), np.uint8)
    pixels = np.stack([blank if each is None else each.picture for each in found])
    labels = read_labels(load_judge(PRETRAINED / "judge_mnist_5k"), torch.from_numpy(pixels) / 255)
    return np.where([each is None for each in found], -1, labels.numpy())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scene", "least"),
    [
        (Scene(shadow=False, noise=3), 37),
        (Scene(), 37),
        (Scene(noise=14, blur=1.5), 37),
        (Scene(squares=True), 37),
        (Scene(thin=True), 33),
        (Scene(chalk=True, shadow=False), 37),
    ],
    ids=["even light", "shadow", "noise", "squared paper", "ball pen", "chalk"],
)
def test_photographed_digits_are_read_about_as_well_as_clean_ones(digits, scene, least):
    rng = np.random.default_rng(0)
    pictures = [photograph(image, scene, rng) for image in digits.images[:, 0].numpy()]
    assert (read(pictures) == digits.labels.numpy()).sum() >= least


def test_digits_of_mnist_are_found_in_either_polarity(digits):
    light = [np.repeat(image[..., None], 3, axis=2) for image in digits.images[:, 0].numpy()]
    for pictures, dark in ((light, False), ([255 - each for each in light], True)):
        assert (read(pictures) == digits.labels.numpy()).mean() >= 0.9
        assert all(find_digit(each).dark_ink == dark for each in pictures[:10])


def test_where_it_was_found_is_said(digits):
    page = np.full((300, 200, 3), 240, np.uint8)
    large = np.asarray(Image.fromarray(digits.images[0, 0].numpy()).resize((112, 112)))
    page[150:262, 60:172] = 240 - (large[..., None] * 0.8).astype(np.uint8)
    found = find_digit(page)
    rows, columns = (np.flatnonzero((large > 128).any(axis)) for axis in (1, 0))
    expected = [
        (150 + rows[0]) / 300,
        (60 + columns[0]) / 200,
        (150 + rows[-1]) / 300,
        (60 + columns[-1]) / 200,
    ]
    assert found.box == pytest.approx(expected, abs=0.03)
    assert found.sure
    assert "ink made light" in found.done


def test_paper_is_black_where_there_is_no_ink(digits):
    rng = np.random.default_rng(1)
    found = find_digit(photograph(digits.images[0, 0].numpy(), Scene(noise=14), rng))
    assert (found.picture == 0).mean() > 0.5
    assert found.picture.max() > 200


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 500, 3), (40, 40, 3), (400, 3, 3)])
def test_no_digit_is_found_where_there_is_none(shape):
    rng = np.random.default_rng(0)
    for picture in (np.full(shape, 255), np.zeros(shape), rng.integers(0, 256, shape)):
        found = find_digit(picture.astype(np.uint8))
        assert found is None or not found.sure


def test_no_photograph_is_surely_a_digit():
    for caption, pixels in example_photographs():
        found = find_digit(pixels)
        assert found is None or not found.sure, caption
