"""Shared elements of figures: heat maps, dot plots by row, reference lines, legends.

Statistical figures are drawn by seaborn (Waskom 2021) on axes that it is given, never by its
functions that make figures or set themes, which are global.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from synvae_workbench.plots.palette import INK, ON_LIGHT

DASHED = (0, (4, 3))
MARKERS = "oDs^v"
MOST_WRITTEN = 14  # most columns of a heat map with values written in its cells
EVEN = 0.24  # luminance on which ink and white have the same contrast (WCAG 2)
# Of the two ends of an interval and the estimate between them, which stand in a frame in place of
# a sample, the median is the estimate and the range is the interval.
GIVEN_INTERVAL = {"estimator": "median", "errorbar": ("pi", 100)}
# Of bars in the colours as they are, with dark whiskers.
BARS = {"saturation": 1, "gap": 0.08, "err_kws": {"color": INK, "linewidth": 0.9}}
# Of lines that differ in their marks, not in colour alone.
LINES = {"dashes": False, "markers": True, "markeredgewidth": 0}


def heat_map(
    axes: Axes, table: pd.DataFrame, texts: np.ndarray | None = None, **options: object
) -> None:
    """Heat map with text in every cell, in the legible one of two colours.

    Args:
        table: values, with the names of rows and columns; missing ones are white.
        texts: of the cells, left out of a table of more than `MOST_WRITTEN` columns.
        options: of `seaborn.heatmap`.
    """
    if table.shape[1] > MOST_WRITTEN:
        texts = None
    defaults = {"cmap": "Blues", "cbar": False, "linewidth": 1, "linecolor": "white"}
    names = {"xticklabels": True, "yticklabels": True, "annot_kws": {"fontsize": 8}}
    sns.heatmap(table, annot=texts, fmt="", ax=axes, **{**defaults, **names, **options})
    axes.collections[0].update_scalarmappable()  # which seaborn does for written cells alone
    shades = axes.collections[0].get_facecolors().reshape(*table.shape, 4)
    for text in axes.texts:
        column, row = map(int, text.get_position())
        light = sns.utils.relative_luminance(shades[row, column]) > EVEN
        text.set_color(ON_LIGHT if light else "white")
    axes.tick_params(length=0)
    axes.tick_params(axis="y", rotation=0)
    if any(name.get_rotation() for name in axes.get_xticklabels()):  # they would overlap
        slant_names(axes)


def slant_names(axes: Axes) -> None:
    """Slants the names of columns, so that long ones have room."""
    for name in axes.get_xticklabels():
        name.set(rotation=40, ha="right", rotation_mode="anchor")


def confusion_map(
    axes: Axes, percent: np.ndarray, names: Sequence[str], *, predicted: str = "read as"
) -> None:
    """Confusion matrix in percent of the row; values that round to 0 are not written."""
    rows = pd.Index(names, name="label")
    columns = pd.Index(names, name=f"{predicted} (% of the row)")
    texts = np.where(percent >= 0.5, np.char.mod("%.0f", percent), "")
    heat_map(axes, pd.DataFrame(percent, rows, columns), texts, square=True, vmin=0, vmax=100)


def format_signed(values: np.ndarray, decimals: int) -> np.ndarray:
    """Numbers as texts with their sign, as +1.50 and −0.25; zero is +0.00."""
    rounded = np.round(values, decimals) + 0.0  # never −0.00
    return np.char.replace(np.char.mod(f"%+.{decimals}f", rounded), "-", "−")


def row_marks(axes: Axes, frame: pd.DataFrame, **options: object) -> None:
    """Dot plot: `x` of each name `y` in a row, a colour and a marker for each `hue`, with a legend.

    Args:
        options: of `seaborn.pointplot`; with `GIVEN_INTERVAL`, dots have error bars.
    """
    kinds = len(options.get("palette", [""]))
    markers = [MARKERS[i % len(MARKERS)] for i in range(kinds)] if kinds > 1 else "o"
    defaults = {"errorbar": None, "linestyle": "none", "markers": markers, "orient": "y"}
    defaults |= {"markersize": 5, "linewidth": 1.2, "markeredgewidth": 0}
    sns.pointplot(frame, ax=axes, **{**defaults, **options})
    axes.set(xlabel="", ylabel="")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True)


def levels(axes: Axes, values: Mapping[str, float], *, upright: bool = False) -> None:
    """Dashed reference lines with their names at the end, horizontal or `upright`."""
    for name, value in values.items():
        if upright:
            axes.axvline(value, color=INK, linewidth=1, linestyle=DASHED)
            place, transform = (value, 1.01), axes.get_xaxis_transform()
            axes.text(*place, name, ha="center", fontsize=8, transform=transform)
        else:
            axes.axhline(value, color=INK, linewidth=1, linestyle=DASHED)
            axes.text(1.01, value, name, va="center", transform=axes.get_yaxis_transform())


def in_percent(axis: Axis) -> None:
    """Formats the ticks of shares as whole percents."""
    axis.set_major_formatter(PercentFormatter(1, decimals=0))


def legend_above(figure: Figure, *, columns: int = 4, first: Sequence[str] = ()) -> None:
    """Legend of all axes above them, in place of their own; each name once."""
    handles: dict[str, Artist | None] = dict.fromkeys(first)
    for axes in figure.axes:
        handles |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        if axes.get_legend():
            axes.get_legend().remove()
    options = {"loc": "outside upper left", "ncols": columns, "handlelength": 1.4}
    figure.legend(handles.values(), handles, **options)
