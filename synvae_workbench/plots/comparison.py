"""Sets of melodies beside a corpus: what each is made of, drawn over what the corpus is made of."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Integer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from synvae_core.metrics.melody import (
    FEATURE_NAMES,
    LARGEST_INTERVAL,
    interval_histogram,
    melody_features,
    melody_summary,
    note_length_histogram,
)
from synvae_core.music.melody import STEPS_PER_BAR
from synvae_workbench.plots.style import PALETTE, REFERENCE, style, styled

LONGEST_LENGTH = 8  # steps; longer notes share the last bin of the chart


def corpus_comparison(groups: Mapping[str, Integer[np.ndarray, "_ t"]]) -> Figure:
    """Sets of melodies beside the first of them, the corpus, which is drawn in grey.

    Args:
        groups: event ids by the name of their set.

    Raises:
        ValueError: if there is no set, or a set holds no melody.
    """
    if not groups or not all(len(events) for events in groups.values()):
        raise ValueError(f"every set needs melodies: got {[*map(len, groups.values())]}")
    with style():
        figure = styled(8.2, 4.3)
        panels = figure.subplot_mosaic(
            [["onsets", "lengths", "intervals"], ["beat", "key", "repeat"]],
            height_ratios=(2.1, 0.55 + 0.16 * len(groups)),
        )
        for i, (name, events) in enumerate(groups.items()):
            _draw_distributions(panels, events, label=name, colour=_group_colour(i), first=i == 0)
        _label_distributions(panels, steps=next(iter(groups.values())).shape[1])
        summaries = {name: melody_summary(events) for name, events in groups.items()}
        for panel, key, title in (
            ("beat", "beat_share", "Notes on the beat"),
            ("key", "in_key_share", "Notes in the best major key"),
            ("repeat", "repeat_share", "Repeated notes"),
        ):
            shares = {name: summary[key] for name, summary in summaries.items()}
            _draw_shares(panels[panel], shares, title, named=panel == "beat")
        handles, names = panels["onsets"].get_legend_handles_labels()
        handles = dict(zip(names, handles, strict=True))  # bars come last, the corpus goes first
        figure.legend([handles[name] for name in groups], groups, loc="outside upper left", ncols=4)
    return figure


def _draw_distributions(
    panels: Mapping[str, Axes], events: np.ndarray, *, label: str, colour: str, first: bool
) -> None:
    steps = events.shape[1]
    onsets = melody_features(events)[:, FEATURE_NAMES.index("onsets")].astype(int)
    lengths = note_length_histogram(events)
    lengths = np.append(lengths[: LONGEST_LENGTH - 1], lengths[LONGEST_LENGTH - 1 :].sum())
    distributions = {
        "onsets": (
            np.arange(steps + 1) * STEPS_PER_BAR / steps,
            np.bincount(onsets, minlength=steps + 1) / len(events),
        ),
        "lengths": (np.arange(1, len(lengths) + 1), lengths),
        "intervals": (
            np.arange(-LARGEST_INTERVAL, LARGEST_INTERVAL + 1),
            interval_histogram(events),
        ),
    }
    for panel, (x, share) in distributions.items():
        if first:
            width = 0.86 * (x[1] - x[0])
            panels[panel].bar(x, share, width, color=REFERENCE, alpha=0.75, label=label)
        else:
            panels[panel].plot(
                x, share, color=colour, linewidth=1.4, marker="o", markersize=2.6, label=label
            )


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
        panels[panel].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _draw_shares(axes: Axes, shares: Mapping[str, float], title: str, *, named: bool) -> None:
    colours = [_group_colour(i) for i in range(len(shares))]
    bars = axes.barh(range(len(shares)), list(shares.values()), 0.68, color=colours)
    axes.bar_label(bars, [f"{share:.1%}" for share in shares.values()], padding=3, fontsize=8)
    axes.set(xlim=(0, 1.2), yticks=range(len(shares)), title=title, xticks=[])
    axes.set_yticklabels(list(shares) if named else [""] * len(shares))
    axes.invert_yaxis()
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)


def _group_colour(i: int) -> str:
    return PALETTE[(i - 1) % len(PALETTE)] if i else REFERENCE
