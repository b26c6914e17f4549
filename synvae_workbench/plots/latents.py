"""What a melody VAE keeps, how it uses its latent space, and what lies between its melodies."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from synvae_core.metrics.interpolation import PathSmoothness
from synvae_core.metrics.latents import LatentUsage
from synvae_core.metrics.note_recall import Share
from synvae_workbench.plots.style import BLUE, INK, PALETTE, REFERENCE, style, styled

Recall = Mapping[str, Share]


def recall_bars(panels: Mapping[str, Mapping[str, Recall]]) -> Figure:
    """Share of the notes that were found, by group, with 95 % intervals.

    Args:
        panels: title -> set of melodies -> group -> share; each panel in a row of its own width,
            its sets side by side.

    Raises:
        ValueError: if there is no panel, or the sets of a panel differ in their groups.
    """
    groups = {title: [list(recall) for recall in sets.values()] for title, sets in panels.items()}
    if not panels or not all(each and all(g == each[0] for g in each) for each in groups.values()):
        raise ValueError(f"every set of a panel needs the same groups: got {groups}")
    widths = [0.8 + len(each[0]) * (0.12 + 0.2 * len(each)) for each in groups.values()]
    with style():
        figure = styled(sum(widths) + 0.8, 2.8)
        grid = figure.subplots(1, len(panels), width_ratios=widths, sharey=True, squeeze=False)
        for axes, (title, sets) in zip(grid[0], panels.items(), strict=True):
            _draw_recall(axes, sets)
            axes.set_title(title)
        grid[0, 0].set(ylim=(0, 1.02), ylabel="notes found")
        grid[0, 0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        sets = dict(zip(*reversed(grid[0, 0].get_legend_handles_labels()), strict=True))
        figure.legend(sets.values(), sets, loc="outside upper left", ncols=3, handlelength=1.2)
    return figure


def latent_spectrum(usages: Mapping[str, LatentUsage]) -> Figure:
    """KL and aggregate posterior of each dimension, in the order of the first set's KL.

    Args:
        usages: by set of melodies, all of one latent space.

    Raises:
        ValueError: if there is no set, or their latent spaces differ in size.
    """
    sizes = {len(usage.kl_bits) for usage in usages.values()}
    if len(sizes) != 1:
        raise ValueError(f"the sets need one latent space: got sizes {sorted(sizes)}")
    order = next(iter(usages.values())).kl_bits.argsort(descending=True)
    rank = np.arange(1, len(order) + 1)
    with style():
        figure = styled(8.2, 2.7)
        kl, mean, sd = figure.subplots(1, 3)
        sd.axhline(1, color=REFERENCE, linewidth=1.2, label="prior")
        mean.axhline(0, color=REFERENCE, linewidth=1.2)
        for (name, usage), colour in zip(usages.items(), PALETTE, strict=False):
            options = {"color": colour, "linewidth": 1.4, "drawstyle": "steps-mid"}
            kl.plot(rank, usage.kl_bits[order], label=name, **options)
            mean.plot(rank, usage.aggregate_mean[order], **options)
            sd.plot(rank, usage.aggregate_sd[order], **options)
        kl.set(title="KL to the prior", ylabel="bits", ylim=(0, None))
        mean.set(title="Mean of the aggregate posterior")
        sd.set(title="Standard deviation", ylim=(0, None))
        for axes in (kl, mean, sd):
            axes.set(xlabel="dimension, by KL")
            axes.grid(axis="y")
            axes.margins(x=0.02)
        figure.legend(loc="outside upper left", ncols=4, handlelength=1.2)
    return figure


def interpolation_distances(smoothness: Mapping[str, PathSmoothness]) -> Figure:
    """Distances along paths, the mean over the paths: to the first end, and of neighbours.

    Args:
        smoothness: by way of interpolating, of paths of the same number of melodies.

    Raises:
        ValueError: if there is no way, or the paths differ in their number of melodies.
    """
    lengths = {each.to_first.shape[1] for each in smoothness.values()}
    if len(lengths) != 1:
        raise ValueError(f"paths need the same number of melodies: got {sorted(lengths)}")
    way = np.linspace(0, 1, lengths.pop())
    with style():
        figure = styled(6.6, 2.8)
        first, steps = figure.subplots(1, 2)
        for (name, each), colour in zip(smoothness.items(), PALETTE, strict=False):
            options = {"color": colour, "linewidth": 1.4, "marker": "o", "markersize": 3}
            first.plot(way, each.to_first.mean(0), label=name, **options)
            first.fill_between(
                way,
                *np.quantile(each.to_first, [0.25, 0.75], axis=0),
                color=colour,
                alpha=0.12,
                lw=0,
            )
            steps.plot((way[1:] + way[:-1]) / 2, each.steps.mean(0), **options)
        first.set(title="Distance to the first end", ylabel="steps that differ")
        steps.set(title="Distance to the one before")
        for axes in (first, steps):
            axes.set(xlabel="way from the first end to the last", ylim=(0, None))
            axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            axes.grid(axis="y")
        figure.legend(loc="outside upper left", ncols=4, handlelength=1.4)
    return figure


def attribute_effects(change: Float[np.ndarray, "v a"], names: Sequence[str]) -> Figure:
    """What adding each attribute's vector changes in each attribute, as a table of colours.

    Args:
        change: in standard deviations of the corpus; row v is the vector of attribute v; what is
            not finite is left white.
        names: of the attributes.

    Raises:
        ValueError: unless there are as many vectors and attributes as names.
    """
    if change.shape != (len(names), len(names)):
        raise ValueError(f"got changes of shape {change.shape} and {len(names)} names")
    change = np.where(np.isfinite(change), change, np.nan)
    most = np.nanmax(np.abs(change), initial=1.0)
    words = [name.replace("_", " ") for name in names]
    with style():
        figure = styled(2.2 + 0.62 * len(names), 1.6 + 0.36 * len(names))
        axes = figure.subplots()
        axes.pcolormesh(change, cmap="RdBu", vmin=-most, vmax=most, edgecolor="white", linewidth=1)
        for (row, column), value in np.ndenumerate(change):
            if np.isnan(value):
                continue
            axes.text(
                column + 0.5,
                row + 0.5,
                f"{round(value, 2) + 0.0:+.2f}".replace("-", "−"),  # never −0.00
                ha="center",
                va="center_baseline",
                fontsize=8,
                color="white" if abs(value) > 0.6 * most else INK,
            )
        places = np.arange(len(names)) + 0.5
        axes.set_xticks(places, words, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_yticks(places, words)
        axes.set(xlabel="change of this attribute, in s.d. of the corpus", ylabel="vector added")
        axes.invert_yaxis()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def attribute_curves(
    scales: Sequence[float],
    levels: Mapping[str, Float[np.ndarray, "s"]],
    corpus: Mapping[str, tuple[float, float]],
) -> Figure:
    """How far each attribute moves with its own vector, over where the corpus lies.

    Args:
        scales: how many times the vector was added.
        levels: by attribute, its mean over melodies at each scale.
        corpus: by attribute, mean and standard deviation over the corpus, drawn as a band.

    Raises:
        ValueError: if there is no attribute.
    """
    if not levels:
        raise ValueError("there is no attribute to draw")
    columns = min(3, len(levels))
    rows = -(-len(levels) // columns)
    with style():
        figure = styled(2.6 * columns, 1.9 * rows)
        grid = figure.subplots(rows, columns, squeeze=False).flat
        for axes in grid:
            axes.set_axis_off()
        for axes, (name, level) in zip(figure.axes, levels.items(), strict=False):
            axes.set_axis_on()
            mean, sd = corpus[name]
            axes.axhspan(mean - sd, mean + sd, color=REFERENCE, alpha=0.25, linewidth=0)
            axes.axhline(mean, color=REFERENCE, linewidth=1)
            axes.plot(scales, level, color=BLUE, linewidth=1.6, marker="o", markersize=3)
            words = name.replace("_", " ")
            axes.set(title=words[:1].upper() + words[1:], xlabel="times the vector")
            axes.yaxis.set_major_locator(MaxNLocator(4))
    return figure


def _draw_recall(axes: Axes, sets: Mapping[str, Recall]) -> None:
    width = 0.8 / len(sets)
    names = list(next(iter(sets.values())))
    places = np.arange(len(names))
    for i, ((name, recall), colour) in enumerate(zip(sets.items(), PALETTE, strict=False)):
        at = places + (i - (len(sets) - 1) / 2) * width
        value = np.array([share.value for share in recall.values()])
        low, high = np.array([share.interval() for share in recall.values()]).T
        axes.bar(at, value, 0.92 * width, color=colour, label=name)
        known = np.isfinite(value)  # a group without notes has no bar
        whiskers = np.maximum([value - low, high - value], 0)[:, known]
        axes.errorbar(at[known], value[known], whiskers, fmt="none", ecolor=INK, elinewidth=0.9)
    axes.set_xticks(places, names)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y")
