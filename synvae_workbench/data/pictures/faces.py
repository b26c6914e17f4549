"""Pictures of faces, few enough to be split with care: square crops in three parts.

Nothing here looks for a face: a crop is the centre of a picture, or its upper end, where portraits
have their face. Pictures that nearly repeat each other, mirrored or not, stay in one part.

The packaged faces: Huang, Mattar, Lee & Learned-Miller 2012, "Learning to Align from Scratch",
NIPS, as chosen and cropped for scikit-image.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from synvae_workbench.data.pictures.arrays import PictureArrays, read_pictures
from synvae_workbench.data.pictures.files import list_pictures
from synvae_workbench.data.pictures.splits import split_by_hash
from synvae_workbench.data.pictures.types import PictureSet, Split
from synvae_workbench.data.sources import LFW_SUBSET, Published, checksum

NAMES = ("lfw_subset", "faces", "folder")
CROPS = ("centre", "upper")
UNNAMED = "all"  # the class of pictures that all lie in one folder
SIZE = 64
# 25 pixels cannot be halved; more than 28 would be the same picture with larger numbers.
PACKAGED_SIZE = 28
PACKAGED_FACES = 100  # of the file's 200 pictures; the others show none
NEAR = 0.95  # correlation of two small grey pictures that are taken for the same
_GRID = 16  # their side
_ROWS = 1 << 8  # pictures that are compared with all others at a time

FACES = Published(
    name="faces",
    title="pictures of faces of your own",
    home="https://github.com/charlesdognin/VAE_Based_Music_Generation",
    licence="that of your pictures; those of Dognin & Ritchie, whose home this is, have none",
    size="about a hundred pictures, or more, of any size",
    layout="pictures, in sub-folders or not,",
    request="take pictures that you have a right to",
)


class _Pictures(NamedTuple):
    """What was read: all pictures, not split yet."""

    images: UInt8[np.ndarray, "n c s s"]
    labels: Int[np.ndarray, " n"]
    names: list[str]
    classes: tuple[str, ...]
    checksums: dict[str, str]
    skipped: tuple[str, ...] = ()


def load_faces(
    name: str,
    *,
    folder: Path | str | None = None,
    size: int | None = None,
    crop: str = "upper",
    channels: int | None = None,
    validation: int | float = 0.1,
    test: int | float = 0.2,
    seed: int = 0,
    broken: str = "refuse",
    cache: Path | bool | None = None,
) -> PictureSet:
    """The set of that name in bytes, split at random into training, validation and test pictures.

    "lfw_subset" comes with a package: 100 grey faces of 25 pixels. "faces" is looked for in
    $SYNVAE_DATA/faces. A folder's pictures may lie in sub-folders, which are their classes. All
    are split anew, whatever the sub-folders are called, and those that nearly repeat each other
    come into the same part.

    Args:
        folder: of pictures of any size and format, and then of no other place.
        size: side of the square pictures in pixels; 28 for lfw_subset and 64 else by default.
        crop: "centre", or "upper": the square at the upper end of pictures that are upright. (Of
            one more than 2.2 times as high as wide, the upper end of its middle part.)
        channels: 3 for colour, 1 for grey; by default 1 for lfw_subset and 3 else.
        validation, test: a number or, as a float, a share of the pictures, of which those that
            nearly repeat each other count as one; at least one each.
        seed: of the split.
        broken: "refuse" pictures that cannot be read, or "skip" them.
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`; False for none.

    Raises:
        ValueError: if the set is missing, broken or too small to be split, or a setting is none of
            these.
    """
    if name not in NAMES or crop not in CROPS:
        raise ValueError(
            f"a set of faces is one of {', '.join(NAMES)} and a crop one of {', '.join(CROPS)}: "
            f"got {name!r} and {crop!r}"
        )
    if name == "lfw_subset":
        found = _packaged(PACKAGED_SIZE if size is None else size, channels or 1)
    else:
        root = _folder_of(name, folder)
        size, channels = SIZE if size is None else size, channels or 3
        found = _from_folder(root, size, channels, crop, broken, cache)
    images = torch.from_numpy(found.images)
    groups = near_duplicates(images)
    shares = {"test": test, "validation": validation}
    part = _parts(found.names, groups, shares, seed)
    splits = [
        Split(
            images[rows], torch.from_numpy(found.labels[rows]), [found.names[row] for row in rows]
        )
        for rows in (np.flatnonzero(part == place) for place in range(3))
    ]
    return PictureSet(name, found.classes, False, *splits, found.checksums, found.skipped)


def near_duplicates(
    images: UInt8[Tensor, "n c h w"], *, near: float = NEAR
) -> Int[np.ndarray, " n"]:
    """A number for each picture, the same for those that nearly repeat each other.

    That is, for those whose small grey copies, one of them mirrored or not, have a correlation of
    `near` or more, and for those that others of the group so resemble.

    Raises:
        ValueError: if there is no picture, or `near` is not within 0..1.
    """
    if not len(images) or not 0 < near <= 1:
        raise ValueError(
            f"pictures are compared at a correlation within 0..1: got {len(images)} pictures and "
            f"a correlation of {near}"
        )
    small = _small(images)
    mirrored = small[:, :-1].unflatten(1, (_GRID, _GRID)).flip(-1).flatten(1)
    both = torch.cat([small, torch.cat([mirrored, small[:, -1:]], 1)])
    pairs = [
        (small[start : start + _ROWS] @ both.T >= near).nonzero() + torch.tensor([start, 0])
        for start in range(0, len(small), _ROWS)
    ]
    row, column = torch.cat(pairs).numpy().T
    links = coo_array(
        (np.ones(len(row), bool), (row, column % len(small))), shape=(len(small),) * 2
    )
    return connected_components(links, directed=False)[1].astype(np.int64)


def find_faces(folder: Path) -> list[Path]:
    """The pictures below a folder, which need not be there."""
    return [folder / file.name for file in list_pictures(folder)] if folder.is_dir() else []


def _small(images: Tensor) -> Float[Tensor, "n grid"]:
    """Small grey copies of mean 0 and length 1, and behind them whether they are of one grey."""
    grey = images.float().mean(1, keepdim=True) / 255
    small = F.adaptive_avg_pool2d(grey, _GRID).flatten(1)
    small = small - small.mean(1, keepdim=True)
    length = small.norm(dim=1, keepdim=True)
    flat = length < 1e-3
    return torch.cat([torch.where(flat, 0.0, small / length.clamp(min=1e-3)), flat.float()], 1)


def _parts(
    names: list[str], groups: np.ndarray, shares: dict[str, int | float], seed: int
) -> np.ndarray:
    leaders = np.unique(groups, return_index=True)[1]
    for part, share in shares.items():
        if not share:
            raise ValueError(
                f"{part} is at least one picture: without, nothing tells of overfitting"
            )
        if isinstance(share, float) and share < 1:  # never none, however few there are
            shares = shares | {part: max(1, round(share * len(leaders)))}
    if sum(shares.values()) >= len(leaders):
        raise ValueError(
            f"{len(names)} pictures, of which {len(leaders)} do not nearly repeat each other, are "
            f"too few to take {shares['test']} for testing and {shares['validation']} for "
            "validation: add pictures"
        )
    return split_by_hash([names[leader] for leader in leaders], **shares, seed=seed)[groups]


def _packaged(size: int, channels: int) -> _Pictures:
    (path,) = LFW_SUBSET.files()
    advice = f"expected {LFW_SUBSET.advice}"
    try:
        faces = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}): expected {LFW_SUBSET.advice}"
        ) from error
    if checksum(faces) != LFW_SUBSET.sha256:
        raise ValueError(f"{path} holds other pictures: {advice}")
    if size < 1 or channels not in (1, 3):
        raise ValueError(f"size is at least 1 and channels 1 or 3; got {size} and {channels}")
    pictures = [
        np.asarray(Image.fromarray(face).resize((size, size), Image.Resampling.LANCZOS))
        for face in (faces[:PACKAGED_FACES] * 255).round().astype(np.uint8)
    ]
    images = np.repeat(np.stack(pictures)[:, None], channels, axis=1)
    names = [f"{place:03d}" for place in range(len(images))]
    labels = np.zeros(len(images), np.int64)
    return _Pictures(images, labels, names, (UNNAMED,), {"lfw_subset": LFW_SUBSET.sha256})


def _folder_of(name: str, folder: Path | str | None) -> Path:
    if folder is not None:
        return Path(folder).expanduser()
    data = os.environ.get("SYNVAE_DATA")
    if name == "faces" and data:
        return Path(data) / name
    advice = FACES.advice if name == "faces" else "name it by folder="
    raise ValueError(f"the set {name!r} is a folder of pictures: {advice}")


def _from_folder(
    root: Path, size: int, channels: int, crop: str, broken: str, cache: Path | bool | None
) -> _Pictures:
    files = list_pictures(root) if root.is_dir() else []
    if not files:
        what = "has no pictures" if root.is_dir() else "is no folder"
        raise ValueError(f"{root} {what}; expected .jpg, .png and the like, in sub-folders or not")
    strips = len(files) if crop == "upper" else 0
    settings = {"size": size, "channels": channels, "broken": broken, "cache": cache}
    arrays = read_pictures(root, files, strips=strips, **settings)
    names = [files[i].name for i in arrays.positions]
    if not names:
        raise ValueError(f"{root} has {len(files)} pictures, and none can be read: look at them")
    folders = [Path(name).parent.as_posix() for name in names]
    classes, labels = np.unique(folders, return_inverse=True)
    return _Pictures(
        _upper(arrays) if crop == "upper" else arrays.images,
        labels.astype(np.int64),
        names,
        tuple(classes.tolist()) if len(classes) > 1 else (UNNAMED,),
        {"pictures": arrays.sha256},
        tuple(arrays.broken),
    )


def _upper(arrays: PictureArrays) -> np.ndarray:
    """The squares at the upper end of upright pictures, and the centres of all others."""
    images = arrays.images.copy()
    if arrays.strips is not None:
        side = images.shape[-1]
        # Upright strips lie on their side: what is left in them is above.
        images[arrays.upright] = arrays.strips[arrays.upright, ..., :side].swapaxes(2, 3)
    return images
