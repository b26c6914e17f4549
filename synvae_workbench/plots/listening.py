"""Accuracies in a listening test, with exact binomial intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synvae_workbench.plots.alternatives import SHARE, tell, values_told
from synvae_workbench.plots.drawing import GIVEN_INTERVAL, levels
from synvae_workbench.plots.palette import BLUE, FAINT, MUTED
from synvae_workbench.plots.style import new_figure, style

Interval = tuple[float, float, float]  # accuracy, lower and upper bound, in 0..1


def listener_accuracies(
    listeners: Sequence[Interval],
    *,
    overall: Interval,
    chance: float,
    references: Mapping[str, float] | None = None,
) -> Figure:
    """Accuracy of each listener, sorted, with the pooled accuracy as a band.

    Args:
        listeners: accuracy and interval of each.
        overall: of all answers together.
        chance: accuracy of guessing.
        references: other accuracies to compare with, by name.

    Raises:
        ValueError: if there is no listener, or an accuracy is outside its interval.
    """
    if not listeners:
        raise ValueError("there are no listeners to draw")
    ordered = np.array(sorted(listeners))
    values, low, high = ordered.T
    if not ((low <= values) & (values <= high)).all():
        raise ValueError("an interval encloses its accuracy: expected (accuracy, low, high)")
    lines = {"chance": chance, **(references or {})}
    with style():
        figure = new_figure(min(7.5, 3.2 + 0.22 * len(values)), 2.7)
        axes = figure.subplots()
        axes.axhspan(overall[1], overall[2], color=FAINT, zorder=0)
        axes.axhline(overall[0], color=BLUE, linewidth=1.2)
        whiskers = {**GIVEN_INTERVAL, "err_kws": {"color": MUTED, "linewidth": 1}}
        points = {"color": BLUE, "linestyle": "none", "markersize": 5, "markeredgewidth": 0}
        ranks = np.arange(1, len(values) + 1).repeat(3)
        sns.pointplot(x=ranks, y=ordered.ravel(), native_scale=True, ax=axes, **points, **whiskers)
        levels(axes, lines)
        close = min(abs(overall[0] - value) for value in lines.values()) < 0.06
        place = {"va": "bottom" if close else "center"}  # out of the way of the other name
        edge = axes.get_yaxis_transform()
        axes.text(1.01, overall[0], "all answers", transform=edge, color=BLUE, **place)
        axes.set(ylim=(0, 1.03), ylabel="accuracy", xlabel="listener, lowest first")
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
    ranked = {f"listener {rank}": value for rank, value in enumerate(values, 1)}
    return tell(
        figure,
        "All answers: {:.1%} ({:.1%} to {:.1%})".format(*overall),
        values_told("Accuracy, lowest first", ranked, SHARE),
        values_told("To compare with", lines, SHARE),
    )
