import numpy as np
import pytest

from synvae_workbench.data.registry import load_pictures
from synvae_workbench.live.assets import HERE
from synvae_workbench.live.draw import SIDE, drawing_to_digit


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
    picture = drawing_to_digit(field)
    assert picture.shape == (1, 28, 28)
    assert picture.dtype == np.uint8
    sides = [np.ptp(np.flatnonzero(picture[0].any(axis))) + 1 for axis in (0, 1)]
    assert max(sides) == 20
    assert np.abs(np.array(centre_of_mass(picture[0].astype(float))) - 14).max() <= 0.51


def test_where_and_how_large_it_was_drawn_makes_no_difference():
    same = [
        drawing_to_digit(stroke(10, 20)),
        drawing_to_digit(stroke(40, 80)),
        drawing_to_digit(stroke(0, 0, 100, 20)),
    ]
    assert np.array_equal(same[0], same[1])
    assert np.abs(same[0].astype(int) - same[2]).max() == 0


def test_digits_of_mnist_remain_about_what_they_are():
    for image in load_pictures("mnist_5k").test.images[:20, 0].numpy():
        again = drawing_to_digit(image)[0].astype(float)
        moved = [np.roll(again, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        assert max(np.corrcoef(each.ravel(), image.ravel())[0, 1] for each in moved) > 0.8


def test_it_is_made_for_other_sizes_too():
    picture = drawing_to_digit(stroke(), size=64)
    assert picture.shape == (1, 64, 64)
    assert np.ptp(np.flatnonzero(picture[0].any(1))) + 1 == round(64 * 20 / 28)


def test_a_dot_is_a_drawing_and_nothing_is_not():
    dot = np.zeros((SIDE, SIDE), np.uint8)
    dot[5, 5] = 1
    assert drawing_to_digit(dot).max() == 1
    with pytest.raises(ValueError, match="nothing is drawn yet"):
        drawing_to_digit(np.zeros((SIDE, SIDE), np.uint8))


def test_ink_at_one_end_does_not_push_the_rest_out():
    field = np.zeros((SIDE, SIDE), np.uint8)
    field[0:10, 0:10] = 255
    field[100:110, 100] = 1
    assert np.flatnonzero(drawing_to_digit(field)[0].any(1)).max() < 28


def test_the_field_can_be_used_by_keyboard():
    code = (HERE / "draw.js").read_text()
    for key in ("ArrowLeft", "ArrowDown", '" "', "Delete", "tabIndex", "aria-label"):
        assert key in code
