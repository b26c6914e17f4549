"""Figures of the machine listener: points, curves and cells are its accuracies."""

import numpy as np
import pytest
from figures import check_figure, curves, whiskers

from synvae_core.metrics.machine_listener import Answers
from synvae_workbench.plots.machine_listener import accuracy_intervals, learning_curves, trio_map

GOOD = Answers(np.zeros(20, int), np.repeat([0, 1], [15, 5]))
POOR = Answers(np.zeros(10, int), np.repeat([0, 1], [3, 7]))
CURVES = {"mean": {1: np.array([0.3, 0.5]), 4: np.array([0.6, 0.8])}, "other": {1: np.array([0.4])}}
TRIOS = {(0, 1, 2): 0.5, (0, 1, 4): 0.7, (0, 2, 4): 0.4, (4, 2, 1): 0.35}
FIGURES = {
    "intervals": lambda: accuracy_intervals(
        {"good": GOOD, "poor": POOR}, chance=1 / 3, references={"people": 0.73}
    ),
    "curves": lambda: learning_curves(CURVES, chance=1 / 3, references={"people": 0.73}),
    "trios": lambda: trio_map(TRIOS, list("abcde"), chance=1 / 3, marked=(1, 0, 4)),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_figures_are_small_the_same_every_time_and_fetch_nothing(draw, remote_references):
    check_figure(draw, remote_references, most=100_000)


def test_points_and_whiskers_are_the_accuracies_and_their_intervals():
    (axes,) = FIGURES["intervals"]().axes
    assert curves(axes)[0].get_xydata().tolist() == [[0.75, 0], [0.3, 1]]
    np.testing.assert_allclose(whiskers(axes), [GOOD.interval(), POOR.interval()])
    texts = {text.get_text() for text in axes.texts}
    assert {"75.0% of 20", "30.0% of 10", "chance", "people"} == texts


def test_curves_are_means_and_the_band_is_that_of_the_first():
    (axes,) = FIGURES["curves"]().axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [0.4, 0.7])
    assert axes.lines[0].get_xdata().tolist() == [1, 4]
    assert axes.lines[1].get_ydata().tolist() == [0.4]
    assert len(axes.collections) == 1
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "4"]


def test_a_pair_is_the_mean_of_the_trios_with_both():
    pairs, every = FIGURES["trios"]().axes
    cells = {text.get_position(): text.get_text() for text in pairs.texts}
    assert cells[1.5, 0.5] == cells[0.5, 1.5] == "60"  # a with b: 0.5 and 0.7
    assert cells[3.5, 2.5] == "38"  # c with e: 0.4 and 0.35
    assert (0.5, 0.5) not in cells
    assert every.lines[0].get_ydata().tolist() == [0.35, 0.4, 0.5, 0.7]
    assert every.lines[1].get_ydata().tolist() == [0.7]
    assert "a, b, e" in {text.get_text() for text in every.texts}


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: accuracy_intervals({}, chance=1 / 3), "no listeners"),
        (lambda: learning_curves({}, chance=1 / 3), "needs sittings"),
        (lambda: learning_curves({"a": {1: np.zeros(0)}}, chance=1 / 3), "needs sittings"),
        (lambda: trio_map({}, "abc", chance=1 / 3), "some trios"),
        (lambda: trio_map(TRIOS, "abcde", chance=1 / 3, marked=(2, 3, 4)), r"\(2, 3, 4\) among"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
