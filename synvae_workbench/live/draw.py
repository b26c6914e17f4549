"""The field of draw.js on which a digit is drawn: its size, and how a drawing looks on paper."""

import numpy as np
from jaxtyping import UInt8

SIDE = 112  # of the field that draw.js sends


def on_paper(drawing: UInt8[np.ndarray, "side side"]) -> UInt8[np.ndarray, "side side 3"]:
    """Drawing (0 paper, 255 ink) as dark ink on white paper."""
    return np.repeat(255 - drawing[..., None], 3, axis=2)
