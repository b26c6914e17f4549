"""Melodies by class: effect sizes of melodic features, and distances between classes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from synvae_core.metrics.class_melodies import ClassFeatures, ClassSpread
from synvae_core.metrics.melody import FEATURE_NAMES
from synvae_workbench.plots.alternatives import SHARE, table_told, tell, values_told
from synvae_workbench.plots.drawing import BARS, format_signed, heat_map, in_percent
from synvae_workbench.plots.palette import BLUE, INK
from synvae_workbench.plots.style import new_figure, style


def telling_features(found: ClassFeatures, *, names: Sequence[str]) -> Figure:
    """Melodic features ranked by how well they separate the classes, with the mean of each class.

    Args:
        names: of all classes, by id.
    """
    ranked = found.ranked()
    order = [FEATURE_NAMES.index(name) for name in ranked]
    effects = found.effects.T[order]
    words = [name.replace("_", " ") for name in ranked]
    classes = [str(names[each]) for each in found.classes]
    most = max(np.abs(effects).max(), 1e-3)
    with style():
        figure = new_figure(4.1 + 0.42 * len(classes), 0.7 + 0.24 * len(words))
        ratios = (1, 0.24 * len(classes) + 0.2)
        bars, table = figure.subplots(1, 2, width_ratios=ratios)
        share = found.share[order]
        sns.barplot(x=share, y=words, color=BLUE, ax=bars, **BARS)
        labels = [f"{each:.1%}" for each in share]
        bars.bar_label(bars.containers[0], labels, padding=3, fontsize=7.5)
        bars.set(xlim=(0, 1.35 * max(share.max(), 1e-3)), title="Variance between classes")
        in_percent(bars.xaxis)
        bars.tick_params(axis="y", length=0)
        shades = {"cmap": "RdBu", "vmin": -most, "vmax": most, "annot_kws": {"fontsize": 7.5}}
        shown = pd.DataFrame(effects, words, classes)
        heat_map(table, shown, format_signed(effects, 1), yticklabels=False, **shades)
        table.set_title("Mean of the class, in s.d. of all melodies")
    return tell(
        figure,
        values_told("Variance between classes", dict(zip(words, share, strict=True)), SHARE),
        table_told("Mean of the class, in s.d. of all melodies", effects, (words, classes)),
    )


def spread_table(found: ClassSpread, *, names: Sequence[str]) -> Figure:
    """Share of steps on which melodies of two classes differ; on the diagonal, within a class.

    Args:
        names: of all classes, by id.
    """
    percent = 100 * found.unlike
    classes = [str(names[each]) for each in found.classes]
    side = 0.38 * len(classes)
    with style():
        figure = new_figure(side + 1.6, side + 1.0)
        axes = figure.subplots()
        bar = {"shrink": 0.7, "label": "% of the steps sound different"}
        options = {"square": True, "cbar": True, "cbar_kws": bar, "annot_kws": {"fontsize": 7.5}}
        texts = np.char.mod("%.0f", percent)
        heat_map(axes, pd.DataFrame(percent, classes, classes), texts, **options)
        for place in range(len(classes)):  # the classes' own spread is what others compare with
            axes.add_patch(Rectangle((place, place), 1, 1, fill=False, edgecolor=INK))
    within = dict(zip(classes, found.unlike.diagonal(), strict=True))
    between = np.where(np.triu(found.unlike, 1) > 0, found.unlike, np.nan)  # both halves are alike
    return tell(
        figure,
        values_told("Share of steps that differ within a class", within, SHARE),
        table_told("Of two classes", between, (classes, classes), SHARE),
    )
