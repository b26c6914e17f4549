"""Figures of drawn digits: what stands in them is what was measured."""

import numpy as np
import pytest
import torch
from figures import check_figure, curves, whiskers, words

from synvae_core.metrics.note_recall import Share
from synvae_workbench.plots.speech import agreement_intervals, measures_by_class, picture_mosaic

DIGITS = {"0": Share(20, 30), "1": Share(30, 30)}
PANELS = {
    "By digit": {"means": DIGITS, "samples": {"0": Share(15, 30), "1": Share(3, 30)}},
    "By speaker": {"means": {"theo": Share(9, 10)}, "samples": {"theo": Share(8, 10)}},
}
SPREAD = {"means": {"0": 1.0, "1": 2.0}, "real": {"0": 9.0, "1": 8.0}}
MEASURES = {"Spread": SPREAD, "Coverage": {"means": {"0": 0.25, "1": 0.5}}}
PICTURES = torch.linspace(0, 1, 3 * 16).view(3, 1, 4, 4)
FIGURES = {
    "agreement": lambda: agreement_intervals(PANELS, references={"chance": 0.1}),
    "measures": lambda: measures_by_class(MEASURES, references={"Coverage": 0.97}),
    "mosaic": lambda: picture_mosaic({"one": PICTURES, "two": PICTURES[:2]}, columns={1: "second"}),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_figures_are_small_the_same_every_time_and_fetch_nothing(draw, remote_references):
    check_figure(draw, remote_references, most=100_000)


def test_marks_and_whiskers_are_shares_and_their_intervals():
    axes, _ = FIGURES["agreement"]().axes
    means, samples, *_ = curves(axes)
    for mark, shares in ((means, "means"), (samples, "samples")):
        values = [each.value for each in PANELS["By digit"][shares].values()]
        assert mark.get_xdata().tolist() == values
    ends = [each.interval() for kind in PANELS["By digit"].values() for each in kind.values()]
    np.testing.assert_allclose(whiskers(axes), ends, atol=1e-9)
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["0 (30)", "1 (30)"]
    assert axes.yaxis_inverted()
    assert {"means", "samples", "chance", "theo (10)"} <= words(FIGURES["agreement"]())
    assert axes.get_xlim()[0] <= PANELS["By digit"]["samples"]["1"].interval()[0]


def test_measures_stand_at_their_values_in_the_colour_of_their_kind():
    spread, coverage = FIGURES["measures"]().axes
    means, real = curves(spread)
    assert means.get_xdata().tolist() == [1, 2]
    assert real.get_xdata().tolist() == [9, 8]
    assert means.get_color() == curves(coverage)[0].get_color() != real.get_color()
    assert means.get_marker() != real.get_marker()
    assert any(list(line.get_xdata()) == [0.97, 0.97] for line in coverage.lines)


def test_pictures_stand_in_their_rows_and_columns():
    (axes,) = picture_mosaic({"one": PICTURES.round(), "two": PICTURES[:1].round()}).axes
    image = axes.images[0].get_array()
    assert image.shape == (2 * 4 + 2, 3 * 4 + 2 * 2, 3)
    dark = image[..., 0] < 128
    assert np.array_equal(dark[:4, :4], PICTURES[0, 0].round().bool().numpy())
    assert np.array_equal(dark[:4, 6:10], PICTURES[1, 0].round().bool().numpy())
    assert not dark[6:, 6:].any()  # the second row is shorter
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["one", "two"]


def test_coloured_pictures_keep_their_colours():
    red = torch.zeros(1, 3, 2, 2)
    red[:, 0] = 1
    (axes,) = picture_mosaic({"red": red}).axes
    assert axes.images[0].get_array()[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: agreement_intervals({}), "nothing to draw"),
        (lambda: agreement_intervals({"a": {}}), "'a': every kind needs the same names"),
        (lambda: agreement_intervals({"a": {"x": {}}}), "and some"),
        (lambda: agreement_intervals({"a": {"x": DIGITS, "y": {"0": Share(1, 2)}}}), "the same"),
        (lambda: measures_by_class({}), "nothing to draw"),
        (lambda: measures_by_class({"a": {"x": {"0": 1.0}, "y": {"1": 1.0}}}), "the same"),
        (lambda: picture_mosaic({}), "some pictures"),
        (lambda: picture_mosaic({"a": PICTURES[:0]}), "some pictures"),
        (lambda: picture_mosaic({"a": PICTURES, "b": torch.zeros(1, 1, 5, 5)}), "all of one size"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
