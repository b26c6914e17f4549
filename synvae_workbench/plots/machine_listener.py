"""Accuracies of machine listeners in the matching of melodies to pictures."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from synvae_core.metrics.machine_listener import Answers
from synvae_workbench.plots.alternatives import SHARE, curve_told, table_told, tell, values_told
from synvae_workbench.plots.drawing import (
    GIVEN_INTERVAL,
    MARKERS,
    heat_map,
    in_percent,
    legend_above,
    levels,
    row_marks,
)
from synvae_workbench.plots.palette import BLUE, FAINT, MUTED, VERMILION
from synvae_workbench.plots.style import colours, new_figure, style


def accuracy_intervals(
    answers: Mapping[str, Answers], *, chance: float, references: Mapping[str, float] | None = None
) -> Figure:
    """Accuracy of each machine listener with its exact 95 % interval.

    Args:
        answers: by the name of the listener.
        chance: accuracy of guessing.
        references: other accuracies to compare with, by name.

    Raises:
        ValueError: if there is no listener.
    """
    if not answers:
        raise ValueError("there are no listeners to draw")
    frame = pd.DataFrame(
        {name: [each.accuracy, *each.interval()] for name, each in answers.items()}
    )
    frame = frame.melt(var_name="listener", value_name="accuracy")
    with style():
        figure = new_figure(7.4, 1.0 + 0.3 * len(answers))
        axes = figure.subplots()
        row_marks(axes, frame, x="accuracy", y="listener", color=BLUE, **GIVEN_INTERVAL)
        for place, each in enumerate(answers.values()):
            text = f"{each.accuracy:.1%} of {len(each.truth)}"
            edge = axes.get_yaxis_transform()
            axes.text(1.01, place, text, va="center", fontsize=8, color=MUTED, transform=edge)
        levels(axes, {"chance": chance, **(references or {})}, upright=True)
        axes.set(xlim=(0, 1.02), xlabel="pictures found")
        axes.xaxis.set_major_locator(FixedLocator(np.linspace(0, 1, 6)))
        in_percent(axes.xaxis)
    told = {f"{name} ({len(each.truth)})": each.accuracy for name, each in answers.items()}
    compared = {"chance": chance, **(references or {})}
    return tell(
        figure,
        values_told("Pictures found (of how many)", told, SHARE),
        values_told("To compare with", compared, SHARE),
    )


def learning_curves(
    curves: Mapping[str, Mapping[int, Float[np.ndarray, " _"]]],
    *,
    chance: float,
    references: Mapping[str, float] | None = None,
) -> Figure:
    """Mean accuracy over the number of training examples of each class.

    Args:
        curves: accuracies of the sittings, by listener and number of examples; of the first
            listener the central 90 % are a band.
        chance: accuracy of guessing.
        references: other accuracies to compare with, by name.

    Raises:
        ValueError: if there is no listener, or one has no sitting.
    """
    if not curves or not all(len(x) for each in curves.values() for x in [each, *each.values()]):
        raise ValueError("every listener needs sittings at some number of examples")
    with style():
        figure = new_figure(6.4, 3.2)
        axes = figure.subplots()
        palette = colours(curves)
        for i, (name, curve) in enumerate(curves.items()):
            sittings = pd.concat({number: pd.Series(each) for number, each in curve.items()})
            band = {"errorbar": None if i else ("pi", 90), "err_kws": {"alpha": 0.12, "lw": 0}}
            line = {"color": palette[name], "label": name, "marker": MARKERS[i % len(MARKERS)]}
            line |= {"markeredgewidth": 0, "legend": False}
            numbers = sittings.index.get_level_values(0)
            sns.lineplot(x=numbers, y=sittings.to_numpy(), ax=axes, **line, **band)
        axes.set_xscale("log", base=2)
        numbers = sorted({number for curve in curves.values() for number in curve})
        axes.set_xticks(numbers, [str(number) for number in numbers])
        axes.xaxis.set_minor_locator(NullLocator())
        levels(axes, {"chance": chance, **(references or {})})
        axes.set(ylim=(0, 1.03), xlabel="examples of each class", ylabel="pictures found")
        in_percent(axes.yaxis)
        axes.grid(axis="y")
        legend_above(figure)
    told = (
        curve_told(
            f"{name}, over examples of each class",
            [*curve],
            [each.mean() for each in curve.values()],
            best="highest",
            form=SHARE,
        )
        for name, curve in curves.items()
    )
    compared = {"chance": chance, **(references or {})}
    return tell(figure, *told, values_told("To compare with", compared, SHARE))


def trio_map(
    accuracies: Mapping[tuple[int, ...], float],
    names: Sequence[str],
    *,
    chance: float,
    marked: tuple[int, ...] = (),
) -> Figure:
    """Accuracy by pair of classes, as the mean over trios with both, and by trio, sorted.

    Args:
        accuracies: by trio of classes.
        names: of the classes, by index.
        chance: accuracy of guessing.
        marked: a trio to highlight.

    Raises:
        ValueError: if there is no trio, or `marked` is not among them.
    """
    trios = {tuple(sorted(trio)): value for trio, value in accuracies.items()}
    marked = tuple(sorted(marked))
    if not trios or (marked and marked not in trios):
        raise ValueError(f"expected some trios and {marked or 'none'} among them: got {len(trios)}")
    classes = sorted({each for trio in trios for each in trio})
    table = np.full((len(classes), len(classes)), np.nan)
    for i, j in zip(*np.triu_indices(len(classes), 1), strict=True):
        both = [value for trio, value in trios.items() if {classes[i], classes[j]} <= {*trio}]
        table[i, j] = table[j, i] = np.mean(both) if both else np.nan
    with style():
        side = 0.38 * len(classes) + 1.0
        figure = new_figure(side + 4.0, max(side, 2.8))
        pairs, every = figure.subplots(1, 2, width_ratios=(side, 3.6))
        _draw_pairs(pairs, table, [names[each] for each in classes], chance)
        _draw_trios(every, trios, names, marked)
        levels(every, {"chance": chance})
    known = [names[each] for each in classes]
    upper = np.where(np.triu(np.ones_like(table), 1), table, np.nan)
    told = {", ".join(names[each] for each in trio): value for trio, value in trios.items()}
    own = ", ".join(names[each] for each in marked)
    return tell(
        figure,
        f"{len(trios)} trios, {np.mean([*trios.values()]):.1%} on average, chance {chance:.1%}",
        values_told("By trio", told, SHARE),
        f"marked: {own} {trios[marked]:.1%}" if marked else "",
        table_told("Trios with both classes", upper, (known, known), SHARE),
    )


def _draw_pairs(axes: Axes, table: np.ndarray, names: Sequence[str], chance: float) -> None:
    highest = max(np.nanmax(table), chance + 0.1)
    shown, texts = pd.DataFrame(table, names, names), np.char.mod("%.0f", 100 * table)
    heat_map(axes, shown, texts, square=True, vmin=chance, vmax=highest)
    axes.set_title("Trios with both classes, mean in %")


def _draw_trios(
    axes: Axes,
    trios: Mapping[tuple[int, ...], float],
    names: Sequence[str],
    marked: tuple[int, ...],
) -> None:
    order = sorted(trios, key=trios.get)
    axes.plot([trios[trio] for trio in order], "o", color=BLUE, markersize=2.5)
    if marked:
        at = order.index(marked)
        axes.plot(at, trios[marked], "o", color=VERMILION, markersize=5)
        text = ", ".join(names[each] for each in marked)
        offset = {"xytext": (-7, 5), "textcoords": "offset points", "ha": "right"}
        axes.annotate(text, (at, trios[marked]), color=VERMILION, fontsize=8.5, **offset)
    axes.set(title=f"All {len(order)} trios", ylim=(0, 1.03), xlabel="trio, lowest first")
    axes.set_xlim(-0.04 * len(order) - 1, 1.02 * len(order))
    axes.set_xticks([])
    in_percent(axes.yaxis)
    axes.grid(axis="y", color=FAINT)
