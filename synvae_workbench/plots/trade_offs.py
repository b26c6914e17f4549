"""What is won on one side and lost on the other, from setting to setting."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from synvae_workbench.plots.style import BLUE, MUTED, REFERENCE, VERMILION, new_figure, style


def trade_off(
    points: Mapping[str, Mapping[str, float]],
    *,
    curve: Sequence[str],
    across: str,
    up: Mapping[str, str],
    label: str,
    limits: Mapping[str, float] | None = None,
) -> Figure:
    """One panel for each measure that is `up`, over the one that is `across`.

    Args:
        points: measures of each setting.
        curve: settings that belong together, joined in this order; the others stand alone.
        across: name of the measure along the horizontal axis, and `label`, what it is.
        up: names of the measures along the vertical axes, and what they are.
        limits: values on the horizontal axis that mean something, by name.

    Raises:
        ValueError: if there is no point or no measure.
    """
    if not points or not up:
        raise ValueError("a trade-off needs settings and measures")
    with style():
        figure = new_figure(4.3 * len(up), 3.6)
        for axes, (measure, title) in zip(
            figure.subplots(1, len(up), squeeze=False)[0], up.items(), strict=True
        ):
            for text, value in (limits or {}).items():
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
            joined = [(points[name][across], points[name][measure]) for name in curve]
            axes.plot(*zip(*joined, strict=True), color=BLUE, marker="o", markersize=5)
            for name, values in points.items():
                at = (values[across], values[measure])
                if name not in curve:
                    axes.plot(*at, color=VERMILION, marker="s", markersize=5)
                colour = BLUE if name in curve else VERMILION
                axes.annotate(
                    name, at, xytext=(6, -9), textcoords="offset points", fontsize=7.5, color=colour
                )
            axes.set_xlabel(label)
            axes.set_title(title)
            axes.grid(visible=True)
            axes.margins(0.12)
    return figure
