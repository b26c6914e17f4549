"""Photographs: grids, nearest training pictures, and latent walks as animations."""

import base64
import html
import io
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from IPython.display import HTML
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from synvae_workbench.plots.alternatives import tell, values_told
from synvae_workbench.plots.palette import MUTED, VERMILION
from synvae_workbench.plots.pictures import picture_grid
from synvae_workbench.plots.rolls import draw_picture
from synvae_workbench.plots.style import new_figure, style

QUALITY = 80  # of WebP, of 100


def photo_grid(rows: Mapping[str, Float[Tensor, "n c h w"]]) -> Figure:
    """Grid of photographs in [0, 1], a row for each name; grey ones as they are, not as ink.

    Raises:
        ValueError: if there is no picture, or the rows are not equally long.
    """
    return picture_grid({name: _in_colour(pictures) for name, pictures in rows.items()})


def pair_sheet(
    drawn: Float[Tensor, "n c h w"],
    nearest: Float[Tensor, "n c h w"],
    distances: Sequence[float],
    *,
    close: float,
    columns: int = 10,
) -> Figure:
    """Generated pictures, each above its nearest training picture, with their distance.

    Args:
        distances: of the pairs, as shown.
        close: pairs of a lower distance are marked as possible copies.
        columns: pairs in a row.

    Raises:
        ValueError: if there is no pair, or the numbers of pictures and distances differ.
    """
    if not len(drawn) or not len(drawn) == len(nearest) == len(distances) or columns < 1:
        raise ValueError(
            f"pairs have a picture, another and a distance: got {len(drawn)}, {len(nearest)} and "
            f"{len(distances)}, in {columns} columns"
        )
    columns = min(columns, len(drawn))
    lines = -(-len(drawn) // columns)
    with style():
        figure = new_figure(0.95 * columns + 0.9, 2.15 * lines)
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.02, hspace=0.02)
        grid = figure.subplots(2 * lines, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        pairs = zip(_in_colour(drawn), _in_colour(nearest), distances, strict=True)
        for place, (picture, other, distance) in enumerate(pairs):
            line, column = divmod(place, columns)
            upper, lower = grid[2 * line, column], grid[2 * line + 1, column]
            draw_picture(upper, picture)
            draw_picture(lower, other)
            is_close = distance < close
            colour, weight = (VERMILION, "bold") if is_close else (MUTED, "normal")
            text = f"{distance:.3g}{' close' * is_close}"
            lower.set_xlabel(text, fontsize=7.5, color=colour, weight=weight)
        for line in range(lines):
            for axes, name in ((grid[2 * line, 0], "drawn"), (grid[2 * line + 1, 0], "nearest")):
                axes.set_ylabel(name, rotation=0, ha="right", va="center")
    pairs = {f"pair {place}": distance for place, distance in enumerate(distances, 1)}
    return tell(
        figure,
        f"{len(drawn)} drawn pictures, each above its nearest training picture",
        values_told("Distances", pairs),
        f"{sum(each < close for each in distances)} closer than {close:.3g}, marked",
    )


def animation(
    frames: Float[Tensor, "n c h w"], *, alt: str, seconds: float = 0.1, width_rem: float = 12
) -> HTML:
    """Endless animation of pictures in [0, 1], as an embedded image.

    With the system's setting of reduced motion it is the first picture.

    Args:
        alt: alternative text.
        seconds: of each picture.
        width_rem: width on the page.

    Raises:
        ValueError: with fewer than two pictures, or without a text.
    """
    if len(frames) < 2 or not alt.strip() or seconds <= 0:
        raise ValueError(
            f"an animation has two pictures or more, each for some time, and a text: got "
            f"{len(frames)} for {seconds} seconds, and {alt!r}"
        )
    images = [Image.fromarray(frame) for frame in _bytes(frames)]
    moving = {"save_all": True, "append_images": images[1:], "duration": round(1000 * seconds)}
    return HTML(
        '<picture><source media="(prefers-reduced-motion: reduce)" '
        f'srcset="{_webp(images[0])}"><img alt="{html.escape(alt)}" '
        f'src="{_webp(images[0], loop=0, **moving)}" '
        f'style="width:{width_rem:g}rem;max-width:100%;height:auto"></picture>'
    )


def side_by_side(*walks: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h wide"]:
    """Concatenates latent walks frame by frame, with a white line between them.

    Raises:
        ValueError: if there is no walk, or their shapes differ.
    """
    shapes = {tuple(walk.shape) for walk in walks}
    if len(shapes) != 1:
        raise ValueError(f"walks that are seen at once have one shape: got {sorted(shapes)}")
    line = torch.ones_like(walks[0][..., :1])
    parts = [part for walk in walks for part in (walk, line)]
    return torch.cat(parts[:-1], -1)


def _in_colour(pictures: Tensor) -> Tensor:
    return pictures.expand(-1, 3, -1, -1)


def _bytes(frames: Tensor) -> UInt8[np.ndarray, "n h w 3"]:
    pixels = (_in_colour(frames).clamp(0, 1) * 255).round().byte()
    return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).cpu().numpy())


def _webp(image: Image.Image, **options: object) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=QUALITY, **options)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
