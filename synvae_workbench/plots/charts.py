"""Charts of what a run measured: losses over time, neighbours, confusions."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from sklearn.metrics import confusion_matrix

from synvae_workbench.plots.style import BLUE, INK, PALETTE, REFERENCE, VERMILION, style, styled

SPACES = {
    "visual": "visual latents",
    "notes": "auditive latents, from the notes",
    "floor": "raw pixels",
}
UNITS = ("nats", "bits", "seconds")


def loss_curves(
    history: Sequence[Mapping[str, float]] | Mapping[str, Sequence[float]], *, columns: int = 4
) -> Figure:
    """Each named term over the epochs, in a panel of its own scale.

    Args:
        history: terms of each epoch, or epochs of each term. A term that ends in a unit, such as
            `kl_nats`, is labelled with it; `validation_kl_nats` joins the panel of `kl_nats`;
            `epoch` numbers the epochs, which else count from 1.
        columns: panels in a row.

    Raises:
        ValueError: if there is no epoch or no term.
    """
    terms = _terms(history)
    epochs = terms.pop("epoch", None)
    validated = {name for name in terms if f"validation_{name}" in terms}
    panels = [name for name in terms if name.removeprefix("validation_") not in validated - {name}]
    if not panels or not len(terms[panels[0]]):
        raise ValueError("there are no losses to draw: the history is empty")
    columns = min(columns, len(panels))
    with style():
        figure, grid = _panels(len(panels), columns=columns, width=2.4, height=1.9)
        for axes, name in zip(grid, panels, strict=True):
            curves = [terms[name]]
            if name in validated:
                curves.append(terms[f"validation_{name}"])
            x = np.arange(1, len(terms[name]) + 1) if epochs is None else epochs
            _draw_curves(axes, x, curves)
            _label_term(axes, name)
    return figure


def precision_bars(
    precision: Mapping[str, Mapping[int, float]], *, chance: float | None = None
) -> Figure:
    """Precision at each k, the spaces side by side.

    Args:
        precision: by space and k, in 0..1; spaces are named as in `SPACES`, or as they come.
        chance: what random neighbours would score, drawn as a line.

    Raises:
        ValueError: if there is no space, or the spaces were not measured at the same k.
    """
    ks = [list(values) for values in precision.values()]
    if not ks or not ks[0] or any(each != ks[0] for each in ks):
        raise ValueError(f"every space needs the same k: got {ks}")
    width = 0.8 / len(precision)
    with style():
        figure = styled(1.1 + 0.62 * len(ks[0]) * len(precision), 2.7)
        axes = figure.subplots()
        for i, (space, values) in enumerate(precision.items()):
            at = np.arange(len(values)) + (i - (len(precision) - 1) / 2) * width
            colour = REFERENCE if space == "floor" else PALETTE[i % len(PALETTE)]
            bars = axes.bar(
                at,
                list(values.values()),
                0.92 * width,
                color=colour,
                label=SPACES.get(space, space),
            )
            axes.bar_label(bars, fmt="{:.3f}", padding=2, fontsize=7.5)
        if chance is not None:
            axes.axhline(chance, color=INK, linewidth=1, linestyle=(0, (4, 3)))
            axes.text(1.01, chance, "chance", va="center", transform=axes.get_yaxis_transform())
        axes.set(ylim=(0, 1.04), ylabel="precision", xticks=range(len(ks[0])))
        axes.set_xticklabels([f"{k} neighbour{'s' * (k > 1)}" for k in ks[0]])
        axes.tick_params(axis="x", length=0)
        axes.grid(axis="y")
        figure.legend(loc="outside upper left", ncols=len(precision), handlelength=1.2)
    return figure


def confusion(
    labels: ArrayLike,
    predicted: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    predicted_label: str = "read by the CNN as",
) -> Figure:
    """How often each class was read as each other, in percent of the class.

    Args:
        labels: true classes, integers.
        predicted: what was read, integers.
        names: of the classes, by index; by default the integers.
        predicted_label: what the columns are.

    Raises:
        ValueError: if there are no labels, or not as many predictions.
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if not labels.size or labels.shape != predicted.shape:
        raise ValueError(f"got labels of shape {labels.shape}, predictions of {predicted.shape}")
    classes = np.union1d(labels, predicted)
    share = 100 * confusion_matrix(labels, predicted, labels=classes, normalize="true")
    ticks = [str(each) if names is None else names[each] for each in classes]
    side = 0.34 * len(classes)
    with style():
        figure = styled(side + 0.6, side + 0.6)
        axes = figure.subplots()
        axes.pcolormesh(share, cmap="Blues", vmin=0, vmax=100, edgecolor="white", linewidth=1)
        for (row, column), value in np.ndenumerate(share):
            if value >= 0.5:
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    f"{value:.0f}",
                    ha="center",
                    va="center_baseline",
                    fontsize=8,
                    color="white" if value > 55 else INK,
                )
        places = np.arange(len(classes)) + 0.5
        axes.set_xticks(places, ticks)
        axes.set_yticks(places, ticks)
        axes.set(aspect="equal", xlabel=f"{predicted_label} (% of the row)", ylabel="label")
        axes.invert_yaxis()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def _terms(
    history: Sequence[Mapping[str, float]] | Mapping[str, Sequence[float]],
) -> dict[str, np.ndarray]:
    if isinstance(history, Mapping):
        return {name: np.asarray(values, float) for name, values in history.items()}
    names = dict.fromkeys(name for epoch in history for name in epoch)
    # a term that was not measured in every epoch has gaps
    return {name: np.array([epoch.get(name, np.nan) for epoch in history]) for name in names}


