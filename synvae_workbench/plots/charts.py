"""Charts of a run: loss curves, precision among neighbours, confusion matrix."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from sklearn.metrics import confusion_matrix

from synvae_workbench.plots.alternatives import confusion_told, curve_told, tell, values_told
from synvae_workbench.plots.drawing import BARS, confusion_map, legend_above, levels
from synvae_workbench.plots.palette import BLUE, VERMILION
from synvae_workbench.plots.style import colours, new_figure, panels, style

SPACES = {
    "visual": "visual latents",
    "notes": "auditive latents, from the notes",
    "floor": "raw pixels",
}
BETTER = {
    "lowest": ("loss", "error"),
    "highest": ("agreement", "accuracy", "exact", "f1", "matched", "distinct"),
}
UNITS = ("nats", "bits", "seconds")


def loss_curves(
    history: Sequence[Mapping[str, float]] | Mapping[str, Sequence[float]], *, columns: int = 4
) -> Figure:
    """Loss terms over the epochs, each in a panel of its own scale.

    Args:
        history: terms of each epoch, or epochs of each term. A term that ends in a unit, such as
            `kl_nats`, is labelled with it; `validation_kl_nats` joins the panel of `kl_nats`;
            `epoch` numbers the epochs, which else count from 1. Lines join the epochs
            in which a term was measured.
        columns: panels in a row.

    Raises:
        ValueError: if there is no epoch or no term.
    """
    if not isinstance(history, Mapping):
        names = dict.fromkeys(name for epoch in history for name in epoch)
        history = {name: [epoch.get(name, np.nan) for epoch in history] for name in names}
    terms = pd.DataFrame({name: pd.Series(each, dtype=float) for name, each in history.items()})
    terms.index = pd.Index(terms.pop("epoch") if "epoch" in terms else terms.index + 1)
    validated = {name for name in terms if f"validation_{name}" in terms}
    shown = [name for name in terms if name.removeprefix("validation_") not in validated - {name}]
    if terms.empty or not shown:
        raise ValueError("there are no losses to draw: the history is empty")
    with style():
        figure, grid = panels(len(shown), columns=columns, width=2.4, height=1.9)
        for axes, name in zip(grid, shown, strict=True):
            curves = {"training": terms[name]}
            if name in validated:
                curves["validation"] = terms[f"validation_{name}"]
            _draw_curves(axes, pd.DataFrame(curves))
            _label_term(axes, name)
    told = [
        curve_told(name.replace("_", " "), terms.index, terms[name], best=_best(name))
        for name in terms
    ]
    return tell(figure, *told)


def precision_bars(
    precision: Mapping[str, Mapping[int, float]], *, chance: float | None = None
) -> Figure:
    """Precision at k in several spaces, as grouped bars.

    Args:
        precision: by space and k, in 0..1; spaces are named as in `SPACES`, or as they come.
        chance: precision of random neighbours, drawn as a line.

    Raises:
        ValueError: if there is no space, or the spaces were not measured at the same k.
    """
    ks = [list(values) for values in precision.values()]
    if not ks or not ks[0] or any(each != ks[0] for each in ks):
        raise ValueError(f"every space needs the same k: got {ks}")
    table = [
        (SPACES.get(space, space), f"{k} neighbour{'s' * (k > 1)}", value)
        for space, values in precision.items()
        for k, value in values.items()
    ]
    frame = pd.DataFrame(table, columns=["space", "neighbours", "precision"])
    with style():
        figure = new_figure(1.1 + 0.62 * len(table), 2.7)
        axes = figure.subplots()
        names = {"x": "neighbours", "y": "precision", "hue": "space"}
        palette = space_colours(precision)
        sns.barplot(frame, palette=palette, errorbar=None, ax=axes, **names, **BARS)
        for each in axes.containers:
            axes.bar_label(each, fmt="{:.3f}", padding=2, fontsize=7.5)
        if chance is not None:
            levels(axes, {"chance": chance})
        axes.set(ylim=(0, 1.04), xlabel="")
        axes.tick_params(axis="x", length=0)
        axes.grid(axis="y")
        legend_above(figure)
    told = (
        values_told(
            f"At {k}", {SPACES.get(name, name): of[k] for name, of in precision.items()}, ".3f"
        )
        for k in ks[0]
    )
    random = f"chance: {chance:.3f}" if chance is not None else ""
    return tell(figure, "Precision", *told, random)


def space_colours(spaces: Iterable[str]) -> dict[str, str]:
    """Colours of spaces by the names shown; grey for raw pixels."""
    found = colours(spaces, grey=("floor",))
    return {SPACES.get(space, space): colour for space, colour in found.items()}


def confusion(
    labels: ArrayLike,
    predicted: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    predicted_label: str = "read by the CNN as",
) -> Figure:
    """Confusion matrix in percent of the true class.

    Args:
        labels: true classes, integers.
        predicted: predicted classes, integers.
        names: of the classes, by index; by default the integers.
        predicted_label: label of the axis of predictions.

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
        figure = new_figure(side + 0.6, side + 0.6)
        confusion_map(figure.subplots(), share, ticks, predicted=predicted_label)
    return tell(figure, confusion_told(f"Of each label, {predicted_label} itself", share, ticks))


def _draw_curves(axes: Axes, curves: pd.DataFrame) -> None:
    """Curves of training and, if given, validation, each with its last value beside it."""
    palette = {"training": BLUE, "validation": VERMILION}
    several = len(curves.columns) > 1
    colour = [palette[name] for name in curves]
    sns.lineplot(curves, palette=colour, errorbar=None, legend=several, ax=axes)
    known = curves.replace([np.inf, -np.inf], np.nan)
    top = known.ffill().iloc[-1].max()
    decimals = max(0, 2 - _magnitude(known))
    for name, curve in known.items():
        if not curve.notna().any():
            continue
        at, last = curve.last_valid_index(), curve.dropna().iloc[-1]
        axes.plot(at, last, "o", color=palette[name])
        # two labels at nearly the same height: the higher one goes up, the other one down
        place = "center" if not several else "bottom" if last == top else "top"
        offset = {"xytext": (5, 0), "textcoords": "offset points", "color": palette[name]}
        axes.annotate(f"{last:.{decimals}f}", (at, last), va=place, fontsize=8, **offset)


def _best(name: str) -> str:
    """Which extreme of a term is the better one; empty where neither is."""
    ends = {name.endswith(kinds): best for best, kinds in BETTER.items()}
    return ends.get(True, "")


def _magnitude(values: pd.DataFrame) -> int:
    """Power of ten of the largest value."""
    largest = np.nan_to_num(values.abs().max().max())
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
