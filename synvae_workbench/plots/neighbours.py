"""Nearest neighbours: precision over k and by class, and a gallery of pictures."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from synvae_core.metrics.neighbour_labels import LabelPrecision
from synvae_workbench.plots.alternatives import SHARE, tell, values_told
from synvae_workbench.plots.charts import SPACES, space_colours
from synvae_workbench.plots.drawing import DASHED, LINES, legend_above, row_marks
from synvae_workbench.plots.palette import BLUE, INK, MUTED
from synvae_workbench.plots.style import new_figure, style

SIDE = 40  # least side of a gallery picture in pixels, so that all frames look alike
FRAME = 0.09  # of a picture's side
GAP = 0.12


def precision_curves(
    panels: Mapping[str, Mapping[str, Mapping[int, float]]], *, chance: float | None = None
) -> Figure:
    """Precision over the number of neighbours, by space; panels share their axes.

    Args:
        panels: title -> space -> k -> precision in 0..1; spaces are named as in `SPACES`, or as
            they come.
        chance: precision of random neighbours, drawn as a line.

    Raises:
        ValueError: if there is no panel, or one without a space.
    """
    if not panels or not all(panels.values()):
        raise ValueError(f"every panel needs a space: got {[*map(list, panels.values())]}")
    with style():
        figure = new_figure(3.4 * len(panels) + 0.6, 2.9)
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (title, spaces) in zip(grid, panels.items(), strict=True):
            frame = pd.DataFrame({space: dict(values) for space, values in spaces.items()})
            palette = [*space_colours(spaces).values()]
            sns.lineplot(
                frame.rename(columns=SPACES), palette=palette, errorbar=None, ax=axes, **LINES
            )
            if chance is not None:
                axes.axhline(chance, color=INK, linewidth=1, linestyle=DASHED, label="chance")
            ks = sorted({k for values in spaces.values() for k in values})
            axes.set_xscale("log")
            axes.set_xticks(ks, [str(k) for k in ks])
            axes.minorticks_off()
            axes.set(title=title, xlabel="neighbours")
            axes.grid(axis="y")
        grid[0].set(ylim=(0, 1.02), ylabel="precision")
        legend_above(figure)
    told = (
        values_told(
            f"{title}, {SPACES.get(space, space)}, precision at",
            {str(k): value for k, value in of.items()},
            ".3f",
        )
        for title, spaces in panels.items()
        for space, of in spaces.items()
    )
    return tell(figure, *told, f"chance: {chance:.3f}" if chance is not None else "")


def class_precision(
    spaces: Mapping[str, LabelPrecision], *, names: Sequence[str], chance: LabelPrecision
) -> Figure:
    """Precision of each class in each space, with that of random neighbours.

    Args:
        spaces: named as in `SPACES`, or as they come; all of the same items and labels.
        names: of all classes, by id.
        chance: of these labels; drawn as a tick.

    Raises:
        ValueError: if there is no space, or the spaces or chance are of other classes.
    """
    classes = chance.classes.tolist()
    if not spaces or any(each.classes.tolist() != classes for each in spaces.values()):
        found = [each.classes.tolist() for each in spaces.values()]
        raise ValueError(f"every space needs the classes of chance, {classes}: got {found}")
    counts = chance.counts.tolist()
    labels = [f"{names[each]} ({count})" for each, count in zip(classes, counts, strict=True)]
    found = pd.DataFrame({space: each.per_class.numpy() for space, each in spaces.items()}, labels)
    frame = found.rename(columns=SPACES).rename_axis("class").reset_index()
    frame = frame.melt("class", var_name="space", value_name="precision")
    with style():
        figure = new_figure(6.4, 1.0 + 0.27 * len(classes))
        axes = figure.subplots()
        options = {"palette": space_colours(spaces), "markersize": 6, "alpha": 0.9}
        row_marks(axes, frame, x="precision", y="class", hue="space", **options)
        axes.plot(
            chance.per_class,
            labels,
            "|",
            color=INK,
            markersize=10,
            markeredgewidth=1,
            label="chance",
        )
        axes.set(xlim=(-0.01, 1.01), xlabel="precision")
        legend_above(figure, columns=5)
    told = (
        values_told(SPACES.get(space, space), dict(zip(labels, each.per_class, strict=True)), ".3f")
        for space, each in {**spaces, "chance": chance}.items()
    )
    return tell(figure, "Precision by class (pictures)", *told)


def neighbour_gallery(
    images: Float[Tensor, "n c h w"],
    queries: Sequence[int],
    found: Mapping[str, Int[Tensor, "q k"]],
    alike: Mapping[str, Bool[Tensor, "q k"]],
) -> Figure:
    """Query pictures, each with its nearest neighbours in each space, the nearest first.

    A blue frame marks neighbours of the query's label.

    Args:
        images: all pictures, in [0, 1]; grey ones are drawn in ink on paper.
        queries: indices of the queries, a row each.
        found: indices of the neighbours by space, named as in `SPACES`, or as they come.
        alike: whether each neighbour carries a label of its query.

    Raises:
        ValueError: if there is no query or no space, or not as many rows as queries.
    """
    shapes = {tuple(each.shape) for each in (*found.values(), *alike.values())}
    if not queries or found.keys() != alike.keys() or len(shapes) != 1:
        raise ValueError(
            f"every space needs neighbours of every query, and whether they are alike: got "
            f"{len(queries)} queries, shapes {sorted(shapes)}"
        )
    ((rows, k),) = shapes
    if rows != len(queries):
        raise ValueError(f"got neighbours of {rows} pictures and {len(queries)} queries")
    with style():
        figure = new_figure(0.52 * (1.4 + (k + 0.3) * len(found)), 0.52 * rows + 0.5)
        ratios = [1, *[k] * len(found)]
        first, *others = figure.subplots(1, 1 + len(found), width_ratios=ratios)
        figure.get_layout_engine().set(w_pad=0.02, wspace=0.03)
        _draw_mosaic(first, [[_add_frame(images[i], None)] for i in queries], "picture")
        for axes, (space, index) in zip(others, found.items(), strict=True):
            framed = [
                [_add_frame(images[i], bool(same)) for i, same in zip(*row, strict=True)]
                for row in zip(index.tolist(), alike[space].tolist(), strict=True)
            ]
            _draw_mosaic(axes, framed, SPACES.get(space, space))
    right = {SPACES.get(space, space): each.double().mean().item() for space, each in alike.items()}
    return tell(
        figure,
        f"{rows} pictures, each with its {k} nearest",
        values_told("Share of them with the picture's label, framed in blue", right, SHARE),
    )


def _add_frame(image: Tensor, alike: bool | None) -> np.ndarray:
    """Picture in RGB, enlarged by an integer factor, with a frame and a margin."""
    pixels = image.permute(1, 2, 0).double().numpy().clip(0, 1)
    if pixels.shape[-1] == 1:
        pixels = 1 - pixels * (1 - np.array(to_rgb(INK)))
    times = -(-SIDE // min(pixels.shape[:2]))
    pixels = pixels.repeat(times, 0).repeat(times, 1)
    frame, gap = (max(2, round(share * min(pixels.shape[:2]))) for share in (FRAME, GAP))
    colour = to_rgb(BLUE) if alike else (1, 1, 1)
    for width, paint in ((frame, colour), (gap // 2, (1, 1, 1))):
        height, length = (side + 2 * width for side in pixels.shape[:2])
        larger = np.empty((height, length, 3))
        larger[:] = paint
        larger[width:-width, width:-width] = pixels
        pixels = larger
    return np.round(255 * pixels).astype(np.uint8)


def _draw_mosaic(axes: Axes, pictures: Sequence[Sequence[np.ndarray]], title: str) -> None:
    axes.imshow(np.vstack([np.hstack(row) for row in pictures]), interpolation="none")
    axes.set(xticks=[], yticks=[], anchor="N")
    axes.set_title(title, color=MUTED, fontsize=8.5)
    axes.spines[:].set_visible(False)
