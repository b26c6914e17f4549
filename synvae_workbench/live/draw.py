"""Preparation of a drawn digit as MNIST's were prepared.

LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition": scaled to 20 of the 28
pixels, and moved so that its centre of mass is that of the picture.
"""

import numpy as np
from jaxtyping import UInt8
from PIL import Image

SIDE = 112  # of the field that draw.js sends
INK_SHARE = 20 / 28  # of the picture's side that the longer side of a digit takes


def drawing_to_digit(
    drawing: UInt8[np.ndarray, "side side"], *, size: int = 28
) -> UInt8[np.ndarray, "1 size size"]:
    """Scales a drawing (0 paper, 255 ink) to `size` pixels and centres it by its mass.

    Raises:
        ValueError: if nothing is drawn.
    """
    rows, columns = (np.flatnonzero(drawing.any(axis)) for axis in (1, 0))
    if not len(rows):
        raise ValueError("nothing is drawn yet")
    ink = Image.fromarray(drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = INK_SHARE * size / max(ink.size)
    ink = ink.resize([max(1, round(scale * side)) for side in ink.size], Image.Resampling.BOX)
    pixels = np.asarray(ink, float)
    picture = np.zeros((size, size), np.uint8)
    top, left = (_start(pixels.sum(axis), size) for axis in (1, 0))
    picture[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return picture[None]


def _start(ink: np.ndarray, size: int) -> int:
    """First row or column such that the centre of mass is in the middle and all of it fits."""
    centre = (np.arange(len(ink)) + 0.5) @ ink / ink.sum()
    return int(np.clip(round(size / 2 - centre), 0, size - len(ink)))
