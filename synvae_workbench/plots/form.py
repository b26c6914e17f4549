"""Form of pieces: mean self-similarity matrices of their bars."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from synvae_workbench.plots.alternatives import SHARE, tell, values_told
from synvae_workbench.plots.drawing import MOST_WRITTEN, heat_map, in_percent
from synvae_workbench.plots.style import panels, style

WIDTH = 8.4  # inches of a row
CELL, LARGEST = 0.3, 2.6  # inches of a bar, and of a whole matrix


def bar_similarity_maps(sets: Mapping[str, Float[np.ndarray, "_ bars bars"]]) -> Figure:
    """Mean self-similarity matrix of the bars of each set of pieces, on one scale of colours.

    A bar is always like itself: the diagonal is left white.

    Args:
        sets: self-similarity matrices of the pieces, 0..1, by the name of their set.

    Raises:
        ValueError: unless there is a set, and each has pieces of one number of bars, two or more.
    """
    shapes = {matrices.shape for matrices in sets.values()}
    lengths = {shape[1] for shape in shapes}
    if len(lengths) != 1 or lengths == {1} or not all(shape[0] for shape in shapes):
        raise ValueError(
            f"expected sets of pieces of one number of bars, two or more: got matrices {shapes}"
        )
    (bars,) = lengths
    means = {name: matrices.mean(0) for name, matrices in sets.items()}
    apart = ~np.eye(bars, dtype=bool)
    most = max(mean[apart].max() for mean in means.values())
    side = 0.7 + min(CELL * bars, LARGEST)
    numbers = pd.RangeIndex(1, bars + 1)
    written = (
        bars <= MOST_WRITTEN
    )  # values in the cells; else many cells, which are small as pixels
    options = {"square": True, "vmin": 0, "vmax": max(most, 0.01), "rasterized": not written}
    with style():
        figure, grid = panels(len(means), columns=int(WIDTH / side), width=side, height=side)
        for axes, (name, mean) in zip(grid, means.items(), strict=True):
            table = pd.DataFrame(np.where(apart, mean, np.nan), numbers, numbers)
            texts = np.where(apart, np.char.mod("%.0f", 100 * mean), "")
            heat_map(axes, table, texts, **options)
            axes.set_title(name)
            axes.tick_params(axis="x", rotation=0)
        grid[0].set(xlabel="bar", ylabel="bar")
        if not written:
            cells = grid[-1].collections[0]
            scale = figure.colorbar(cells, ax=grid, label="steps alike", shrink=0.5)
            in_percent(scale.ax.yaxis)
    told = []
    for name, mean in means.items():
        lags = {f"{lag} apart": np.diagonal(mean, lag).mean() for lag in range(1, bars)}
        told.append(values_told(f"{name}, steps alike of bars", lags, SHARE))
    return tell(figure, *told)
