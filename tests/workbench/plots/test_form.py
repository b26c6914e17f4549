"""Mean self-similarity of bars: one scale of colours, values where they can be read."""

import numpy as np
import pytest
from figures import check_figure, texts

from synvae_workbench import plots


def alike(bars: int, share: float) -> np.ndarray:
    """Matrices of two pieces whose bars agree on so many steps, more in one than in the other."""
    matrix = np.full((bars, bars), share)
    np.fill_diagonal(matrix, 1)
    return np.stack([matrix - 0.1, matrix + 0.1])


@pytest.mark.parametrize("bars", [2, 8, 16])
def test_figures_are_small_the_same_every_time_and_fetch_nothing(bars, remote_references):
    sets = {name: alike(bars, 0.4) for name in ("tunes", "rebuilt", "drawn")}
    check_figure(lambda: plots.bar_similarity_maps(sets), remote_references, most=150_000)


def test_values_are_means_of_the_pieces_in_percent_and_colours_are_comparable():
    figure = plots.bar_similarity_maps({"tunes": alike(3, 0.42), "drawn": alike(3, 0.1)})
    written = texts(figure)
    assert [written.count(text) for text in ("42", "10", "100")] == [6, 6, 0]
    assert {"tunes", "drawn"} <= {axes.get_title(loc="left") for axes in figure.axes}
    shades = [axes.collections[0].get_clim() for axes in figure.axes]
    assert shades[0] == shades[1] == (0, pytest.approx(0.42))


def test_a_scale_stands_for_the_values_of_long_pieces():
    figure = plots.bar_similarity_maps({"tunes": alike(16, 0.5)})
    assert "50" not in texts(figure)
    assert "steps alike" in texts(figure)


def test_nothing_alike_is_drawn_too():
    figure = plots.bar_similarity_maps({"drawn": np.eye(4)[None]})
    assert texts(figure).count("0") == 12


@pytest.mark.parametrize(
    "sets",
    [
        {},
        {"a": np.ones((3, 1, 1))},
        {"a": np.ones((0, 4, 4))},
        {"a": np.ones((1, 4, 4)), "b": np.ones((1, 8, 8))},
    ],
    ids=["no set", "one bar", "no piece", "two lengths"],
)
def test_what_has_no_matrix_is_refused(sets):
    with pytest.raises(ValueError, match="one number of bars"):
        plots.bar_similarity_maps(sets)
