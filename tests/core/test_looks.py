"""Looks of pictures: known answers, and levels that rise with what they are named after."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synvae_core.looks import ABSENT, LOOK_SIZE, SCALES, Look, look_indicators, looks_of


def plain(red, green, blue, *, size=32):
    return torch.tensor([red, green, blue]).view(1, 3, 1, 1).expand(1, 3, size, size)


def words(images):
    return Look(*looks_of(images)[0].tolist()).words


def checkerboard(square, low=0.0, high=1.0):
    rows = torch.arange(32) // square
    odd = (rows[:, None] + rows) % 2
    return (low + (high - low) * odd.float()).expand(1, 3, 32, 32)


def test_a_dark_blue_square_is_dark_and_blue():
    assert words(plain(0.05, 0.1, 0.5)) == "dark and blue, flat, calm"
    assert words(plain(0.9, 0.9, 0.9)) == "light and grey, flat, calm"
    assert words(checkerboard(1)) == "mid-tone and grey, high contrast, busy"
    assert words(checkerboard(16)) == "mid-tone and grey, high contrast, calm"


@pytest.mark.parametrize(
    ("colour", "hue"),
    [
        ((1.0, 0.0, 0.0), "red"),
        ((1.0, 0.4, 0.7), "red"),  # pink
        ((1.0, 0.5, 0.0), "orange"),
        ((0.4, 0.25, 0.1), "orange"),  # brown
        ((1.0, 1.0, 0.0), "yellow"),
        ((0.0, 1.0, 0.0), "green"),
        ((0.0, 0.0, 1.0), "blue"),
        ((0.5, 0.75, 1.0), "blue"),  # sky
        ((0.5, 0.5, 0.5), "grey"),
    ],
)
def test_hues_are_named_as_people_name_them(colour, hue):
    assert SCALES[0][looks_of(plain(*colour))[0, 0]] == hue


def test_a_grey_picture_of_one_channel_is_looked_at_like_that_of_three():
    grey = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert torch.equal(looks_of(grey), looks_of(grey.expand(-1, 3, -1, -1)))


def test_the_same_picture_with_more_pixels_has_the_same_look():
    images = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    images = images * torch.linspace(0.2, 1, 8)[:, None, None, None]
    larger = images.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.equal(looks_of(larger), looks_of(images))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 0.5), st.floats(1, 4))
def test_levels_rise_with_light_contrast_and_detail(seed, light, stretch):
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) / 4
    image = image.repeat_interleave(4, 2).repeat_interleave(4, 3)
    before = looks_of(image)[0]
    assert looks_of(image + light)[0, 1] >= before[1]
    mean = image.mean()
    more = looks_of(mean + stretch * (image - mean))[0]
    assert (more[2:] >= before[2:]).all()


def test_indicators_name_one_level_of_each_scale_and_none_of_an_absent_look():
    looks = torch.tensor([[0, 2, 1, 0], [5, 0, 0, 2], [ABSENT] * 4])
    found = look_indicators(looks)
    assert found.shape == (3, LOOK_SIZE)
    assert found.sum(1).tolist() == [4, 4, 0]
    assert found[1].nonzero().flatten().tolist() == [5, 6, 9, 14]


@pytest.mark.parametrize("shape", [(1, 2, 8, 8), (1, 3, 1, 8)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(ValueError, match="1 or 3 channels and 2 pixels"):
        looks_of(torch.zeros(shape))
