"""Labels of paintings that are computed from their pixels and their format, beside their own.

So that evaluations are seen with more than one label a picture where no person gave more than one.
Whatever is computed has a name that begins with "computed: ". Colourfulness: Hasler & Suesstrunk
2003, "Measuring Colorfulness in Natural Images". Faces: the cascade of local binary patterns that
comes with scikit-image (Ojala et al. 2002; Viola & Jones 2001).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from torch import Tensor

from synvae_core.looks import LUMA
from synvae_workbench.data.cache import cache_folder, cached_arrays
from synvae_workbench.data.files import FoundFile
from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures.bam import PAINTINGS, combine_labels, list_bam
from synvae_workbench.data.pictures.file_sets import decoding_of, read_set
from synvae_workbench.data.pictures.files import picture_sides
from synvae_workbench.data.pictures.types import PictureSet, Split
from synvae_workbench.data.sources import checksum

VERSION = 1  # part of the cache's name; raise it when what is found changes
# Thresholds were chosen on training paintings, of which 24, 20 and 25 % carry these labels.
COLOURFUL = 45.0  # "averagely colourful" in the paper's scale
DARK, LIGHT = 0.35, 0.6  # mean luma, 0 to 1
SQUARE = 1.1  # ratio of the sides up to which a picture has neither format
# Of 60 training paintings with a face by this rule, 57 showed one where it was found.
FACE_SIDE = 15 / 64  # least side of a face, as a share of the picture's
MAGNIFIED = 192  # side of the picture in which faces are looked for; the cascade's window has 24
SAME_PLACE = 0.3  # distance of the centres of one face, as a share of its side

FORMATS = ("computed: portrait format", "computed: landscape format")
BY_PIXELS = ("computed: colourful", "computed: dark", "computed: light", "computed: face")
COMPUTED = FORMATS + BY_PIXELS

PAINTINGS_COMPUTED = replace(PAINTINGS, title="the same paintings, with computed labels beside")


def load_computed(options: PictureOptions) -> PictureSet:
    """Loads pictures in the BAM layout with their own labels and `COMPUTED` ones, as booleans.

    Formats are of the whole picture, of which models see a square; the others are of the central
    square. With `combine` every set of labels that occurs is a class.

    Raises:
        ValueError: as `load_bam`, and unless the pictures have colours.
    """
    if options.channels != 3:
        raise ValueError("colourfulness is of pictures in colour: leave channels= out")
    listing = list_bam(replace(options, combine=False, only=""))
    given = listing.labels
    if given.dtype != torch.bool:
        given = torch.nn.functional.one_hot(given, len(listing.classes)).bool()
    formats = torch.from_numpy(format_labels(listing.root, listing.files))
    classes = (*listing.classes, *FORMATS)
    listing = listing._replace(labels=torch.cat([given, formats], 1), classes=classes)
    pictures = read_set("paintings_computed", listing, decoding_of(options))
    splits = [_with_computed(split, options) for split in pictures[3:6]]
    return _chosen(pictures, splits, (*classes, *BY_PIXELS), options)


def format_labels(root: Path, files: Sequence[FoundFile]) -> Bool[np.ndarray, "n 2"]:
    """Portrait and landscape format: of a picture 1.1 times as high as wide or more, and wide."""
    sides = [picture_sides(root / file.name) for file in files if not file.fault]
    ratios = np.ones(len(files))
    ratios[[not file.fault for file in files]] = [height / width for width, height in sides]
    return np.stack([ratios >= SQUARE, ratios <= 1 / SQUARE], 1)


def colourfulness(images: UInt8[np.ndarray, "n 3 h w"]) -> Float[np.ndarray, " n"]:
    """Colourfulness of Hasler and Suesstrunk: 0 grey, 15 slightly, 45 averagely, 82 highly."""
    red, green, blue = np.moveaxis(images.astype(np.float64), 1, 0).reshape(3, len(images), -1)
    first, second = red - green, (red + green) / 2 - blue
    spread = np.hypot(first.std(1), second.std(1))
    return spread + 0.3 * np.hypot(first.mean(1), second.mean(1))


def lightness(images: UInt8[np.ndarray, "n 3 h w"]) -> Float[np.ndarray, " n"]:
    """Mean luma of each picture (ITU-R BT.601), 0 black to 1 white."""
    return np.tensordot(images.mean((2, 3)), LUMA, 1) / 255


def has_face(image: UInt8[np.ndarray, "3 h w"]) -> bool:
    """True if a frontal face is found in a picture and, at the same place, in its mirror image."""
    return bool(len(_confirmed(np.ascontiguousarray(image.transpose(1, 2, 0)))))


def find_face(pixels: UInt8[np.ndarray, "h w 3"]) -> tuple[float, float, float] | None:
    """Centre, across and down, and side of the largest frontal face, in pixels; None without one.

    By the rule of `has_face`, in a picture of any shape; the face may be half as large.
    """
    high, wide = pixels.shape[:2]
    side = max(high, wide)
    down, across = (side - high) // 2, (side - wide) // 2
    square = np.pad(pixels, [(down, side - high - down), (across, side - wide - across), (0, 0)])
    found = _confirmed(square, 2 * MAGNIFIED)
    if not len(found):
        return None
    x, y, width = found[found[:, 2].argmax()] * side / (2 * MAGNIFIED)
    return float(x - across), float(y - down), float(width)


def _confirmed(
    square: UInt8[np.ndarray, "h w 3"], wide: int = MAGNIFIED
) -> Float[np.ndarray, "found 3"]:
    """Faces of a square picture, scaled to `wide`, that are in its mirror image as well."""
    large = np.asarray(Image.fromarray(square).resize((wide, wide), Image.Resampling.BICUBIC))
    faces = _faces(large)
    if not len(faces):
        return faces
    mirrored = _faces(np.ascontiguousarray(large[:, ::-1]))
    mirrored[:, 0] = wide - mirrored[:, 0]
    apart = np.abs(faces[:, None, :2] - mirrored[None, :, :2]).max(-1)
    smaller = np.minimum(faces[:, None, 2], mirrored[None, :, 2])
    return faces[(apart <= SAME_PLACE * smaller).any(1)]


def _faces(large: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "found 3"]:
    """Centre, across and down, and side of each face, in pixels."""
    least = round(FACE_SIDE * MAGNIFIED)
    found = _cascade()(
        large,
        scale_factor=1.1,
        step_ratio=1,
        min_size=(least, least),
        max_size=large.shape[:2],
        min_neighbor_number=4,
    )
    boxes = [(f["c"] + f["width"] / 2, f["r"] + f["height"] / 2, f["width"]) for f in found]
    return np.array(boxes, float).reshape(-1, 3)


@cache
def _cascade() -> Callable[..., list[dict[str, int]]]:
    from skimage.data import lbp_frontal_face_cascade_filename  # takes a second
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename()).detect_multi_scale


def _with_computed(split: Split, options: PictureOptions) -> Split:
    images = split.images.numpy()
    found = np.zeros((len(images), len(BY_PIXELS)), bool)
    if len(images):
        colours, light = colourfulness(images), lightness(images)
        parts = (colours >= COLOURFUL, light < DARK, light > LIGHT, _face_labels(images, options))
        found = np.stack(parts, 1)
    return split._replace(labels=torch.cat([split.labels, torch.from_numpy(found)], 1))


def _face_labels(
    images: UInt8[np.ndarray, "n 3 h w"], options: PictureOptions
) -> Bool[np.ndarray, " n"]:
    """`has_face` of each picture; from the cache, as it takes 20 ms a picture."""

    def build() -> dict[str, np.ndarray]:
        return {"faces": np.array([has_face(image) for image in images])}

    if options.cache is False:
        return build()["faces"]
    name = f"faces-{VERSION}-{checksum(images)[:24]}.npz"
    return cached_arrays(cache_folder(options.cache) / name, ("faces",), build)["faces"]


def _chosen(
    pictures: PictureSet, splits: Sequence[Split], names: tuple[str, ...], options: PictureOptions
) -> PictureSet:
    """The set with the labels that `only` and `combine` ask for."""
    columns = [i for i, name in enumerate(names) if name.startswith(options.only)]
    if not columns:
        raise ValueError(f"no label begins with {options.only!r}, only {', '.join(names)}")
    names = tuple(names[i] for i in columns)
    labels: Tensor = torch.cat([split.labels for split in splits])[:, columns]
    found = {"computed": checksum(labels.numpy())}
    if options.combine:
        labels, names = combine_labels(labels.numpy(), names)
    parts = labels.split([len(split.ids) for split in splits])
    kept = [split._replace(labels=part) for split, part in zip(splits, parts, strict=True)]
    facts = ("paintings_computed", names, not options.combine)
    return PictureSet(
        *facts, *kept, pictures.checksums | found, pictures.skipped, pictures.left_out
    )
