"""Gross look of pictures in words and levels: hue family, lightness, contrast, how busy they are.

Thresholds are fixed. They were chosen once, on training pictures of CIFAR-10 and of paintings in
seven styles, so that each of three levels has about a third of both; the families of hue are
named as people name hues, and a family's share is what it is.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

HUES = ("grey", "red", "orange", "yellow", "green", "blue")
LIGHTNESS = ("dark", "mid-tone", "light")
CONTRAST = ("flat", "some contrast", "high contrast")
BUSYNESS = ("calm", "lively", "busy")
SCALES = (HUES, LIGHTNESS, CONTRAST, BUSYNESS)
LOOK_SIZE = sum(map(len, SCALES))  # of a look as indicators
ABSENT = -1  # in place of each level, where no look was read

SIDE = 32  # larger pictures are averaged down to it, as a small change is seen at any size
LUMA = (0.299, 0.587, 0.114)  # shares of red, green and blue, ITU-R BT.601
LEAST_CHROMA = 0.045  # below it the mean colour is grey
# Degrees of hue, up to which a family reaches; pinks count as red, violets as blue.
HUE_ENDS = (20.0, 38.0, 75.0, 165.0, 285.0)
LIGHTNESS_ENDS = (0.42, 0.54)  # mean luma
CONTRAST_ENDS = (0.155, 0.205)  # standard deviation of luma
BUSYNESS_ENDS = (0.051, 0.067)  # mean absolute difference of luma of neighbours


class Look(NamedTuple):
    """Levels of a picture: places in `HUES`, `LIGHTNESS`, `CONTRAST` and `BUSYNESS`."""

    hue: int
    lightness: int
    contrast: int
    busyness: int

    @property
    def words(self) -> str:
        """The look in words, such as "dark and blue, flat, calm"."""
        hue, light, contrast, busy = (
            scale[level] for scale, level in zip(SCALES, self, strict=True)
        )
        return f"{light} and {hue}, {contrast}, {busy}"


def looks_of(images: Float[Tensor, "n c h w"]) -> Int[Tensor, "n 4"]:
    """Looks of pictures in [0, 1], grey or in colour: a row each of the levels of a `Look`.

    Lightness is the mean luma, contrast its standard deviation, busyness its mean absolute
    difference from pixel to pixel, and the hue is that of the mean colour.

    Raises:
        ValueError: if a picture is neither grey nor in colour, or a single pixel.
    """
    channels, height, width = images.shape[1:]
    if channels not in (1, 3) or min(height, width) < 2:
        raise ValueError(
            "a look is that of pictures with 1 or 3 channels and 2 pixels or more a side: got "
            f"{tuple(images.shape)}"
        )
    if max(height, width) > SIDE:
        images = F.adaptive_avg_pool2d(images, (min(height, SIDE), min(width, SIDE)))
    weights = images.new_tensor(LUMA if channels == 3 else (1.0,))
    luma = (images * weights[:, None, None]).sum(1)
    steps = (luma.diff(dim=1).abs().mean((1, 2)) + luma.diff(dim=2).abs().mean((1, 2))) / 2
    columns = (
        _hues(images.mean((2, 3)).expand(-1, 3)),
        _levels(luma.mean((1, 2)), LIGHTNESS_ENDS),
        _levels(luma.flatten(1).std(1, correction=0), CONTRAST_ENDS),
        _levels(steps, BUSYNESS_ENDS),
    )
    return torch.stack(columns, 1)


def look_indicators(looks: Int[Tensor, "n 4"]) -> Float[Tensor, "n features"]:
    """Indicator variables of looks, one for each level of each scale; zeros where it is absent."""
    columns = [
        F.one_hot(column.clamp(min=0), len(scale)) * (column != ABSENT)[:, None]
        for column, scale in zip(looks.unbind(1), SCALES, strict=True)
    ]
    return torch.cat(columns, 1).float()


def _hues(colours: Float[Tensor, "n 3"]) -> Int[Tensor, " n"]:
    """Families of hue of colours: grey, or by the angle of chroma, from red at 0 degrees."""
    red, green, blue = colours.unbind(1)
    across, up = red - (green + blue) / 2, math.sqrt(3) / 2 * (green - blue)
    degrees = torch.rad2deg(torch.atan2(up, across)) % 360
    family = 1 + _levels(degrees, HUE_ENDS) % (len(HUES) - 1)
    return torch.where(torch.hypot(across, up) < LEAST_CHROMA, 0, family)


def _levels(values: Float[Tensor, " n"], ends: tuple[float, ...]) -> Int[Tensor, " n"]:
    return torch.bucketize(values, values.new_tensor(ends), right=True)
