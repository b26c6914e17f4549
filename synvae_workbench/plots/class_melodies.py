"""Melodies by class: which features differ, and how far the classes lie apart."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from synvae_core.metrics.class_melodies import ClassFeatures, ClassSpread
from synvae_core.metrics.melody import FEATURE_NAMES
from synvae_workbench.plots.style import BLUE, INK, style, styled

MOST_WRITTEN = 14  # classes whose values are written into their squares


def telling_features(found: ClassFeatures, *, names: Sequence[str]) -> Figure:
    """Features in the order in which they tell the classes apart, and the mean of each class.

    Args:
        names: of all classes, by id.
    """
    ranked = found.ranked()
    order = [FEATURE_NAMES.index(name) for name in ranked]
    effects = found.effects.T[order]
    words = [name.replace("_", " ") for name in ranked]
    classes = [str(names[each]) for each in found.classes]
    with style():
        figure = styled(4.1 + 0.42 * len(classes), 0.7 + 0.24 * len(words))
        ratios = (1, 0.24 * len(classes) + 0.2)
        bars, table = figure.subplots(1, 2, width_ratios=ratios)
        drawn = bars.barh(np.arange(len(words)) + 0.5, found.share[order], 0.7, color=BLUE)
        values = [f"{share:.1%}" for share in found.share[order]]
        bars.bar_label(drawn, values, padding=3, fontsize=7.5)
        bars.set_yticks(np.arange(len(words)) + 0.5, words)
        bars.set(xlim=(0, 1.35 * max(found.share.max(), 1e-3)), ylim=(len(words), 0))
        bars.set_title("Variance between classes")
        bars.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        bars.tick_params(axis="y", length=0)
        most = max(np.abs(effects).max(), 1e-3)
        table.pcolormesh(effects, cmap="RdBu", vmin=-most, vmax=most, edgecolor="white")
        written = [[_signed(value) for value in row] for row in effects]
        _write(table, written, strong=np.abs(effects) > 0.6 * most)
        table.set_xticks(np.arange(len(classes)) + 0.5, classes, **_slanted(classes))
        table.set(yticks=[], ylim=(len(words), 0))
        table.set_title("Mean of the class, in s.d. of all melodies")
        table.tick_params(length=0)
        table.spines[:].set_visible(False)
    return figure


def spread_table(found: ClassSpread, *, names: Sequence[str]) -> Figure:
    """Steps at which melodies of two classes sound different, in percent; on the diagonal, of one.

    Args:
        names: of all classes, by id.
    """
    percent = 100 * found.unlike
    classes = [str(names[each]) for each in found.classes]
    side = 0.38 * len(classes)
    low, high = percent.min(), percent.max()
    with style():
        figure = styled(side + 1.6, side + 1.0)
        axes = figure.subplots()
        mesh = axes.pcolormesh(percent, cmap="Blues", vmin=low, vmax=high, edgecolor="white")
        written = [[f"{value:.0f}" for value in row] for row in percent]
        _write(axes, written, strong=percent > low + 0.6 * (high - low))
        places = np.arange(len(classes)) + 0.5
        axes.set_xticks(places, classes, **_slanted(classes))
        axes.set_yticks(places, classes)
        for place in range(len(classes)):  # the classes' own spread is what others compare with
            axes.add_patch(Rectangle((place, place), 1, 1, fill=False, edgecolor=INK))
        axes.set(aspect="equal", ylim=(len(classes), 0))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        bar = figure.colorbar(mesh, ax=axes, shrink=0.7, label="% of the steps sound different")
        bar.outline.set_visible(False)
    return figure


def _signed(value: float) -> str:
    return f"{round(value, 1) + 0.0:+.1f}".replace("-", "−")  # never −0.0


def _write(axes: Axes, texts: Sequence[Sequence[str]], *, strong: np.ndarray) -> None:
    """Values in the squares of a table, white where the square is dark; none of a large table."""
    if len(texts[0]) > MOST_WRITTEN:
        return
    for (row, column), dark in np.ndenumerate(strong):
        axes.text(
            column + 0.5,
            row + 0.5,
            texts[row][column],
            ha="center",
            va="center_baseline",
            fontsize=7.5,
            color="white" if dark else INK,
        )


def _slanted(names: Sequence[str]) -> dict[str, object]:
    """Options for names of classes below a table: upright where they are short."""
    if max(map(len, names)) <= 3:
        return {}
    return {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
