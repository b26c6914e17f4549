"""Handwritten digits found in pictures, drawn or photographed, and prepared as MNIST's were.

LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition": scaled to 20 of the 28
pixels, and moved so that its centre of mass is that of the picture. Uneven light is divided out by
a morphological closing of the paper, ink is told from it by Otsu 1979, "A Threshold Selection
Method from Gray-Level Histograms".
"""

from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from synvae_core.looks import LUMA

INK_SHARE = 20 / 28  # of the picture's side that the longer side of a digit takes
WORKING_SIDE = 200  # longer side of the picture in which a digit is looked for
LEAST_SIDE = 84  # smaller ones are enlarged to it
LEAST_CONTRAST = 0.18  # of ink against paper, as a share of the light
THIN, MNIST_STROKE = 0.09, 0.11  # width of a stroke over its height, below which it is thickened
# Of paper with a digit: least score, and largest spreads of its contrast and of its colour.
LEAST_SCORE, MOST_UNEVEN, MOST_COLOURFUL = 3.5, 0.055, 0.06


class FoundDigit(NamedTuple):
    """A digit, light on dark, 28 x 28, with where it was found and how it stood there.

    `box` is top, left, bottom and right as shares of the picture's sides; `dark_ink` tells dark on
    light from light on dark; `sure` that the rest is plain paper, so that the picture can hardly be
    anything else.
    """

    picture: UInt8[np.ndarray, "1 28 28"]
    box: tuple[float, float, float, float]
    dark_ink: bool
    sure: bool

    @property
    def done(self) -> str:
        """What was done, in words."""
        return "found, cropped, cleaned and centred" + ", its ink made light" * self.dark_ink


class _Ink(NamedTuple):
    """Contrast of ink, 0 to 1, the strokes of the candidate, and how good it is, above 0."""

    contrast: Float[np.ndarray, "h w"]
    strokes: Bool[np.ndarray, "h w"]
    score: float


