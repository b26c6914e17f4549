"""Grids of pictures, one kind to a row."""

from collections.abc import Mapping

from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from synvae_workbench.plots.alternatives import pictures_told, tell
from synvae_workbench.plots.rolls import draw_picture
from synvae_workbench.plots.style import new_figure, style


def picture_grid(rows: Mapping[str, Float[Tensor, "n c h w"]]) -> Figure:
    """Grid of pictures in [0, 1], a row for each name, to be compared by column.

    Raises:
        ValueError: if there is no picture, or the rows are not equally long.
    """
    lengths = {len(pictures) for pictures in rows.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"expected rows of equally many pictures, got {sorted(lengths)}")
    (columns,) = lengths
    with style():
        figure = new_figure(1.0 * columns + 1.0, 1.1 * len(rows))
        grid = figure.subplots(len(rows), columns, squeeze=False)
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.02, hspace=0.02)
        for axes, (name, pictures) in zip(grid, rows.items(), strict=True):
            for panel, picture in zip(axes, pictures, strict=True):
                draw_picture(panel, picture)
            axes[0].set_ylabel(name, rotation=0, ha="right", va="center")
    return tell(figure, pictures_told(dict.fromkeys(rows, columns)))
