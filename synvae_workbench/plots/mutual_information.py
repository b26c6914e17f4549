"""Estimates of mutual information: against known values, and side by side."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from synvae_core.metrics.mutual_information import Estimate
from synvae_workbench.plots.alternatives import tell, values_told
from synvae_workbench.plots.drawing import BARS, DASHED, GIVEN_INTERVAL, LINES, legend_above
from synvae_workbench.plots.palette import INK, MUTED
from synvae_workbench.plots.style import colours, new_figure, style

NAMES = {
    "donsker_varadhan": "Donsker-Varadhan",
    "nwj": "NWJ",
    "info_nce": "InfoNCE",
    "smile": "SMILE",
    "nwj_as_published": "as published",
}


def estimates_of_known(
    known: Sequence[float],
    estimates: Mapping[str, Sequence[Estimate]],
    *,
    ceilings: Mapping[str, float],
) -> Figure:
    """Estimate of each bound over the true mutual information, both in nats.

    Args:
        known: true values.
        estimates: of every true value, by the name of the bound.
        ceilings: upper limits of some bounds, by the names of their lines.

    Raises:
        ValueError: if there is no value, or a bound has not as many estimates as there are values.
    """
    _check(estimates)
    if not len(known) or {len(each) for each in estimates.values()} != {len(known)}:
        sizes = {name: len(each) for name, each in estimates.items()}
        raise ValueError(f"{len(known)} known values want as many estimates: got {sizes}")
    with style():
        figure = new_figure(5.6, 3.9)
        axes = figure.subplots()
        end = 1.06 * max(known)
        axes.plot([0, end], [0, end], color=INK, linewidth=1, label="the truth")
        for name, value in ceilings.items():
            axes.axhline(value, color=MUTED, linewidth=0.9, linestyle=DASHED)
            place = {"xytext": (2, 2), "textcoords": "offset points"}
            axes.annotate(name, (0, value), color=MUTED, fontsize=8, **place)
        shift = 0.008 * end  # error bars side by side
        rows = [
            (NAMES.get(name, name), value + (i - (len(estimates) - 1) / 2) * shift, nats)
            for i, (name, found) in enumerate(estimates.items())
            for value, estimate in zip(known, found, strict=True)
            for nats in estimate
        ]
        frame = pd.DataFrame(rows, columns=["bound", "known", "nats"])
        options = {"x": "known", "y": "nats", "hue": "bound", "style": "bound", **LINES}
        options |= {"err_style": "bars", "err_kws": {"elinewidth": 1}, **GIVEN_INTERVAL}
        sns.lineplot(frame, palette=_palette(estimates), ax=axes, **options)
        lowest = min(value.nats for found in estimates.values() for value in found)
        highest = max(
            [*(v.nats for found in estimates.values() for v in found), *ceilings.values()]
        )
        # a bound that diverges leaves the axes and does not shrink the others
        axes.set(xlim=(0, end), ylim=(min(0, max(lowest, -1)) - 0.2, min(highest, 1.6 * end) + 0.5))
        axes.set(xlabel="true mutual information (nats)", ylabel="estimate (nats)")
        axes.grid(visible=True)
        legend_above(figure, columns=3)
    told = (
        values_told(
            f"{NAMES.get(name, name)}, nats where the truth is",
            {f"{value:g}": each.nats for value, each in zip(known, found, strict=True)},
        )
        for name, found in estimates.items()
    )
    return tell(figure, *told, values_told("Ceilings in nats", ceilings))


def estimate_bars(
    estimates: Mapping[str, Mapping[str, Estimate]], *, ceilings: Mapping[str, float]
) -> Figure:
    """Estimates of mutual information with intervals, a panel for each kind of pairs.

    Args:
        estimates: by kind of pairs and bound, the same bounds in each.
        ceilings: upper limits of some bounds, by the names of their lines.

    Raises:
        ValueError: if there is no estimate, or the panels differ in their bounds.
    """
    _check(estimates)
    bounds = [list(each) for each in estimates.values()]
    if any(each != bounds[0] for each in bounds) or not bounds[0]:
        raise ValueError(f"every kind of pairs needs the same bounds: got {bounds}")
    with style():
        figure = new_figure(3.6 * len(estimates) + 0.8, 0.5 + 0.36 * len(bounds[0]) + 0.5)
        panels = figure.subplots(1, len(estimates), sharex=True, sharey=True, squeeze=False)[0]
        for axes, (title, found) in zip(panels, estimates.items(), strict=True):
            frame = pd.DataFrame({NAMES.get(name, name): each for name, each in found.items()})
            frame = frame.melt(var_name="bound", value_name="nats")
            options = {"x": "nats", "y": "bound", "hue": "bound", "legend": False, **BARS}
            sns.barplot(frame, palette=_palette(found), ax=axes, **options, **GIVEN_INTERVAL)
            for i, value in enumerate(found.values()):
                place = {"xytext": (5, 0), "textcoords": "offset points", "va": "center"}
                right = max(value.high, value.nats, 0)
                axes.annotate(f"{value.nats:.2f}", (right, i), fontsize=8, **place)
            for i, (name, value) in enumerate(ceilings.items()):
                axes.axvline(value, color=MUTED, linewidth=0.9, linestyle=DASHED)
                side = {"ha": "left", "xytext": (2, 0)} if i else {"ha": "right", "xytext": (-2, 0)}
                side |= {"textcoords": "offset points", "va": "center"}
                axes.annotate(name, (value, -0.75), fontsize=7.5, color=MUTED, **side)
            axes.axvline(0, color=INK, linewidth=0.7)
            axes.set(title=title, xlabel="nats", ylabel="")
            axes.margins(x=0.12)
        # from top to bottom, below the ceilings' names
        panels[0].set_ylim(len(bounds[0]) - 0.4, -1.1)
    told = (
        values_told(
            f"{title}, in nats", {NAMES.get(name, name): each.nats for name, each in found.items()}
        )
        for title, found in estimates.items()
    )
    return tell(figure, *told, values_told("Ceilings in nats", ceilings))


def _check(estimates: Mapping) -> None:
    if not estimates:
        raise ValueError("there is no estimate to draw")


def _palette(bounds: Iterable[str]) -> dict[str, str]:
    """Colours of bounds by the names shown; grey for those as published."""
    grey = {name for name in bounds if name.endswith("as_published")}
    return {NAMES.get(name, name): each for name, each in colours(bounds, grey=grey).items()}
