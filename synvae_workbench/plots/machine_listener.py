"""How often a machine that hears melodies finds their pictures."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from synvae_core.metrics.machine_listener import Answers
from synvae_workbench.plots.style import BLUE, FAINT, INK, MUTED, PALETTE, VERMILION, style, styled


def accuracy_intervals(
    answers: Mapping[str, Answers], *, chance: float, references: Mapping[str, float] | None = None
) -> Figure:
    """The accuracy of each listener with its exact 95 % interval.

    Args:
        answers: by the name of the listener.
        chance: accuracy of a guesser.
        references: other accuracies to compare with, by name.

    Raises:
        ValueError: if there is no listener.
    """
    if not answers:
        raise ValueError("there are no listeners to draw")
    places = np.arange(len(answers))
    values = np.array([each.accuracy for each in answers.values()])
    low, high = np.array([each.interval() for each in answers.values()]).T
    with style():
        figure = styled(7.4, 1.0 + 0.3 * len(answers))
        axes = figure.subplots()
        whiskers = np.maximum([values - low, high - values], 0)
        axes.errorbar(values, places, xerr=whiskers, fmt="o", color=BLUE, ecolor=BLUE, markersize=5)
        for place, each in enumerate(answers.values()):
            text = f"{each.accuracy:.1%} of {len(each.truth)}"
            edge = axes.get_yaxis_transform()
            axes.text(1.01, place, text, va="center", fontsize=8, color=MUTED, transform=edge)
        _references(axes, {"chance": chance, **(references or {})})
        axes.set_yticks(places, list(answers))
        axes.set(xlim=(0, 1.02), ylim=(len(answers) - 0.5, -0.6), xlabel="pictures found")
        axes.xaxis.set_major_locator(FixedLocator(np.linspace(0, 1, 6)))
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
    return figure


def learning_curves(
    curves: Mapping[str, Mapping[int, Float[np.ndarray, " _"]]],
    *,
    chance: float,
    references: Mapping[str, float] | None = None,
) -> Figure:
    """Mean accuracy over the number of examples of each class.

    Args:
        curves: accuracies of the sittings, by listener and number of examples; of the first
            listener the middle nine tenths are a band.
        chance: accuracy of a guesser.
        references: other accuracies to compare with, by name.

    Raises:
        ValueError: if there is no listener, or one has no sitting.
    """
    if not curves or not all(len(x) for each in curves.values() for x in [each, *each.values()]):
        raise ValueError("every listener needs sittings at some number of examples")
    with style():
        figure = styled(6.4, 3.2)
        axes = figure.subplots()
        for i, ((name, curve), colour) in enumerate(zip(curves.items(), PALETTE, strict=False)):
            numbers = list(curve)
            means = [each.mean() for each in curve.values()]
            axes.plot(numbers, means, "o-", color=colour, markersize=3.5, linewidth=1.4, label=name)
            if i == 0:
                band = np.array([np.quantile(each, [0.05, 0.95]) for each in curve.values()]).T
                axes.fill_between(numbers, *band, color=colour, alpha=0.12, lw=0)
        axes.set_xscale("log", base=2)
        numbers = sorted({number for curve in curves.values() for number in curve})
        axes.set_xticks(numbers, [str(number) for number in numbers])
        axes.xaxis.set_minor_locator(NullLocator())
        for name, value in {"chance": chance, **(references or {})}.items():
            axes.axhline(value, color=INK, linewidth=1, linestyle=(0, (4, 3)))
            axes.text(1.01, value, name, va="center", transform=axes.get_yaxis_transform())
        axes.set(ylim=(0, 1.03), xlabel="examples of each class", ylabel="pictures found")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="y")
        figure.legend(loc="outside upper left", ncols=4, handlelength=1.4)
    return figure


def trio_map(
    accuracies: Mapping[tuple[int, ...], float],
    names: Sequence[str],
    *,
    chance: float,
    marked: tuple[int, ...] = (),
) -> Figure:
    """Every two classes, by the mean over the trios with both; and every trio, lowest first.

    Args:
        accuracies: by trio of classes.
        names: of the classes, by index.
        chance: accuracy of a guesser.
        marked: a trio to be pointed at.

    Raises:
        ValueError: if there is no trio, or `marked` is none of them.
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
        figure = styled(side + 4.0, max(side, 2.8))
        pairs, every = figure.subplots(1, 2, width_ratios=(side, 3.6))
        _draw_pairs(pairs, table, [names[each] for each in classes], chance)
        _draw_trios(every, trios, names, marked)
        every.axhline(chance, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        every.text(1.01, chance, "chance", va="center", transform=every.get_yaxis_transform())
    return figure


def _draw_pairs(axes: Axes, table: np.ndarray, names: Sequence[str], chance: float) -> None:
    highest = max(np.nanmax(table), chance + 0.1)
    axes.pcolormesh(table, cmap="Blues", vmin=chance, vmax=highest, edgecolor="white", linewidth=1)
    for (row, column), value in np.ndenumerate(table):
        if np.isfinite(value):
            dark = value > chance + 0.55 * (highest - chance)
            axes.text(
                column + 0.5,
                row + 0.5,
                f"{100 * value:.0f}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if dark else INK,
            )
    ticks = np.arange(len(names)) + 0.5
    axes.set_xticks(ticks, names, **({"rotation": 90} if max(map(len, names)) > 2 else {}))
    axes.set_yticks(ticks, names)
    axes.set(title="Trios with both classes, mean in %", aspect="equal")
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


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
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(axis="y", color=FAINT)


def _references(axes: Axes, lines: Mapping[str, float]) -> None:
    for name, value in lines.items():
        axes.axvline(value, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(
            value,
            1.01,
            name,
            ha="center",
            va="bottom",
            fontsize=8,
            transform=axes.get_xaxis_transform(),
        )
