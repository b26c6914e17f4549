"""Distributions of musical features in sets of melodies, compared with a corpus."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from jaxtyping import Integer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synvae_core.metrics.melody import (
    FEATURE_NAMES,
    LARGEST_INTERVAL,
    interval_histogram,
    melody_features,
    melody_summary,
    note_length_histogram,
)
from synvae_core.music.coding import STEPS_PER_BAR
from synvae_workbench.plots.alternatives import SHARE, tell, values_told
from synvae_workbench.plots.drawing import BARS, LINES, in_percent, legend_above
from synvae_workbench.plots.palette import REFERENCE
from synvae_workbench.plots.style import colours, new_figure, style

COMMON = {"onsets": "number of onsets in a bar", "lengths": "length in sixteenths"}
COMMON["intervals"] = "interval in semitones"
LONGEST_LENGTH = 8  # steps; longer notes share the last bin of the chart


def corpus_comparison(groups: Mapping[str, Integer[np.ndarray, "_ t"]]) -> Figure:
    """Distributions of musical features of each set; the first, the corpus, in grey.

    Args:
        groups: event ids by the name of their set.

    Raises:
        ValueError: if there is no set, or a set holds no melody.
    """
    if not groups or not all(len(events) for events in groups.values()):
        raise ValueError(f"every set needs melodies: got {[*map(len, groups.values())]}")
    with style():
        figure = new_figure(8.2, 4.3)
        panels = figure.subplot_mosaic(
            [["onsets", "lengths", "intervals"], ["beat", "key", "repeat"]],
            height_ratios=(2.1, 0.55 + 0.16 * len(groups)),
        )
        palette = colours(groups, grey={next(iter(groups))})
        found = {name: _distributions(events) for name, events in groups.items()}
        for panel in ("onsets", "lengths", "intervals"):
            shares = pd.DataFrame({name: each[panel] for name, each in found.items()})
            _draw_distributions(panels[panel], shares, palette)
        _label_distributions(panels, steps=next(iter(groups.values())).shape[1])
        summaries = pd.DataFrame({name: melody_summary(each) for name, each in groups.items()})
        _draw_shares(panels["beat"], summaries.loc["beat_share"], palette)
        _draw_shares(panels["key"], summaries.loc["in_key_share"], palette)
        _draw_shares(panels["repeat"], summaries.loc["repeat_share"], palette)
        panels["beat"].set(title="Notes on the beat", yticks=range(len(groups)))
        panels["beat"].set_yticklabels(list(groups))
        panels["key"].set_title("Notes in the best major key")
        panels["repeat"].set_title("Repeated notes")
        legend_above(figure, first=[*groups])
    panels = {"Notes on the beat": "beat_share", "Notes in the best major key": "in_key_share"}
    panels["Repeated notes"] = "repeat_share"
    told = [
        values_told(title, summaries.loc[name].to_dict(), SHARE) for title, name in panels.items()
    ]
    told += [
        values_told(f"Commonest {what} (share)", _commonest(found, panel))
        for panel, what in COMMON.items()
    ]
    return tell(figure, *told)


def _commonest(found: Mapping[str, Mapping[str, pd.Series]], panel: str) -> dict[str, float]:
    """Mode of a distribution and its share, by set."""
    series = {name: each[panel] for name, each in found.items()}
    return {f"{name} {each.idxmax():g}": each.max() for name, each in series.items()}


def _distributions(events: np.ndarray) -> dict[str, pd.Series]:
    """Distributions: onsets in a bar over melodies, lengths and intervals over notes."""
    steps = events.shape[1]
    onsets = melody_features(events)[:, FEATURE_NAMES.index("onsets")].astype(int)
    in_a_bar = np.arange(steps + 1) * STEPS_PER_BAR / steps
    lengths = note_length_histogram(events)
    lengths = np.append(lengths[: LONGEST_LENGTH - 1], lengths[LONGEST_LENGTH - 1 :].sum())
    semitones = np.arange(-LARGEST_INTERVAL, LARGEST_INTERVAL + 1)
    return {
        "onsets": pd.Series(np.bincount(onsets, minlength=steps + 1) / len(events), in_a_bar),
        "lengths": pd.Series(lengths, np.arange(1, len(lengths) + 1)),
        "intervals": pd.Series(interval_histogram(events), semitones),
    }


def _draw_distributions(axes: Axes, shares: pd.DataFrame, palette: Mapping[str, str]) -> None:
    """Draws the first set as bars and the others as lines over them."""
    first, *others = shares
    bars = {"color": REFERENCE, "alpha": 0.75, "label": first, "native_scale": True}
    sns.barplot(shares[first], errorbar=None, ax=axes, **bars, **BARS)
    if others:
        lines = {"palette": [palette[name] for name in others], "markersize": 3.5, **LINES}
        sns.lineplot(shares[others], errorbar=None, ax=axes, **lines)


def _label_distributions(panels: Mapping[str, Axes], *, steps: int) -> None:
    panels["onsets"].set(title="Note onsets in a bar", xlabel="onsets", ylabel="share of melodies")
    panels["lengths"].set(
        title="Note lengths", xlabel="length in sixteenths", ylabel="share of notes"
    )
    panels["intervals"].set(
        title="Intervals", xlabel="semitones from note to note", ylabel="share of intervals"
    )
    panels["onsets"].set_xticks(range(0, STEPS_PER_BAR + 1, 4))
    longest = min(LONGEST_LENGTH, steps)
    lengths = [str(length) for length in range(1, longest)] + [f"≥{longest}"]
    panels["lengths"].set_xticks(range(1, longest + 1), lengths)
    most = LARGEST_INTERVAL
    ticks = range(-most, most + 1, 4)
    names = [
        "≤−12" if i == -most else "≥12" if i == most else f"{i}".replace("-", "−") for i in ticks
    ]
    panels["intervals"].set_xticks(ticks, names)
    for panel in ("onsets", "lengths", "intervals"):
        panels[panel].grid(axis="y")
        panels[panel].set_ylim(bottom=0)
        panels[panel].yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        in_percent(panels[panel].yaxis)


def _draw_shares(axes: Axes, shares: pd.Series, palette: Mapping[str, str]) -> None:
    names = list(shares.index)
    options = {"palette": palette, "legend": False, **BARS}
    sns.barplot(x=shares.to_numpy(), y=names, hue=names, ax=axes, **options)
    for bar, share in zip(axes.containers, shares, strict=True):
        axes.bar_label(bar, [f"{share:.1%}"], padding=3, fontsize=8)
    axes.set(xlim=(0, 1.2), xticks=[], yticklabels=[])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
