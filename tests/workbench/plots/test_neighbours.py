"""Figures of neighbours and of melodies by class: what they draw is what was measured."""

import numpy as np
import pytest
import torch
from figures import check_figure, curves, words
from no_checks import no_checks

from synvae_core.metrics.class_melodies import class_features, class_spread
from synvae_core.metrics.melody import FEATURE_NAMES
from synvae_core.metrics.neighbour_labels import chance_precision, neighbour_precision
from synvae_workbench.plots.class_melodies import spread_table, telling_features
from synvae_workbench.plots.neighbours import class_precision, neighbour_gallery, precision_curves
from synvae_workbench.plots.palette import BLUE

RNG = np.random.default_rng(0)
LABELS = torch.arange(60) % 3
LATENTS = torch.randn(60, 4, generator=torch.Generator().manual_seed(0)) + LABELS[:, None]
FOUND = neighbour_precision(LATENTS, LABELS, ks=(1, 5))[5]
CHANCE = chance_precision(LABELS)
NAMES = ["cat", "dog", "bird"]
PICTURES = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))
INDEX = torch.arange(8).reshape(2, 4) + 10
SAME = torch.tensor([[True, False, True, False], [False, False, False, True]])
EVENTS = np.where(RNG.random((60, 32)) < 0.4, RNG.integers(40, 60, (60, 32)), 0)
FEATURES = class_features(EVENTS, LABELS.numpy())
SPREAD = class_spread(EVENTS, LABELS.numpy())
PANELS = {"Means": {"visual": {1: 0.9, 10: 0.8}, "floor": {1: 0.7, 10: 0.6}}}
FIGURES = {
    "curves": lambda: precision_curves(PANELS, chance=0.1),
    "classes": lambda: class_precision({"notes": FOUND}, names=NAMES, chance=CHANCE),
    "gallery": lambda: neighbour_gallery(PICTURES, [0, 1], {"floor": INDEX}, {"floor": SAME}),
    "features": lambda: telling_features(FEATURES, names=NAMES),
    "spread": lambda: spread_table(SPREAD, names=NAMES),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_figures_are_small_the_same_every_time_and_fetch_nothing(draw, remote_references):
    check_figure(draw, remote_references, most=150_000)


def test_curves_go_through_the_precision_and_chance_is_a_line():
    (axes,) = FIGURES["curves"]().axes
    drawn = [line.get_xydata().tolist() for line in curves(axes)]
    assert drawn[0] == [[1, 0.9], [10, 0.8]]
    assert drawn[1] == [[1, 0.7], [10, 0.6]]
    assert [y for _, y in drawn[2]] == [0.1, 0.1]
    assert {"Means", "visual latents", "raw pixels", "chance", "10"} <= words(FIGURES["curves"]())


def test_every_class_has_its_precision_and_its_count():
    (axes,) = FIGURES["classes"]().axes
    found, chance = curves(axes)
    assert found.get_xdata().tolist() == FOUND.per_class.tolist()
    assert chance.get_xdata().tolist() == CHANCE.per_class.tolist()
    assert {"cat (20)", "bird (20)", "auditive latents, from the notes"} <= words(
        FIGURES["classes"]()
    )


def test_the_gallery_frames_what_is_alike_and_keeps_the_pictures():
    query, mosaic = (axes.images[0].get_array() for axes in FIGURES["gallery"]().axes)
    rows, columns = (np.array(mosaic.shape[:2]) // (2, 4)).tolist()
    blue = np.round(255 * np.array([int(BLUE[i : i + 2], 16) / 255 for i in (1, 3, 5)]))
    for (row, column), same in np.ndenumerate(SAME.numpy()):
        cell = mosaic[row * rows : (row + 1) * rows, column * columns : (column + 1) * columns]
        assert (cell == blue).all(-1).any() == same
        inner = cell[rows // 2 - 20 : rows // 2 + 20, columns // 2 - 20 : columns // 2 + 20]
        ink = 1 - inner[2::5, 2::5, 0] / 255  # eight pixels, each five wide
        shown = PICTURES[INDEX[row, column], 0].numpy()
        assert np.corrcoef(ink.ravel(), shown.ravel())[0, 1] > 0.999
    assert not (query == blue).all(-1).any()


def test_the_gallery_shows_pictures_in_colour():
    coloured = PICTURES.expand(60, 3, 8, 8) * torch.tensor([1.0, 0.5, 0.0])[:, None, None]
    figure = neighbour_gallery(coloured, [0, 1], {"floor": INDEX}, {"floor": ~SAME})
    centre = figure.axes[1].images[0].get_array()[30, 30]
    assert centre[0] > centre[1] > centre[2] == 0


@pytest.mark.slow
def test_features_stand_in_the_order_in_which_they_tell():
    bars, table = FIGURES["features"]().axes
    order = [FEATURE_NAMES.index(name) for name in FEATURES.ranked()]
    assert [bar.get_width() for bar in bars.patches] == FEATURES.share[order].tolist()
    assert bars.get_yticklabels()[0].get_text() == FEATURES.ranked()[0].replace("_", " ")
    drawn = table.collections[0].get_array().reshape(18, 3)
    np.testing.assert_allclose(drawn, FEATURES.effects.T[order])
    assert not {"+-0.0", "−0.0"} & words(FIGURES["features"]())
    few = telling_features(FEATURES.only(np.array([0, 2])), names=NAMES)
    np.testing.assert_allclose(
        few.axes[1].collections[0].get_array().reshape(18, 2), drawn[:, [0, 2]], atol=1e-12
    )
    assert {"cat", "bird"} <= words(few)
    assert "dog" not in words(few)


def test_the_spread_is_in_percent():
    axes = FIGURES["spread"]().axes[0]
    np.testing.assert_allclose(
        axes.collections[0].get_array().reshape(3, 3), 100 * SPREAD.unlike, atol=1e-9
    )
    assert f"{100 * SPREAD.unlike[0, 1]:.0f}" in words(FIGURES["spread"]())


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: precision_curves({}), "needs a space"),
        (lambda: precision_curves({"a": {}}), "needs a space"),
        (lambda: class_precision({}, names=NAMES, chance=CHANCE), "classes of chance"),
        (
            lambda: class_precision(
                {"notes": FOUND}, names=NAMES, chance=chance_precision(LABELS[:2])
            ),
            r"chance, \[0, 1\]: got \[\[0, 1, 2\]\]",
        ),
        (lambda: neighbour_gallery(PICTURES, [], {"a": INDEX}, {"a": SAME}), "got 0 queries"),
        (lambda: neighbour_gallery(PICTURES, [0], {}, {}), "every space needs"),
        (lambda: neighbour_gallery(PICTURES, [0], {"a": INDEX}, {"b": SAME}), "every space"),
        (lambda: neighbour_gallery(PICTURES, [0], {"a": INDEX}, {"a": SAME}), "of 2 pictures and"),
        (lambda: FEATURES.only(np.array([1, 7])), r"classes \[7\]"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with no_checks(), pytest.raises(ValueError, match=message):
        draw()
