"""Figures of classifiers: their cells, dots and shares are what was measured."""

import numpy as np
import pytest
from figures import check_figure, curves, luminance

from synvae_core.metrics.classification import ClassScores
from synvae_workbench.plots.classification import (
    Cell,
    class_score_dots,
    confusions,
    train_test_table,
)

ORIGINAL, REBUILT = "originals", "reconstructions"
CELLS = {
    (ORIGINAL, ORIGINAL): Cell(0.971, (0.95, 0.985)),
    (ORIGINAL, REBUILT): Cell(0.8),
    (REBUILT, ORIGINAL): Cell(0.5),
    (REBUILT, REBUILT): Cell(0.25),
}
SCORES = ClassScores(*np.array([[1.0, 0.5], [0.25, 0.75], [0.4, 0.6]]), np.array([4, 8]))
COUNTS = np.array([[3, 1], [2, 6]])
FIGURES = {
    "table": lambda: train_test_table({"Accuracy": CELLS}),
    "dots": lambda: class_score_dots({"one": SCORES}, ["cat", "dog"]),
    "confusions": lambda: confusions({"one": COUNTS, "two": COUNTS.T, "three": COUNTS}, ["a", "b"]),
}


def written(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_figures_are_small_the_same_every_time_and_fetch_nothing(draw, remote_references):
    check_figure(draw, remote_references, most=100_000)


def test_rows_are_what_was_trained_on_and_columns_what_was_tested_on():
    (axes,) = FIGURES["table"]().axes
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells[0.5, 0.5] == "0.971\n0.950 – 0.985"
    assert cells[1.5, 0.5] == "0.800"  # trained on originals, tested on reconstructions
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [ORIGINAL, REBUILT]
    assert axes.yaxis_inverted()
    assert axes.collections[0].get_array().ravel().tolist() == [0.971, 0.8, 0.5, 0.25]


def test_texts_are_legible_on_the_colour_of_their_square():
    (axes,) = FIGURES["table"]().axes
    for text, shade in zip(axes.texts, axes.collections[0].get_facecolors(), strict=True):
        lighter, darker = sorted(map(luminance, (text.get_color(), shade[:3])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) > 3.5


def test_dots_stand_at_the_scores_of_their_class():
    precision, recall, f1 = FIGURES["dots"]().axes
    for axes, expected in ((precision, [1, 0.5]), (recall, [0.25, 0.75]), (f1, [0.4, 0.6])):
        assert curves(axes)[0].get_xdata().tolist() == expected
    assert [tick.get_text() for tick in precision.get_yticklabels()] == ["cat", "dog"]


def test_shares_are_of_the_row():
    first, second, *_ = FIGURES["confusions"]().axes
    assert written(first) == ["75", "25", "25", "75"]
    assert written(second) == ["60", "40", "14", "86"]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: train_test_table({}), "same cases"),
        (lambda: train_test_table({"a": CELLS, "b": {(ORIGINAL, ORIGINAL): Cell(1.0)}}), "same"),
        (lambda: train_test_table({"a": dict(list(CELLS.items())[:3])}), "every case of"),
        (lambda: class_score_dots({}, ["a", "b"]), "2 classes: got 0"),
        (lambda: class_score_dots({"one": SCORES}, ["a"]), "1 classes"),
        (lambda: confusions({}, ["a", "b"]), "2 classes"),
        (lambda: confusions({"one": COUNTS * [[0], [1]]}, ["a", "b"]), "without pictures"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
