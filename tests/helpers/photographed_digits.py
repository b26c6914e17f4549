"""Digits of MNIST as if written on paper and photographed: uneven light, noise, slant, JPEG."""

import io
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from scipy import ndimage

SIDES = (300, 400)  # of the photograph, in pixels
INKS = ((25, 25, 30), (30, 45, 130), (90, 90, 95), (150, 30, 40))  # pens, and a pencil


class Scene(NamedTuple):
    """How a digit is photographed; each is on or off."""

    shadow: bool = True
    squares: bool = False  # of the paper
    noise: float = 6.0  # standard deviation, of 255
    blur: float = 1.0  # pixels
    thin: bool = False  # a ball pen
    chalk: bool = False  # light on a dark board


def photograph(
    digit: UInt8[np.ndarray, "28 28"], scene: Scene, rng: np.random.Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """A photograph of a digit somewhere on a sheet, a quarter to three fifths as high as that."""
    high, wide = SIDES if rng.random() < 0.5 else SIDES[::-1]
    ink = _ink(digit, scene, round(rng.uniform(0.25, 0.6) * high), rng)
    top = rng.integers(8, high - ink.shape[0] - 8)
    left = rng.integers(8, wide - ink.shape[1] - 8)
    mask = np.zeros((high, wide))
    mask[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    white = np.array((235.0, 230.0, 218.0)) + rng.uniform(-12, 12, 3)
    paper = white * np.ones((high, wide, 1))
    pen = np.array(INKS[rng.integers(len(INKS))], float)
    if scene.chalk:
        paper, pen = np.array((45, 60, 52)) * np.ones((high, wide, 1)), np.array((225, 225, 220))
    if scene.squares:
        lines = _lines(high, wide, rng)[..., None]
        paper = paper * (1 - 0.4 * lines) + 0.4 * lines * np.array((120, 150, 190))
    picture = paper * (1 - mask[..., None]) + mask[..., None] * pen
    picture *= _light(high, wide, scene, rng)[..., None]
    picture = ndimage.gaussian_filter(picture, (scene.blur, scene.blur, 0))
    picture += rng.normal(0, scene.noise, picture.shape)
    buffer = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=75)
    return np.asarray(Image.open(buffer))


def _ink(digit, scene, height, rng) -> np.ndarray:
    """Smooth ink 0 to 1, cropped, slanted by up to eight degrees."""
    scale = height / 20
    large = ndimage.zoom(digit / 255.0, scale, order=3)
    if scene.thin:
        large = ndimage.grey_erosion(large, size=max(1, round(1.2 * scale)))
    turned = ndimage.rotate(large, rng.uniform(-8, 8), order=1)
    sharp = ((turned - 0.4) / 0.2).clip(0, 1)
    rows, columns = (np.flatnonzero(sharp.max(axis) > 0.5) for axis in (1, 0))
    return sharp[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _lines(high, wide, rng) -> np.ndarray:
    pitch, turn = rng.integers(18, 30), rng.uniform(-0.03, 0.03)
    y, x = np.mgrid[:high, :wide]
    return ((y + turn * x) % pitch < 1.5) | ((x - turn * y) % pitch < 1.5)


def _light(high, wide, scene, rng) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : high * 1j, -1 : 1 : wide * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    light = 0.8 + 0.15 * along
    if scene.shadow:  # with a soft edge, somewhere across the sheet
        edge = rng.uniform(-0.5, 0.5)
        light *= 1 - 0.4 / (1 + np.exp((along[::-1] - edge) / 0.05))
    return light
