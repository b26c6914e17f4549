"""Melody VAEs: recall of notes, use of latent dimensions, interpolation, attribute vectors."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synvae_core.metrics.interpolation import PathSmoothness
from synvae_core.metrics.latents import LatentUsage
from synvae_core.metrics.note_recall import Share
from synvae_workbench.plots.alternatives import SHARE, curve_told, table_told, tell, values_told
from synvae_workbench.plots.drawing import (
    BARS,
    GIVEN_INTERVAL,
    LINES,
    format_signed,
    heat_map,
    in_percent,
    legend_above,
    slant_names,
)
from synvae_workbench.plots.palette import BLUE, REFERENCE
from synvae_workbench.plots.style import colours, new_figure, panels, style

Recall = Mapping[str, Share]


def recall_bars(panels: Mapping[str, Mapping[str, Recall]]) -> Figure:
    """Recall of notes by group, with 95 % intervals.

    Args:
        panels: title -> set of melodies -> group -> recall; a group of bars for each group, panels
            as wide as their groups need.

    Raises:
        ValueError: if there is no panel, or the sets of a panel differ in their groups.
    """
    groups = {title: [list(recall) for recall in sets.values()] for title, sets in panels.items()}
    if not panels or not all(each and all(g == each[0] for g in each) for each in groups.values()):
        raise ValueError(f"every set of a panel needs the same groups: got {groups}")
    widths = [0.8 + len(each[0]) * (0.12 + 0.2 * len(each)) for each in groups.values()]
    with style():
        figure = new_figure(sum(widths) + 0.8, 2.8)
        grid = figure.subplots(1, len(panels), width_ratios=widths, sharey=True, squeeze=False)
        for axes, (title, sets) in zip(grid[0], panels.items(), strict=True):
            _draw_recall(axes, sets)
            axes.set_title(title)
        grid[0, 0].set(ylim=(0, 1.02), ylabel="notes found")
        in_percent(grid[0, 0].yaxis)
        legend_above(figure, columns=3)
    told = (
        values_told(
            f"{title}, {name}", {group: share.value for group, share in recall.items()}, SHARE
        )
        for title, sets in panels.items()
        for name, recall in sets.items()
    )
    return tell(figure, "Notes found", *told)


def latent_spectrum(usages: Mapping[str, LatentUsage]) -> Figure:
    """KL and aggregate posterior of each latent dimension, sorted by the first set's KL.

    Args:
        usages: by set of melodies, all of one latent space.

    Raises:
        ValueError: if there is no set, or their latent spaces differ in size.
    """
    sizes = {len(usage.kl_bits) for usage in usages.values()}
    if len(sizes) != 1:
        raise ValueError(f"the sets need one latent space: got sizes {sorted(sizes)}")
    order = next(iter(usages.values())).kl_bits.argsort(descending=True)
    measures = {
        "kl_bits": "KL to the prior",
        "aggregate_mean": "Mean of the aggregate posterior",
        "aggregate_sd": "Standard deviation",
    }
    rank = pd.RangeIndex(1, len(order) + 1)
    options = {"palette": [*colours(usages).values()], "drawstyle": "steps-mid"}
    with style():
        figure = new_figure(8.2, 2.7)
        kl, mean, sd = grid = figure.subplots(1, 3)
        mean.axhline(0, color=REFERENCE, linewidth=1.2)
        sd.axhline(1, color=REFERENCE, linewidth=1.2, label="prior")
        for axes, (measure, title) in zip(grid, measures.items(), strict=True):
            of = {name: getattr(usage, measure)[order].numpy() for name, usage in usages.items()}
            sns.lineplot(pd.DataFrame(of, rank), errorbar=None, ax=axes, **options)
            axes.set(title=title, xlabel="dimension, by KL")
            axes.grid(axis="y")
            axes.margins(x=0.02)
        kl.set(ylabel="bits", ylim=(0, None))
        sd.set_ylim(0, None)
        legend_above(figure)
    told = (
        curve_told(f"{title}, {name}", rank, getattr(usage, measure)[order].numpy())
        for measure, title in measures.items()
        for name, usage in usages.items()
    )
    return tell(figure, f"{len(order)} dimensions, by KL", *told)


def interpolation_distances(smoothness: Mapping[str, PathSmoothness]) -> Figure:
    """Mean distances along interpolations: to the first end, and between neighbours.

    Args:
        smoothness: by method of interpolation, of paths of the same number of melodies.

    Raises:
        ValueError: if there is no method, or the paths differ in their number of melodies.
    """
    lengths = {each.to_first.shape[1] for each in smoothness.values()}
    if len(lengths) != 1:
        raise ValueError(f"paths need the same number of melodies: got {sorted(lengths)}")
    way = np.linspace(0, 1, lengths.pop())
    between = (way[1:] + way[:-1]) / 2
    options = {"x": "way", "y": "distance", "hue": "kind", "style": "kind", **LINES}
    options |= {"palette": colours(smoothness)}
    with style():
        figure = new_figure(6.6, 2.8)
        first, steps = figure.subplots(1, 2)
        to_first = {kind: each.to_first for kind, each in smoothness.items()}
        moved = {kind: each.steps for kind, each in smoothness.items()}
        sns.lineplot(_long_table(to_first, way), errorbar=("pi", 50), ax=first, **options)
        sns.lineplot(_long_table(moved, between), errorbar=None, ax=steps, **options)
        first.set(title="Distance to the first end", ylabel="steps that differ")
        steps.set(title="Distance to the one before", ylabel="")
        for axes in (first, steps):
            axes.set(xlabel="way from the first end to the last", ylim=(0, None))
            axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
            in_percent(axes.yaxis)
            axes.grid(axis="y")
        legend_above(figure)
    told = [
        curve_told(f"Distance to the first end, {kind}", way, each.mean(0), form=SHARE)
        for kind, each in to_first.items()
    ]
    told += [
        curve_told(f"Distance to the one before, {kind}", between, each.mean(0), form=SHARE)
        for kind, each in moved.items()
    ]
    return tell(figure, *told)


def attribute_effects(change: Float[np.ndarray, "v a"], names: Sequence[str]) -> Figure:
    """Effect of adding each attribute vector on each attribute, as a heat map.

    Args:
        change: in standard deviations of the corpus; row v is the vector of attribute v; values
            that are not finite are white.
        names: of the attributes.

    Raises:
        ValueError: unless there are as many vectors and attributes as names.
    """
    if change.shape != (len(names), len(names)):
        raise ValueError(f"got changes of shape {change.shape} and {len(names)} names")
    change = np.where(np.isfinite(change), change, np.nan)
    most = np.nanmax(np.abs(change), initial=1.0)
    words = [name.replace("_", " ") for name in names]
    columns = pd.Index(words, name="change of this attribute, in s.d. of the corpus")
    table = pd.DataFrame(change, pd.Index(words, name="vector added"), columns)
    with style():
        figure = new_figure(2.2 + 0.62 * len(names), 1.6 + 0.36 * len(names))
        shades = {"cmap": "RdBu", "vmin": -most, "vmax": most}
        axes = figure.subplots()
        heat_map(axes, table, format_signed(change, 2), **shades)
        slant_names(axes)
    apart = np.where(np.eye(len(words), dtype=bool), np.nan, change)
    return tell(
        figure,
        values_told(
            "Change of its own attribute, in s.d.",
            dict(zip(words, change.diagonal(), strict=True)),
            "+.2f",
        ),
        table_told("Of others, vector / attribute", apart, (words, words), "+.2f"),
    )


def attribute_curves(
    scales: Sequence[float],
    levels: Mapping[str, Float[np.ndarray, " s"]],
    corpus: Mapping[str, tuple[float, float]],
) -> Figure:
    """Mean of each attribute over multiples of its own vector, with the range of the corpus.

    Args:
        scales: multiples of the vector.
        levels: by attribute, its mean over melodies at each scale.
        corpus: by attribute, mean and standard deviation over the corpus, drawn as a band.

    Raises:
        ValueError: if there is no attribute.
    """
    if not levels:
        raise ValueError("there is no attribute to draw")
    with style():
        figure, grid = panels(len(levels), columns=3, width=2.6, height=1.9)
        for axes, (name, level) in zip(grid, levels.items(), strict=True):
            mean, sd = corpus[name]
            axes.axhspan(mean - sd, mean + sd, color=REFERENCE, alpha=0.25, linewidth=0)
            axes.axhline(mean, color=REFERENCE, linewidth=1)
            axes.plot(scales, level, color=BLUE, marker="o")
            words = name.replace("_", " ")
            axes.set(title=words[:1].upper() + words[1:], xlabel="times the vector")
            axes.yaxis.set_major_locator(MaxNLocator(4))
    told = (
        f"{curve_told(name.replace('_', ' '), scales, level)}; corpus {corpus[name][0]:.3g}, "
        f"s.d. {corpus[name][1]:.3g}"
        for name, level in levels.items()
    )
    return tell(figure, "Over multiples of the vector", *told)


def _draw_recall(axes: Axes, sets: Mapping[str, Recall]) -> None:
    rows = [
        (name, group, value)
        for name, recall in sets.items()
        for group, share in recall.items()
        if share.cases  # a group without notes has no bar
        for value in (share.value, *share.interval())
    ]
    frame = pd.DataFrame(rows, columns=["set", "group", "share"])
    names = {"x": "group", "y": "share", "hue": "set", "order": [*next(iter(sets.values()))]}
    sns.barplot(frame, palette=colours(sets), ax=axes, **names, **BARS, **GIVEN_INTERVAL)
    axes.set_xlabel("")
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y")


def _long_table(
    paths: Mapping[str, Float[np.ndarray, "p n"]], way: Float[np.ndarray, " n"]
) -> pd.DataFrame:
    """Long-form table of the distances of all paths, by position along them."""
    wide = pd.concat({kind: pd.DataFrame(each, columns=way) for kind, each in paths.items()})
    frame = wide.melt(ignore_index=False, var_name="way", value_name="distance")
    return frame.rename_axis(["kind", "path"]).reset_index()