def _draw_curves(axes: Axes, epochs: np.ndarray, curves: Sequence[np.ndarray]) -> None:
    """Training and, if there is one, validation, each with its last value written beside it."""
    lasts = [curve[np.isfinite(curve)][-1:] for curve in curves]
    top = max((last[0] for last in lasts if last.size), default=0.0)
    decimals = max(0, 2 - _magnitude(np.concatenate(curves)))
    for curve, last, colour, name in zip(
        curves, lasts, (BLUE, VERMILION), ("training", "validation"), strict=False
    ):
        axes.plot(epochs, curve, color=colour, linewidth=1.6, label=name)
        if not last.size:
            continue
        at = epochs[np.flatnonzero(np.isfinite(curve))[-1]]
        axes.plot(at, last[0], "o", color=colour, markersize=3.5)
        # two labels at nearly the same height: the higher one goes up, the other one down
        place = "center" if len(curves) == 1 else "bottom" if last[0] == top else "top"
        text = f"{last[0]:.{decimals}f}"
        offset = {"xytext": (5, 0), "textcoords": "offset points"}
        axes.annotate(text, (at, last[0]), va=place, fontsize=8, color=colour, **offset)
    if len(curves) > 1:
        axes.legend(handlelength=1.2)


def _magnitude(values: np.ndarray) -> int:
    """The power of ten of the largest value."""
    largest = np.abs(values[np.isfinite(values)]).max(initial=0.0)
    return int(np.floor(np.log10(largest))) if largest > 0 else 0


def _label_term(axes: Axes, name: str) -> None:
    words = name.removesuffix("_nats").removesuffix("_bits").split("_")
    unit = next((unit for unit in UNITS if name.endswith(f"_{unit}")), "")
    title = " ".join("KL" if word == "kl" else word for word in words)
    axes.set_title(title[:1].upper() + title[1:])
    axes.set(xlabel="epoch", ylabel=unit)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="y")
    axes.margins(x=0.02)


def _panels(count: int, *, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    rows = -(-count // columns)
    figure = styled(width * columns, height * rows)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, grid[:count]
