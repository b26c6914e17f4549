"""What a parameter of a sweep changes: each measure over its values."""

from collections.abc import Mapping, Sequence
from numbers import Real

from matplotlib.figure import Figure

from synvae_workbench.plots.style import BLUE, INK, style, styled

COLUMNS = 3
LOGARITHMIC = 30  # times the smallest value, from which on a parameter's axis is logarithmic


def over_parameter(
    parameter: str, values: Sequence[object], measures: Mapping[str, Sequence[float]]
) -> Figure:
    """A panel for each measure: a point for each run, and a line through their means.

    Args:
        values: of the parameter, one for each run: numbers, or anything else, by its text.
        measures: by name, one number for each run.

    Raises:
        ValueError: if there is no run or no measure, or not as many numbers as values.
    """
    counts = {len(values), *map(len, measures.values())}
    if not measures or counts != {len(values)} or not values:
        raise ValueError(f"{parameter}: expected as many numbers as runs, got {sorted(counts)}")
    numeric = all(isinstance(value, Real) and not isinstance(value, bool) for value in values)
    named = sorted(set(values)) if numeric else sorted({str(value) for value in values})
    places = list(named) if numeric else list(range(len(named)))
    at = [places[named.index(value if numeric else str(value))] for value in values]
    rows = -(-len(measures) // COLUMNS)
    with style():
        figure = styled(3.3 * min(COLUMNS, len(measures)), 2.4 * rows)
        grid = figure.subplots(rows, min(COLUMNS, len(measures)), squeeze=False)
        for axes in grid.flat[len(measures) :]:
            axes.set_axis_off()
        for axes, (name, scores) in zip(grid.flat, measures.items(), strict=False):
            means = [
                sum(own) / len(own)
                for own in (
                    [score for here, score in zip(at, scores, strict=True) if here == place]
                    for place in places
                )
            ]
            axes.plot(places, means, color=BLUE, linewidth=1.4)
            axes.plot(at, scores, "o", color=INK, markersize=3.5, alpha=0.7)
            axes.set_title(name)
            axes.set_xlabel(parameter)
            if numeric and min(places) > 0 and max(places) > LOGARITHMIC * min(places):
                axes.set_xscale("log")
            axes.set_xticks(places, [f"{name:g}" if numeric else str(name) for name in named])
            axes.minorticks_off()
            axes.grid(visible=True, axis="y")
            axes.margins(0.12)
    return figure
