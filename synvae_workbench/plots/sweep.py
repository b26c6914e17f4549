"""Measures of a sweep over the values of one parameter, or of two."""

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from synvae_workbench.plots.alternatives import table_told, tell, values_told
from synvae_workbench.plots.drawing import heat_map
from synvae_workbench.plots.palette import BLUE, INK
from synvae_workbench.plots.style import panels, style

COLUMNS = 3
LOGARITHMIC = 30  # least ratio of largest to smallest value for a logarithmic axis


def over_parameter(
    parameter: str, values: Sequence[object], measures: Mapping[str, Sequence[float]]
) -> Figure:
    """Each measure over a parameter: a point for each run, and a line through the means.

    Args:
        values: of the parameter, one for each run: numbers, or anything else, by its text.
        measures: by name, one number for each run.

    Raises:
        ValueError: if there is no run or no measure, or not as many numbers as values.
    """
    _check(parameter, values, measures)
    at = _comparable(values)
    numeric = not isinstance(at[0], str)
    runs = pd.DataFrame({**measures}, at).sort_index()
    named = [*runs.index.unique()]
    with style():
        figure, grid = panels(len(measures), columns=COLUMNS, width=3.3, height=2.4)
        for axes, (name, scores) in zip(grid, runs.items(), strict=True):
            sns.lineplot(x=runs.index, y=scores.to_numpy(), color=BLUE, errorbar=None, ax=axes)
            dots = {"color": INK, "s": 14, "linewidth": 0, "alpha": 0.7}
            sns.scatterplot(x=runs.index, y=scores.to_numpy(), ax=axes, **dots)
            if numeric and min(named) > 0 and max(named) > LOGARITHMIC * min(named):
                axes.set_xscale("log")
            axes.set(title=name, xlabel=parameter)
            axes.set_xticks(named if numeric else range(len(named)), [*map(_text, named)])
            axes.minorticks_off()
            axes.grid(visible=True, axis="y")
            axes.margins(0.12)
    told = (
        values_told(
            f"{name}, mean by {parameter}",
            {_text(value): scores.loc[[value]].mean() for value in named},
        )
        for name, scores in runs.items()
    )
    return tell(figure, f"{len(values)} runs", *told)


def over_two_parameters(
    values: Mapping[str, Sequence[object]], measures: Mapping[str, Sequence[float]]
) -> Figure:
    """Heat map of each measure over two parameters: means over the runs of each pair of values.

    Args:
        values: of two parameters by name, one for each run, as in `over_parameter`.
        measures: by name, one number for each run.

    Raises:
        ValueError: unless there are two parameters and a measure, with as many values of all.
    """
    if len(values) != 2:
        raise ValueError(f"expected two parameters, got {', '.join(values) or 'none'}")
    for parameter, each in values.items():
        _check(parameter, each, measures)
    names = [pd.Index(_comparable(each), name=parameter) for parameter, each in values.items()]
    tables = pd.DataFrame({**measures}, names).groupby(level=[0, 1]).mean()
    rows, columns = (len(level) for level in tables.index.levels)
    width, height = 0.6 * columns + 1.2, 0.3 * rows + 1.0
    with style():
        figure, grid = panels(len(measures), columns=COLUMNS, width=width, height=height)
        for axes, (name, means) in zip(grid, tables.items(), strict=True):
            table = means.unstack().rename(index=_text, columns=_text)
            heat_map(axes, table, np.vectorize("{:.3g}".format)(table))
            axes.set_title(name)
    told = []
    for name, means in tables.items():
        table = means.unstack()
        sides = tuple([*map(_text, side)] for side in (table.index, table.columns))
        told.append(table_told(f"{name}, mean by {' / '.join(values)}", table, sides))
    return tell(figure, *told)


def _check(
    parameter: str, values: Sequence[object], measures: Mapping[str, Sequence[float]]
) -> None:
    counts = {len(values), *map(len, measures.values())}
    if not measures or counts != {len(values)} or not values:
        raise ValueError(f"{parameter}: expected as many numbers as runs, got {sorted(counts)}")


def _comparable(values: Sequence[object]) -> list[float] | list[str]:
    """Values if all are numbers, else their texts."""
    numeric = all(isinstance(value, Real) and not isinstance(value, bool) for value in values)
    return [*values] if numeric else [str(value) for value in values]


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
