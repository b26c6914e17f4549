"""What a classifier reads in pictures that are not those it was trained on."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synvae_core.metrics.classification import ClassScores
from synvae_workbench.plots.style import INK, PALETTE, style, styled

MEASURES = {"precision": "Precision", "recall": "Recall", "f1": "F1"}
Case = tuple[str, str]  # what was trained on, what was tested on


class Cell(NamedTuple):
    """A value in 0..1 and, where it is known, its interval."""

    value: float
    interval: tuple[float, float] | None = None


def train_test_table(panels: Mapping[str, Mapping[Case, Cell]]) -> Figure:
    """A table for each measure: rows by what was trained on, columns by what was tested on.

    Raises:
        ValueError: if there is no panel, or the panels differ in their cases.
    """
    cases = [list(cells) for cells in panels.values()]
    if not cases or not cases[0] or any(each != cases[0] for each in cases):
        raise ValueError(f"every table needs the same cases: got {cases}")
    trained, tested = ([*dict.fromkeys(case[i] for case in cases[0])] for i in range(2))
    if len(cases[0]) != len(trained) * len(tested):
        raise ValueError(f"a table has every case of {trained} and {tested}, got {cases[0]}")
    with style():
        figure = styled(2.6 * len(panels) + 0.8, 0.9 + 0.75 * len(trained))
        grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for axes, (title, cells) in zip(grid, panels.items(), strict=True):
            table = np.array([[cells[row, column].value for column in tested] for row in trained])
            _shade(axes, table, 0, 1)
            for (row, column), value in np.ndenumerate(table):
                interval = cells[trained[row], tested[column]].interval
                text = f"{value:.3f}"
                text += f"\n{interval[0]:.3f} – {interval[1]:.3f}" if interval else ""
                _write(axes, row, column, text, value)
            axes.set_title(title)
            axes.set_xticks(np.arange(len(tested)) + 0.5, tested)
            axes.set_yticks(np.arange(len(trained)) + 0.5, trained)
            axes.set_xlabel("tested on")
        grid[0].set_ylabel("trained on")
        grid[0].invert_yaxis()  # of all: they share the axis
    return figure


def class_score_dots(scores: Mapping[str, ClassScores], names: Sequence[str]) -> Figure:
    """Precision, recall and F1 of each class, the cases in colours.

    Args:
        scores: by case.
        names: of the classes, in the order of the scores.

    Raises:
        ValueError: if there is no case, or a case has not as many classes as names.
    """
    if not scores or any(len(each.f1) != len(names) for each in scores.values()):
        raise ValueError(f"every case needs scores of the {len(names)} classes: got {len(scores)}")
    with style():
        figure = styled(8.2, 1.1 + 0.3 * len(names))
        grid = figure.subplots(1, len(MEASURES), sharey=True)
        places = np.arange(len(names))
        for axes, (measure, title) in zip(grid, MEASURES.items(), strict=True):
            for i, ((case, each), colour) in enumerate(zip(scores.items(), PALETTE, strict=False)):
                at = places + 0.17 * (i - (len(scores) - 1) / 2)  # equal ones beside each other
                axes.plot(getattr(each, measure), at, "o", color=colour, markersize=4, label=case)
            axes.set(title=title, xlim=(-0.02, 1.02))
            axes.set_yticks(places, names)
            axes.tick_params(axis="y", length=0)
            axes.grid(visible=True)
        grid[0].invert_yaxis()
        handles, cases = grid[0].get_legend_handles_labels()
        figure.legend(handles, cases, loc="outside upper left", ncols=2, handlelength=1.0)
    return figure


def confusions(
    counts: Mapping[str, Int[np.ndarray, "classes classes"]],
    names: Sequence[str],
    *,
    columns: int = 2,
) -> Figure:
    """How often each class (row) was taken for each other, in percent of the row, by case.

    Raises:
        ValueError: if there is no case, a case has not as many classes as names, or an empty row.
    """
    sizes = {len(each) for each in counts.values()}
    if sizes != {len(names)}:
        raise ValueError(f"every case needs counts of the {len(names)} classes: got {sizes}")
    if not all(each.sum(1).all() for each in counts.values()):
        raise ValueError("a class without pictures has no shares: leave it out")
    columns = min(columns, len(counts))
    rows, side = -(-len(counts) // columns), 0.3 * len(names) + 0.9
    ticks = np.arange(len(names)) + 0.5
    with style():
        figure = styled(side * columns, side * rows)
        grid = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axes in grid[len(counts) :]:
            axes.set_axis_off()
        for axes, (case, each) in zip(grid, counts.items(), strict=False):
            share = 100 * each / each.sum(1, keepdims=True)
            _shade(axes, share, 0, 100)
            for (row, column), value in np.ndenumerate(share):
                if value >= 0.5:
                    _write(axes, row, column, f"{value:.0f}", value / 100)
            axes.set_title(case)
            turned = {"rotation": 90} if max(map(len, names)) > 2 else {}
            axes.set_xticks(ticks, names, **turned)
            axes.set_yticks(ticks, names)
            axes.set(aspect="equal", xlabel="read as (% of the row)", ylabel="label")
            axes.invert_yaxis()
    return figure


def _shade(axes: Axes, table: np.ndarray, low: float, high: float) -> None:
    axes.pcolormesh(table, cmap="Blues", vmin=low, vmax=high, edgecolor="white", linewidth=1)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _write(axes: Axes, row: int, column: int, text: str, shade: float) -> None:
    axes.text(
        column + 0.5,
        row + 0.5,
        text,
        ha="center",
        va="center",
        fontsize=8,
        color="white" if shade > 0.55 else INK,
    )
