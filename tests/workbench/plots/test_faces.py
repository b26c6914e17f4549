"""Figures of photographs: what stands in them, and animations that play without a network."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from figures import check_figure, words
from no_checks import no_checks
from PIL import Image

from synvae_workbench.plots.faces import animation, pair_sheet, photo_grid, side_by_side

PICTURES = torch.linspace(0, 1, 7 * 64).view(7, 1, 8, 8)
COLOURED = torch.rand(7, 3, 8, 8, generator=torch.Generator().manual_seed(0))
OTHERS = 1 - COLOURED
DISTANCES = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
FIGURES = {
    "grid": lambda: photo_grid({"held out": PICTURES, "rebuilt": PICTURES}),
    "sheet": lambda: pair_sheet(COLOURED, OTHERS, DISTANCES, close=2.5, columns=4),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_figures_are_small_the_same_every_time_and_fetch_nothing(draw, remote_references):
    check_figure(draw, remote_references, most=100_000)


def test_grey_photographs_are_light_where_they_are_light():
    shown = FIGURES["grid"]().axes[0].images[0]
    assert shown.get_array().shape == (8, 8, 3)
    np.testing.assert_allclose(shown.get_array()[..., 0], PICTURES[0, 0])


def test_each_picture_stands_above_its_nearest_and_close_ones_are_marked():
    figure = FIGURES["sheet"]()
    grid = [axes for axes in figure.axes if axes.images]
    assert len(grid) == 14
    drawn, nearest = figure.axes[8 + 1], figure.axes[12 + 1]  # the sixth pair
    np.testing.assert_allclose(drawn.images[0].get_array(), COLOURED[5].permute(1, 2, 0))
    np.testing.assert_allclose(nearest.images[0].get_array(), OTHERS[5].permute(1, 2, 0))
    assert nearest.get_xlabel() == "6"
    assert {"drawn", "nearest", "1 close", "2 close", "3", "7"} <= words(figure)


def frames_of(page):
    data = re.search(r'<img [^>]*src="data:image/webp;base64,([^"]+)"', page)[1]
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_an_animation_shows_all_pictures_over_and_over(remote_references):
    page = animation(COLOURED, alt="a <walk>", seconds=0.2).data
    moving = frames_of(page)
    assert (moving.n_frames, moving.size, moving.info["loop"]) == (7, (8, 8), 0)
    moving.seek(3)
    expected = COLOURED[3].permute(1, 2, 0).numpy() * 255
    assert np.abs(np.asarray(moving.convert("RGB")).mean() - expected.mean()) < 10
    assert moving.info["duration"] == 200
    assert 'alt="a &lt;walk&gt;"' in page
    assert not remote_references(page)
    still = re.search(r'reduce\)" srcset="data:image/webp;base64,([^"]+)"', page)[1]
    assert Image.open(io.BytesIO(base64.b64decode(still))).n_frames == 1


def test_an_animation_is_small():
    frames = torch.nn.functional.interpolate(COLOURED, 64, mode="bilinear")
    assert len(animation(frames.repeat(8, 1, 1, 1), alt="walk").data) < 150_000


def test_walks_are_seen_side_by_side():
    both = side_by_side(COLOURED, 1 - COLOURED)
    assert both.shape == (7, 3, 8, 17)
    assert torch.equal(both[..., :8], COLOURED)
    assert (both[..., 8] == 1).all()
    with no_checks(), pytest.raises(ValueError, match="have one shape"):
        side_by_side(COLOURED, COLOURED[:3])


def test_what_cannot_be_drawn_is_refused():
    with no_checks(), pytest.raises(ValueError, match="got 7, 6 and 7"):
        pair_sheet(PICTURES, PICTURES[:6], DISTANCES, close=1.0)
    with pytest.raises(ValueError, match="got 0, 0 and 0"):
        pair_sheet(PICTURES[:0], PICTURES[:0], [], close=1.0)
    with no_checks(), pytest.raises(ValueError, match="rows of equally many"):
        photo_grid({"a": PICTURES, "b": PICTURES[:2]})
    for frames, alt, seconds in ((PICTURES[:1], "walk", 1.0), (PICTURES, " ", 1.0)):
        with pytest.raises(ValueError, match="two pictures or more"):
            animation(frames, alt=alt, seconds=seconds)
    with pytest.raises(ValueError, match="for -1"):
        animation(PICTURES, alt="walk", seconds=-1.0)


def test_a_notebook_shows_every_pixel_as_it_is():
    picture = FIGURES["sheet"]()._repr_svg_()
    data = re.search(r'data:image/webp;base64,([^"]+)"', picture)[1]
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    np.testing.assert_allclose(shown / 255, COLOURED[0].permute(1, 2, 0), atol=0.004)
