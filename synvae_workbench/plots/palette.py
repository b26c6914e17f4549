"""Colours of figures and piano rolls, without matplotlib: live pages draw with them alone.

The palette is that of Okabe & Ito 2008, "Color Universal Design", which readers with any kind of
colour vision tell apart.
"""

import numpy as np
from jaxtyping import Float
from PIL import ImageColor

INK = "#22303c"
MUTED = "#6b7885"
FAINT = "#dfe4e8"
BAR_LINE = "#b4bec7"
PAPER = "#f5f7f9"
REFERENCE = "#aab4bd"  # of references and baselines
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = PALETTE = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
)

ON_LIGHT, BEAT_LINE = "#22303d", "#dfe4e9"  # ink and faint lines where the ground stays light
# What else becomes of colours on a dark page, where pages choose; white is the ground.
IN_THE_DARK = {
    INK: "#e6e3dc",
    MUTED: "#a9b2ba",
    FAINT: "#3a3d44",
    REFERENCE: "#7d8790",
    BLUE: "#4aa3df",
    "#ffffff": "#1e2024",
}

# Of pitches, low to high: matplotlib's plasma from 0.05 to 0.75, as its end is too light on white.
_PITCHES = (
    "#2a0593",
    "#5601a4",
    "#7e03a8",
    "#a11b9b",
    "#bf3984",
    "#d6556d",
    "#ea7456",
    "#f89540",
)


def rgb(colour: str) -> Float[np.ndarray, "3"]:
    """Red, green and blue of a hexadecimal colour, 0..1."""
    return np.array(ImageColor.getrgb(colour)) / 255


_PITCH_TABLE = np.stack([rgb(colour) for colour in _PITCHES], 1)


def pitch_colour(height: float) -> Float[np.ndarray, "3"]:
    """Red, green and blue, 0..1, of a pitch by its height in the range that is shown, 0..1."""
    places = np.linspace(0, 1, len(_PITCHES))
    return np.array([np.interp(height, places, channel) for channel in _PITCH_TABLE])
