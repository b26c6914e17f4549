"""Fidelity of the reconstructions of loops."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from synvae_workbench.plots.alternatives import tell, values_told
from synvae_workbench.plots.drawing import DASHED, row_marks
from synvae_workbench.plots.palette import INK
from synvae_workbench.plots.style import colours, new_figure, style


def fidelity_dots(
    panels: Mapping[str, Mapping[str, ArrayLike]], *, goals: Mapping[str, float] | None = None
) -> Figure:
    """Distribution of each measure over windows, as dots, with the mean, by kind of loops.

    Args:
        panels: measure -> kind -> values of windows, such as of reconstructed training loops. The
            kinds are those of the first measure; one may be missing in the others.
        goals: reference line of a measure, by the measure's title.

    Raises:
        ValueError: if there is no panel, a kind has no value, or one is not finite.
    """
    values = {
        title: {kind: np.asarray(each, float) for kind, each in kinds.items()}
        for title, kinds in panels.items()
    }
    kinds = [*next(iter(values.values()), {})]
    given = [each for of in values.values() for each in of.values()]
    if not kinds or any(not each.size or not np.isfinite(each).all() for each in given):
        raise ValueError("there is nothing to draw: expected finite values of one kind or more")
    with style():
        figure = new_figure(3.4 * len(values) + 1.4, 0.9 + 0.34 * len(kinds))
        grid = figure.subplots(1, len(values), squeeze=False)[0]
        for axes, (title, of) in zip(grid, values.items(), strict=True):
            rows = [(kind, value) for kind, each in of.items() for value in each]
            frame = pd.DataFrame(rows, columns=["kind", title])
            places = {"x": title, "y": "kind", "order": kinds}
            dots = {"hue": "kind", "palette": colours(kinds), "size": 2.2, "alpha": 0.6}
            # a swarm, unlike a strip, has no random numbers; crowded dots may overlap
            sns.swarmplot(frame, legend=False, warn_thresh=1, ax=axes, **places, **dots)
            mean = {"color": INK, "markers": "|", "markersize": 15, "markeredgewidth": 2}
            row_marks(axes, frame, **places, **mean)
            for row, kind in enumerate(kinds):
                if kind in of:
                    at, offset = (of[kind].mean(), row), {"xytext": (0, 8), "fontsize": 7.5}
                    options = {"ha": "center", "textcoords": "offset points", **offset}
                    axes.annotate(f"{of[kind].mean():.2f}", at, **options)
            if title in (goals or {}):
                axes.axvline(goals[title], color=INK, linewidth=1, linestyle=DASHED)
            axes.set_title(title)
        for axes in grid[1:]:
            axes.set_yticklabels([])
    told = (
        values_told(
            f"{title}, mean (windows)",
            {f"{kind} ({len(each)})": each.mean() for kind, each in of.items()},
            ".2f",
        )
        for title, of in values.items()
    )
    return tell(figure, *told, values_told("Lines", goals) if goals else "")
