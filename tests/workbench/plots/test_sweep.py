"""Figures of sweeps: points are the runs, lines and squares their means."""

import numpy as np
import pytest
from figures import check_figure, curves, words

from synvae_workbench.plots.sweep import over_parameter, over_two_parameters

BETA, COUPLING = [0.1, 10.0, 0.1, 10.0], ["softmax", "gumbel", "softmax", "softmax"]
MEASURES = {"a/b": [1.0, 5.0, 3.0, 0.25], "c/d": [1e4, 2e4, 3e4, 4e4]}
FIGURES = {
    "one": lambda: over_parameter("BETA", BETA, MEASURES),
    "words": lambda: over_parameter("COUPLING", COUPLING, MEASURES),
    "two": lambda: over_two_parameters({"BETA": BETA, "COUPLING": COUPLING}, MEASURES),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_figures_are_small_the_same_every_time_and_fetch_nothing(draw, remote_references):
    check_figure(draw, remote_references, most=60_000)


def test_a_parameter_s_axis_has_its_values_the_points_its_runs_and_the_line_their_means():
    figure = over_parameter("BETA", [0.1, 10.0, 0.1], {"a/b": [1.0, 5.0, 3.0]})
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.1", "10"]
    np.testing.assert_allclose(curves(axes)[0].get_ydata(), [2.0, 5.0])
    assert sorted(axes.collections[0].get_offsets()[:, 1].tolist()) == [1, 3, 5]


def test_a_parameter_of_words_has_a_place_for_each():
    figure = over_parameter("COUPLING", ["softmax", "gumbel", True], {"a/b": [1.0, 2.0, 3.0]})
    (axes,) = figure.axes
    named = [text.get_text() for text in axes.get_xticklabels()]
    assert named == ["True", "gumbel", "softmax"]
    assert curves(axes)[0].get_ydata().tolist() == [3, 2, 1]


def test_squares_are_means_and_pairs_without_a_run_are_white():
    first, second = FIGURES["two"]().axes
    assert first.collections[0].get_array().filled(np.nan).tolist() == [
        pytest.approx([np.nan, 2], nan_ok=True),
        [5, 0.25],
    ]
    assert [text.get_text() for text in first.texts] == ["2", "5", "0.25"]
    assert [text.get_text() for text in second.get_xticklabels()] == ["gumbel", "softmax"]
    assert [text.get_text() for text in second.get_yticklabels()] == ["0.1", "10"]
    assert {"BETA", "COUPLING", "a/b", "c/d"} <= words(FIGURES["two"]())


@pytest.mark.parametrize("measures", [{}, {"a/b": [1.0]}])
def test_a_parameter_wants_a_number_for_each_run(measures):
    with pytest.raises(ValueError, match="expected as many numbers as runs"):
        over_parameter("BETA", [1, 2], measures)
    with pytest.raises(ValueError, match="expected as many numbers as runs"):
        over_two_parameters({"A": [1, 2], "B": [1, 2]}, measures)


def test_two_parameters_are_neither_one_nor_three():
    with pytest.raises(ValueError, match="two parameters, got A"):
        over_two_parameters({"A": [1]}, {"a/b": [1.0]})
