"""Speech-to-image results: agreement of a classifier, measures by class, pictures."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from synvae_core.metrics.note_recall import Share
from synvae_workbench.plots.alternatives import SHARE, pictures_told, tell, values_told
from synvae_workbench.plots.drawing import (
    DASHED,
    GIVEN_INTERVAL,
    in_percent,
    legend_above,
    row_marks,
)
from synvae_workbench.plots.palette import INK, MUTED
from synvae_workbench.plots.style import colours, new_figure, style

GAP = 2  # pixels between two pictures
SHIFT = 0.22  # rows between the dots of two kinds of one name


def agreement_intervals(
    panels: Mapping[str, Mapping[str, Mapping[str, Share]]],
    *,
    references: Mapping[str, float] | None = None,
) -> Figure:
    """Share of pictures that a classifier reads right, with intervals; panels share their axis.

    Args:
        panels: title -> kind -> name -> share, such as of each digit, from means and from samples.
        references: other shares to compare with, by name.

    Raises:
        ValueError: if there is no panel, or the kinds of a panel differ in their names.
    """
    _check_panels(panels)
    shares = [each for kinds in panels.values() for of in kinds.values() for each in of.values()]
    lowest = min(each.interval()[0] for each in shares)
    most = max(len(names) for kinds in panels.values() for names in kinds.values())
    with style():
        figure = new_figure(3.9 * len(panels) + 0.6, 1.2 + 0.31 * most)
        grid = figure.subplots(1, len(panels), squeeze=False, sharex=True)[0]
        for axes, (title, kinds) in zip(grid, panels.items(), strict=True):
            of_first = next(iter(kinds.values()))
            rows = [
                (kind, f"{name} ({of_first[name].cases})", value)
                for kind, shares in kinds.items()
                for name, share in shares.items()
                if share.cases
                for value in (share.value, *share.interval())
            ]
            frame = pd.DataFrame(rows, columns=["kind", "name", "share"])
            options = {"palette": colours(kinds), "dodge": SHIFT * (len(kinds) - 1)}
            row_marks(axes, frame, x="share", y="name", hue="kind", **options, **GIVEN_INTERVAL)
            for dash, (name, value) in enumerate((references or {}).items()):
                dashes = (0, (4 - dash % 3, 3))
                axes.axvline(value, color=INK, lw=1, linestyle=dashes, zorder=0, label=name)
            axes.set(title=title, xlim=(max(0, lowest - 0.04), 1.01))
            in_percent(axes.xaxis)
        legend_above(figure, columns=5)
    told = (
        values_told(f"{title}, {kind}", {n: share.value for n, share in of.items()}, SHARE)
        for title, kinds in panels.items()
        for kind, of in kinds.items()
    )
    compared = values_told("To compare with", references, SHARE) if references else ""
    return tell(figure, *told, compared)


def measures_by_class(
    panels: Mapping[str, Mapping[str, Mapping[str, float]]],
    *,
    references: Mapping[str, float] | None = None,
) -> Figure:
    """Measures of each class, by kind of pictures; each panel has its own scale.

    Args:
        panels: measure -> kind -> class -> value; a kind called "real" is drawn in grey.
        references: value of a measure to compare with, by the measure's title.

    Raises:
        ValueError: if there is no panel, or the kinds of a panel differ in their classes.
    """
    _check_panels(panels)
    classes = [str(name) for name in next(iter(next(iter(panels.values())).values()))]
    kinds = dict.fromkeys(kind for of in panels.values() for kind in of)
    palette = colours(kinds, grey={"real"})
    with style():
        figure = new_figure(2.9 * len(panels) + 0.5, 1.1 + 0.27 * len(classes))
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (title, of) in zip(grid, panels.items(), strict=True):
            frame = (
                pd.DataFrame({kind: dict(each) for kind, each in of.items()})
                .rename(str)
                .rename_axis("class")
                .reset_index()
            )
            frame = frame.melt("class", var_name="kind", value_name=title)
            options = {"palette": palette, "markersize": 6}
            row_marks(axes, frame, x=title, y="class", hue="kind", **options)
            if title in (references or {}):
                axes.axvline(references[title], color=INK, linewidth=1, linestyle=DASHED)
            axes.set_title(title)
            axes.set_xlim(left=0)
            axes.margins(x=0.08)
        legend_above(figure, columns=5)
    told = (
        values_told(f"{title}, {kind}", each)
        for title, of in panels.items()
        for kind, each in of.items()
    )
    return tell(figure, *told, values_told("Lines", references) if references else "")


def picture_mosaic(
    rows: Mapping[str, Float[Tensor, "_ c h w"]], *, columns: Mapping[int, str] | None = None
) -> Figure:
    """Mosaic of pictures in [0, 1] in named rows; grey ones in ink on paper.

    As one image it holds many more than `picture_grid`. Rows may differ in length.

    Args:
        columns: headings of some columns, by index.

    Raises:
        ValueError: if there is no picture, or they differ in size.
    """
    sizes = {tuple(pictures.shape[1:]) for pictures in rows.values() if len(pictures)}
    if len(sizes) != 1:
        raise ValueError(f"expected some pictures, all of one size: got {sorted(sizes)}")
    ((_, height, width),) = sizes
    most = max(map(len, rows.values()))
    paper = np.ones((len(rows) * (height + GAP) - GAP, most * (width + GAP) - GAP, 3))
    for y, pictures in enumerate(rows.values()):
        for x, picture in enumerate(pictures):
            top, left = y * (height + GAP), x * (width + GAP)
            paper[top : top + height, left : left + width] = _in_ink(picture)
    with style():
        figure = new_figure(0.46 * most + 1.3, 0.46 * len(rows) + 0.25)
        axes = figure.subplots()
        axes.imshow(np.round(255 * paper).astype(np.uint8), interpolation="none")
        middle = np.arange(len(rows)) * (height + GAP) + (height - 1) / 2
        axes.set_yticks(middle, list(rows))
        named = columns or {}
        axes.set_xticks([i * (width + GAP) + (width - 1) / 2 for i in named], named.values())
        axes.xaxis.tick_top()
        axes.tick_params(length=0, labelcolor=MUTED)
        axes.spines[:].set_visible(False)
    headings = [f"from column {place + 1} {name}" for place, name in named.items()]
    counts = {name: len(pictures) for name, pictures in rows.items()}
    return tell(figure, pictures_told(counts), ", ".join(headings))


def _in_ink(picture: Tensor) -> np.ndarray:
    pixels = picture.detach().permute(1, 2, 0).double().numpy().clip(0, 1)
    return 1 - pixels * (1 - np.array(to_rgb(INK))) if pixels.shape[-1] == 1 else pixels


def _check_panels(panels: Mapping[str, Mapping[str, Mapping[str, object]]]) -> None:
    for title, kinds in panels.items():
        names = [[*of] for of in kinds.values()]
        if not names or not names[0] or any(each != names[0] for each in names):
            raise ValueError(f"{title!r}: every kind needs the same names, and some: got {names}")
    if not panels:
        raise ValueError("there is nothing to draw: expected a panel or more")
