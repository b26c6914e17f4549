"""Training curves of a generator and a discriminator."""

from collections.abc import Mapping, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synvae_workbench.plots.alternatives import curve_told, tell
from synvae_workbench.plots.palette import BLUE, GREEN, MUTED, REFERENCE, VERMILION
from synvae_workbench.plots.style import new_figure, style

PANELS = {
    "What both lose": {
        "discriminator_loss": ("discriminator", VERMILION),
        "adversarial": ("generator, adversarial", BLUE),
    },
    "How real pictures seem": {
        "d_real": ("real pictures", VERMILION),
        "d_drawn": ("drawn pictures", BLUE),
        "d_accuracy": ("told apart, share", MUTED),
    },
    "What they learn from": {
        "discriminator_norm": ("discriminator", VERMILION),
        "generator_norm": ("generator", BLUE),
    },
    "How much pictures differ": {"spread": ("drawn, as a share of real", GREEN)},
}
LABELS = ("mean loss", "probability", "norm of the gradient", "variance")
TIED = {"How real pictures seem": 0.5, "How much pictures differ": 1.0}


def balance_curves(history: Sequence[Mapping[str, float]]) -> Figure:
    """Losses, discriminator outputs, gradient norms and pixel variance over the epochs, in panels.

    Dashed lines mark the balance of both players, and generated pictures as varied as real ones.

    Args:
        history: returned by `training.adversarial.fit_adversaries`.

    Raises:
        ValueError: if there is no epoch, or one lacks a figure.
    """
    if not history:
        raise ValueError("there is no game to draw: the history is empty")
    names = [name for panel in PANELS.values() for name in ("epoch", *panel)]
    missing = sorted({name for name in names for row in history if name not in row})
    if missing:
        raise ValueError(
            f"the history has no {', '.join(missing)}: expected that of fit_adversaries"
        )
    table = pd.DataFrame([*history]).set_index("epoch")
    point = {"marker": "o"} if len(table) == 1 else {}
    with style():
        figure = new_figure(2.7 * len(PANELS), 2.5)
        panels = figure.subplots(1, len(PANELS))
        for axes, (title, curves), label in zip(panels, PANELS.items(), LABELS, strict=True):
            shown = table[[*curves]].set_axis([words for words, _ in curves.values()], axis=1)
            palette = [colour for _, colour in curves.values()]
            sns.lineplot(shown, palette=palette, errorbar=None, ax=axes, **point)
            _finish(axes, title, label)
    told = [
        curve_told(words, table.index, table[name])
        for curves in PANELS.values()
        for name, (words, _) in curves.items()
    ]
    return tell(figure, f"{len(table)} epochs", *told)


def _finish(axes: Axes, title: str, label: str) -> None:
    if title in TIED:
        axes.axhline(TIED[title], color=REFERENCE, linewidth=0.9, linestyle=(0, (3, 3)))
    axes.set_title(title)
    axes.set(xlabel="epoch", ylabel=label)
    if label != "mean loss":  # a hinge loss of the generator may be negative
        axes.set_ylim(0, 1 if label == "probability" else None)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="y")
    # below the axes, where no curve can be
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.24), handlelength=1.8)
