"""Trade-off curves of measures over settings."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synvae_workbench.plots.alternatives import tell, values_told
from synvae_workbench.plots.palette import BLUE, MUTED, REFERENCE, VERMILION
from synvae_workbench.plots.style import new_figure, style


def trade_off(
    points: Mapping[str, Mapping[str, float]],
    *,
    curve: Sequence[str],
    across: tuple[str, str],
    up: Mapping[str, str],
    limits: Mapping[str, float] | None = None,
) -> Figure:
    """Measures of each setting over another measure, a panel for each.

    Args:
        points: measures of each setting.
        curve: settings of one family, joined by a line in this order.
        across: measure of the horizontal axis, with its label.
        up: measures of the vertical axes, with their labels.
        limits: vertical reference lines, by name.

    Raises:
        ValueError: if there is no point or no measure.
    """
    if not points or not up:
        raise ValueError("a trade-off needs settings and measures")
    horizontal, label = across
    with style():
        figure = new_figure(4.3 * len(up), 3.6)
        panels = figure.subplots(1, len(up), squeeze=False)[0]
        for axes, (measure, title) in zip(panels, up.items(), strict=True):
            _draw_limits(axes, limits or {})
            places = {name: (of[horizontal], of[measure]) for name, of in points.items()}
            _draw_settings(axes, places, curve)
            axes.set_xlabel(label)
            axes.set_title(title)
            axes.grid(visible=True)
            axes.margins(0.12)
    told = (
        values_told(title, {name: of[measure] for name, of in points.items()})
        for measure, title in {horizontal: label, **up}.items()
    )
    return tell(figure, f"{len(points)} settings", *told, _limits_told(limits or {}))


def _limits_told(limits: Mapping[str, float]) -> str:
    return values_told("Vertical lines", limits) if limits else ""


def _draw_limits(axes: Axes, limits: Mapping[str, float]) -> None:
    for text, value in limits.items():
        axes.axvline(value, color=REFERENCE, linewidth=0.9, linestyle=(0, (3, 3)))
        axes.annotate(
            text,
            (value, 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(3, 0),
            textcoords="offset points",
            rotation=90,
            fontsize=7.5,
            color=MUTED,
        )


def _draw_settings(
    axes: Axes, places: Mapping[str, tuple[float, float]], curve: Sequence[str]
) -> None:
    """Draws settings with their names; those of the curve joined, the others as squares."""
    joined = [places[name] for name in curve]
    axes.plot(*zip(*joined, strict=True), color=BLUE, marker="o", markersize=5)
    for name, at in places.items():
        if name not in curve:
            axes.plot(*at, color=VERMILION, marker="s", markersize=5)
        colour = BLUE if name in curve else VERMILION
        axes.annotate(
            name, at, xytext=(6, -9), textcoords="offset points", fontsize=7.5, color=colour
        )
