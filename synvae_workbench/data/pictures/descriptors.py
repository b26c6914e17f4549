"""Cheap descriptors of pictures by which photographs and paintings differ, at 32 pixels.

Colour and edge statistics that tell paintings from photographs: Cutzu, Hammoud & Leykin 2005,
"Distinguishing Paintings from Photographs", Computer Vision and Image Understanding 100, 249.
"""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from synvae_core.looks import LUMA

SIDE = 32  # of the copies; their edges are looked at from 16 pixels on, which sharpening and
FINEST = 2  # compression hardly touch, so that no picture is known by its resolution
HUES, TURNS = 12, 6
SHARES = (10, 25, 50, 75, 90)  # percentiles


def small_copy(picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "32 32 3"]:
    """The middle square of a picture, scaled to 32 pixels a side."""
    high, wide = picture.shape[:2]
    side = min(high, wide)
    top, left = (high - side) / 2, (wide - side) / 2
    box = (left, top, left + side, top + side)
    image = Image.fromarray(picture)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box))


def describe_pictures(pictures: UInt8[np.ndarray, "n 32 32 3"]) -> Float[np.ndarray, "n d"]:
    """Statistics of colours, of edges at two scales, and of the middle against the whole."""
    coarse = np.stack([_shrunk(pictures[..., i] / 255.0, FINEST) for i in range(3)], -1)
    rgb = (255 * coarse).round() / 255
    value = rgb.max(-1)
    saturation = (value - rgb.min(-1)) / np.maximum(value, 0.05)
    grey = rgb @ LUMA
    red_green, yellow_blue = (
        rgb[..., 0] - rgb[..., 1],
        (rgb[..., 0] + rgb[..., 1]) / 2 - rgb[..., 2],
    )
    channels = (grey, red_green, yellow_blue)
    parts = [_levels(each) for each in (grey, saturation, red_green, yellow_blue)]
    parts.append(_hues(red_green, yellow_blue))
    parts += [_edges(each, scale) for each in channels for scale in (1, 2)]
    parts += [_turns(grey), _correlations(grey, saturation, red_green, yellow_blue)]
    parts += [_middle(grey), _middle(saturation), _blocks(grey)]
    return np.concatenate(parts, 1)


def _levels(channel: Float[np.ndarray, "n s s"]) -> Float[np.ndarray, "n 7"]:
    """Mean, standard deviation and percentiles."""
    flat = channel.reshape(len(channel), -1)
    shares = np.percentile(flat, SHARES, axis=1)
    return np.stack([flat.mean(1), flat.std(1), *shares], 1)


def _hues(red_green: np.ndarray, yellow_blue: np.ndarray) -> Float[np.ndarray, "n 12"]:
    """Share of the colour that is of each hue."""
    turn = (np.arctan2(yellow_blue, red_green) / (2 * np.pi)) % 1
    weight = np.hypot(red_green, yellow_blue)
    bins = np.minimum((turn * HUES).astype(int), HUES - 1)
    sums = [(weight * (bins == each)).sum((1, 2)) for each in range(HUES)]
    return np.stack(sums, 1) / (weight.sum((1, 2))[:, None] + 1)


def _shrunk(channel: np.ndarray, scale: int) -> np.ndarray:
    side = channel.shape[1] // scale
    return channel.reshape(-1, side, scale, side, scale).mean((2, 4))


def _edges(channel: np.ndarray, scale: int) -> Float[np.ndarray, "n 5"]:
    """Steepness of edges: its logarithm, how rare steep ones are, and how much is flat."""
    shrunk = _shrunk(channel, scale)
    steep = np.hypot(np.diff(shrunk, axis=1)[:, :, :-1], np.diff(shrunk, axis=2)[:, :-1])
    mean, square = steep.mean((1, 2)), np.sqrt(np.square(steep).mean((1, 2)))
    bend = np.abs(np.diff(shrunk, 2, axis=2)).mean((1, 2)) / (mean + 1e-3)
    flat = [(steep < limit).mean((1, 2)) for limit in (0.01, 0.03)]
    return np.stack([np.log(mean + 1e-3), mean / (square + 1e-3), bend, *flat], 1)


def _blocks(channel: np.ndarray) -> Float[np.ndarray, "n 7"]:
    """Levels of the deviations within blocks of four places a side."""
    count = channel.shape[1] // 4
    blocks = channel.reshape(-1, count, 4, count, 4)
    return _levels(blocks.std((2, 4)))


def _turns(grey: np.ndarray) -> Float[np.ndarray, "n 6"]:
    """Share of the edges that run in each direction."""
    down, right = np.diff(grey, axis=1)[:, :, :-1], np.diff(grey, axis=2)[:, :-1]
    turn = (np.arctan2(down, right) / np.pi) % 1
    weight = np.hypot(down, right)
    bins = np.minimum((turn * TURNS).astype(int), TURNS - 1)
    sums = [(weight * (bins == each)).sum((1, 2)) for each in range(TURNS)]
    return np.stack(sums, 1) / (weight.sum((1, 2))[:, None] + 1)


def _middle(channel: np.ndarray) -> Float[np.ndarray, "n 3"]:
    """The whole against its middle, the middle's deviation, and the upper half less the lower."""
    half, quarter = channel.shape[1] // 2, channel.shape[1] // 4
    middle = channel[:, quarter:-quarter, quarter:-quarter]
    halves = channel[:, :half].mean((1, 2)) - channel[:, half:].mean((1, 2))
    return np.stack([channel.mean((1, 2)) - middle.mean((1, 2)), middle.std((1, 2)), halves], 1)


def _correlations(*channels: np.ndarray) -> Float[np.ndarray, "n 6"]:
    """Correlations between the channels."""
    flat = [each.reshape(len(each), -1) for each in channels]
    centred = [each - each.mean(1, keepdims=True) for each in flat]
    scales = [np.sqrt(np.square(each).mean(1)) + 0.01 for each in centred]
    pairs = [(i, j) for i in range(len(flat)) for j in range(i)]
    return np.stack(
        [(centred[i] * centred[j]).mean(1) / (scales[i] * scales[j]) for i, j in pairs], 1
    )
