"""Classifiers trained on real or reconstructed pictures and tested on the others."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int
from matplotlib.figure import Figure

from synvae_core.metrics.classification import ClassScores
from synvae_workbench.plots.alternatives import confusion_told, tell, values_told
from synvae_workbench.plots.drawing import confusion_map, heat_map, legend_above, row_marks
from synvae_workbench.plots.style import colours, new_figure, panels, style

MEASURES = {"precision": "Precision", "recall": "Recall", "f1": "F1"}
Case = tuple[str, str]  # what was trained on, what was tested on


class Cell(NamedTuple):
    """Value in 0..1 with its interval, if known."""

    value: float
    interval: tuple[float, float] | None = None


def train_test_table(panels: Mapping[str, Mapping[Case, Cell]]) -> Figure:
    """Heat map of each measure: training sets by rows, test sets by columns.

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
        figure = new_figure(2.6 * len(panels) + 0.8, 0.9 + 0.75 * len(trained))
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (title, cells) in zip(grid, panels.items(), strict=True):
            table = pd.Series({case: cell.value for case, cell in cells.items()}).unstack()
            texts = pd.Series({case: _text(cell) for case, cell in cells.items()}).unstack()
            heat_map(
                axes,
                table.loc[trained, tested],
                texts.loc[trained, tested].to_numpy(),
                vmin=0,
                vmax=1,
                yticklabels=axes is grid[0],
            )
            axes.set(title=title, xlabel="tested on", ylabel="trained on" * (axes is grid[0]))
    told = (
        values_told(f"{title}, trained on / tested on", _named(cells), ".3f")
        for title, cells in panels.items()
    )
    return tell(figure, *told)


def class_score_dots(scores: Mapping[str, ClassScores], names: Sequence[str]) -> Figure:
    """Precision, recall and F1 of each class, by case of training and test set.

    Args:
        scores: by case.
        names: of the classes, in the order of the scores.

    Raises:
        ValueError: if there is no case, or a case has not as many classes as names.
    """
    if not scores or any(len(each.f1) != len(names) for each in scores.values()):
        raise ValueError(f"every case needs scores of the {len(names)} classes: got {len(scores)}")
    tables = {case: pd.DataFrame(each._asdict(), [*names]) for case, each in scores.items()}
    frame = pd.concat(tables, names=["case", "class"]).reset_index()
    with style():
        figure = new_figure(8.2, 1.1 + 0.3 * len(names))
        grid = figure.subplots(1, len(MEASURES))
        for axes, (measure, title) in zip(grid, MEASURES.items(), strict=True):
            # beside each other, equal ones can be told apart
            options = {"palette": colours(scores), "dodge": 0.17 * (len(scores) - 1)}
            row_marks(axes, frame, x=measure, y="class", hue="case", **options)
            axes.set(title=title, xlim=(-0.02, 1.02))
        for axes in grid[1:]:
            axes.set_yticklabels([])
        legend_above(figure, columns=2)
    told = (
        values_told(f"{title}, {case}", dict(zip(names, getattr(each, measure), strict=True)))
        for measure, title in MEASURES.items()
        for case, each in scores.items()
    )
    return tell(figure, *told)


def confusions(
    counts: Mapping[str, Int[np.ndarray, "classes classes"]],
    names: Sequence[str],
    *,
    columns: int = 2,
) -> Figure:
    """Confusion matrices in percent of the true class, a panel for each case.

    Raises:
        ValueError: if there is no case, a case has not as many classes as names, or an empty row.
    """
    sizes = {len(each) for each in counts.values()}
    if sizes != {len(names)}:
        raise ValueError(f"every case needs counts of the {len(names)} classes: got {sizes}")
    if not all(each.sum(1).all() for each in counts.values()):
        raise ValueError("a class without pictures has no shares: leave it out")
    side = 0.3 * len(names) + 0.9
    with style():
        figure, grid = panels(len(counts), columns=columns, width=side, height=side)
        for axes, (case, each) in zip(grid, counts.items(), strict=True):
            confusion_map(axes, 100 * each / each.sum(1, keepdims=True), names)
            axes.set_title(case)
    told = (
        confusion_told(case, 100 * each / each.sum(1, keepdims=True), names)
        for case, each in counts.items()
    )
    return tell(figure, *told)


def _named(cells: Mapping[Case, Cell]) -> dict[str, float]:
    return {" / ".join(case): cell.value for case, cell in cells.items()}


def _text(cell: Cell) -> str:
    interval = "\n{:.3f} – {:.3f}".format(*cell.interval) if cell.interval else ""
    return f"{cell.value:.3f}{interval}"