def find_digit(picture: UInt8[np.ndarray, "h w 3"]) -> FoundDigit | None:
    """The one handwritten digit of a picture: found, cropped, cleaned and centred; None of none.

    Dark on light or light on dark, on paper that may be lit unevenly, ruled or noisy. What else is
    in the picture must be little.
    """
    colours = _working_copy(picture)
    grey = colours @ LUMA
    blur = min(1.5, 0.4 + _noise(grey) / 12)
    smooth = scipy.ndimage.gaussian_filter(grey, blur)
    candidates = [(_find_ink(smooth if dark else 255 - smooth), dark) for dark in (True, False)]
    found = [(ink, dark) for ink, dark in candidates if ink is not None]
    if not found:
        return None
    ink, dark = max(found, key=lambda each: each[0].score)
    rows, columns = (np.flatnonzero(ink.strokes.any(axis)) for axis in (1, 0))
    (high, wide), ends = grey.shape, (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
    box = tuple(float(end / side) for end, side in zip(ends, (high, wide) * 2, strict=True))
    paper = ~scipy.ndimage.binary_dilation(ink.strokes, iterations=3)
    sure = (
        ink.score >= LEAST_SCORE
        and ink.contrast[paper].std() <= MOST_UNEVEN
        and _colourfulness(colours, paper, max(blur, 1.0)) <= MOST_COLOURFUL
    )
    return FoundDigit(centre_digit(_clean(ink)), box, dark, bool(sure))


def centre_digit(
    ink: UInt8[np.ndarray, "h w"], *, size: int = 28
) -> UInt8[np.ndarray, "1 size size"]:
    """Scales ink (0 paper, 255 ink) to 20 of 28 parts of `size`, and centres it by its mass.

    Raises:
        ValueError: if there is no ink.
    """
    rows, columns = (np.flatnonzero(ink.any(axis)) for axis in (1, 0))
    if not len(rows):
        raise ValueError("nothing is drawn yet")
    cropped = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = INK_SHARE * size / max(cropped.size)
    sides = [max(1, round(scale * side)) for side in cropped.size]
    pixels = np.asarray(cropped.resize(sides, Image.Resampling.BOX), float)
    picture = np.zeros((size, size), np.uint8)
    top, left = (_start(pixels.sum(axis), size) for axis in (1, 0))
    picture[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return picture[None]


def _start(ink: np.ndarray, size: int) -> int:
    """First row or column such that the centre of mass is in the middle and all of it fits."""
    centre = (np.arange(len(ink)) + 0.5) @ ink / ink.sum()
    return int(np.clip(round(size / 2 - centre), 0, size - len(ink)))


def _working_copy(picture: np.ndarray) -> Float[np.ndarray, "h w 3"]:
    """The picture with a longer side of `LEAST_SIDE` to `WORKING_SIDE` pixels."""
    image = Image.fromarray(picture)
    side = max(image.size)
    scale = min(1, WORKING_SIDE / side) if side >= LEAST_SIDE else LEAST_SIDE / side
    sides = [max(8, round(scale * each)) for each in image.size]
    return np.asarray(image.resize(sides, Image.Resampling.BICUBIC), float)


def _colourfulness(colours: np.ndarray, paper: np.ndarray, blur: float) -> float:
    """Spread of the paper's colours, whatever light falls on it, 0 to about 1."""
    smooth = scipy.ndimage.gaussian_filter(colours, (blur, blur, 0))
    light = np.maximum(smooth.max(-1), 40)
    opponents = np.diff(smooth, axis=-1)[paper] / light[paper][:, None]
    return float(np.sqrt(opponents.var(0).sum()))


def _noise(grey: np.ndarray) -> float:
    """Standard deviation of pixel noise, by the median of second differences."""
    second = grey[:, 2:] - 2 * grey[:, 1:-1] + grey[:, :-2]
    return float(np.median(np.abs(second)) / 0.6745 / np.sqrt(6))


def _find_ink(grey: Float[np.ndarray, "h w"]) -> _Ink | None:
    """Strokes of a digit that is darker than its surroundings."""
    contrast = _contrast(grey)
    threshold = _otsu(contrast)
    if threshold is None:
        return None
    dark = contrast > threshold
    for radius in range(4):  # lines of squared paper are thinner than the strokes
        thick = dark if radius == 0 else _opened(dark, radius)
        strokes = _candidate(thick, radius)
        if strokes is None:
            continue
        score = _score(strokes, contrast, thick)
        if score > 0:
            return _Ink(contrast, strokes, score)
    return None


def _contrast(grey: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Share of the light that is missing against the surroundings, 0 to 1."""
    size = max(9, round(max(grey.shape) / 5)) | 1
    paper = scipy.ndimage.grey_closing(grey, size=(size, size), mode="nearest")
    paper = scipy.ndimage.gaussian_filter(paper, size / 6, mode="nearest")
    return ((paper - grey) / np.maximum(paper, 40)).clip(0, 1)


def _otsu(contrast: np.ndarray) -> float | None:
    """Threshold between paper and ink by Otsu's criterion; None if the ink is too faint."""
    counts, edges = np.histogram(contrast, 64, range=(0, 1))
    values = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()
    above = below[-1] - below
    sums = (counts * values).cumsum()
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / below, (sums[-1] - sums) / above
        between = below * above * (means[0] - means[1]) ** 2
    best = int(np.nan_to_num(between).argmax())
    if np.isnan(between[best]) or means[1][best] < LEAST_CONTRAST:
        return None
    return max(float(edges[best + 1]), LEAST_CONTRAST / 2)


def _opened(mask: np.ndarray, radius: int) -> Bool[np.ndarray, "h w"]:
    """The mask without what is thinner than the disc, otherwise as it was."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = x**2 + y**2 <= radius**2 + 1
    return scipy.ndimage.binary_opening(mask, disc)


def _candidate(mask: np.ndarray, radius: int) -> Bool[np.ndarray, "h w"] | None:
    """The largest component that does not touch the edge, with those that belong to it."""
    labels, count = scipy.ndimage.label(mask, np.ones((3, 3)))
    if not count:
        return None
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    areas[edge] = 0
    main = int(areas.argmax())
    if not areas[main]:
        return None
    boxes = scipy.ndimage.find_objects(labels)
    near, grown = [main], _grown(boxes[main - 1], mask.shape)
    for other in np.flatnonzero(areas > 0.04 * areas[main]):
        part = boxes[other - 1]
        if other != main and all(
            a.start < b.stop and b.start < a.stop for a, b in zip(grown, part, strict=True)
        ):
            near.append(other)
    return np.isin(labels, near)


def _grown(box: tuple[slice, slice], shape: tuple[int, int]) -> tuple[slice, slice]:
    """The box with a tenth of its longer side around it."""
    margin = max(1, round(0.1 * max(each.stop - each.start for each in box)))
    return tuple(
        slice(max(0, each.start - margin), min(side, each.stop + margin))
        for each, side in zip(box, shape, strict=True)
    )


def _score(strokes: np.ndarray, contrast: np.ndarray, mask: np.ndarray) -> float:
    """How much strokes are like those of one digit, 0 if they cannot be."""
    rows, columns = (np.flatnonzero(strokes.any(axis)) for axis in (1, 0))
    high, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    area = strokes.sum()
    longest = max(high, wide)
    if longest < 0.1 * max(strokes.shape) or wide > 1.8 * high:
        return 0.0
    thickest = scipy.ndimage.distance_transform_edt(strokes).max() / longest
    _, holes = scipy.ndimage.label(~np.pad(strokes, 1))
    if thickest > 0.2 or holes > 4 or area / (high * wide) > (0.75 if wide > 0.35 * high else 1.01):
        return 0.0
    rest = scipy.ndimage.binary_dilation(strokes, iterations=2)
    stray = mask[~rest].sum() / area
    paper = contrast[~rest]
    if stray > 0.6 or not len(paper):
        return 0.0
    return float((contrast[strokes].mean() - paper.mean()) / (paper.std() + 0.05) / (1 + stray))


def _clean(ink: _Ink) -> UInt8[np.ndarray, "h w"]:
    """Ink 0 to 255 of the strokes alone; thin strokes are thickened as a pen of MNIST's."""
    strokes = ink.strokes
    near = scipy.ndimage.binary_dilation(strokes, iterations=1)
    full = np.percentile(ink.contrast[strokes], 60)
    paper = np.median(ink.contrast[~scipy.ndimage.binary_dilation(strokes, iterations=3)])
    soft = ((ink.contrast - paper) / (full - paper + 1e-6) * 1.25 - 0.25).clip(0, 1) * near
    rows, columns = (np.flatnonzero(strokes.any(axis)) for axis in (1, 0))
    longest = max(np.ptp(rows), np.ptp(columns)) + 1
    width = _stroke_width(strokes) / longest
    if width < THIN:
        size = max(1, round((MNIST_STROKE - width) * longest))
        soft = scipy.ndimage.grey_dilation(np.pad(soft, size), size=(size, size))
    return (255 * soft).round().astype(np.uint8)


def _stroke_width(strokes: np.ndarray) -> float:
    """Twice the median distance to the paper, along the middle of the strokes."""
    distance = scipy.ndimage.distance_transform_edt(strokes)
    ridge = strokes & (distance >= scipy.ndimage.maximum_filter(distance, 3))
    return float(2 * np.median(distance[ridge]) - 0.5)
