"""Loader of CIFAR-10, from the published pickles, which are read without being executed.

A. Krizhevsky, Learning multiple layers of features from tiny images, technical report, University
of Toronto, 2009.
"""

import hashlib
import io
import itertools
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pickles import read_pickle
from synvae_workbench.data.pictures.splits import hold_out_last
from synvae_workbench.data.pictures.types import PictureSet, Split, numbered_split
from synvae_workbench.data.places import locate
from synvae_workbench.data.sources import Published, RemoteFile
from synvae_workbench.unpacking import read_npz

SIDE = 32
FOLDER = "cifar-10-batches-py"
TRAIN_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
BATCHES = (*TRAIN_BATCHES, "test_batch", "batches.meta")
COMPACT = "cifar10_jpg.npz"
MAX_COMPACT_BYTES = 200_000_000  # of its arrays; 60,000 pictures have 55 million
MAX_PICTURES, MAX_CLASSES = 100_000, 1000


def find_cifar10(folder: Path) -> list[Path]:
    """Published files in a folder or in its sub-folder of their name, else the compact file.

    None if they are not all there.
    """
    for place in (folder / FOLDER, folder):
        if all((place / name).is_file() for name in BATCHES):
            return [place / name for name in BATCHES]
    return [folder / COMPACT] if (folder / COMPACT).is_file() else []


CIFAR10 = Published(
    folder="cifar10",
    title="CIFAR-10",
    home="https://www.cs.toronto.edu/~kriz/cifar.html",
    licence="none stated; A. Krizhevsky asks to cite the technical report of 2009",
    size="60,000 colour pictures of 32 x 32 pixels in ten classes, 10,000 of them for testing; "
    "170 MB to download, 186 MB on disk",
    layout="cifar-10-batches-py/",
    find=find_cifar10,
    files=(
        RemoteFile(
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            170498071,
            "md5:c58f30108f718f92721af3b95e74349a",
        ),
    ),
    members=tuple(f"{FOLDER}/{name}" for name in BATCHES),
)


def load_cifar10(options: PictureOptions) -> PictureSet:
    """Loads CIFAR-10 in its published split; the last fifth of training is for validation.

    Raises:
        ValueError: if they are missing or broken, or `validation` leaves none for training.
    """
    options.check_size(SIDE)
    pictures = read_cifar10(locate(CIFAR10, options))
    return hold_out_last(pictures, 1 / 5 if options.validation is None else options.validation)


def read_cifar10(paths: list[Path]) -> PictureSet:
    """Reads the files of `find_cifar10`, without a validation split.

    Raises:
        ValueError: if a file is broken or holds more than data.
    """
    checksums = {path.name: _sha256(path) for path in paths}
    if len(paths) == 1:
        return _picture_set(*_read_compact(paths[0]), checksums)
    *batches, meta = paths
    classes = _class_names(meta)
    parts = [read_batch(path, classes=len(classes)) for path in batches]
    images, labels = zip(*parts, strict=True)
    train = numbered_split(np.concatenate(images[:-1]), np.concatenate(labels[:-1]))
    return _picture_set(train, numbered_split(images[-1].copy(), labels[-1]), classes, checksums)


def read_test_pictures(paths: list[Path], count: int) -> tuple[Split, tuple[str, ...]]:
    """Reads the first test pictures and no others, and the names of the classes.

    Args:
        paths: of `find_cifar10`.

    Raises:
        ValueError: if a file is broken or holds more than data.
    """
    if len(paths) == 1:
        test, classes = _read_compact(paths[0], ("test",), most=count)
        return test, classes
    classes = _class_names(paths[-1])
    images, labels = read_batch(paths[-2], classes=len(classes))
    return numbered_split(images[:count].copy(), labels[:count]), classes


def read_batch(
    path: Path, *, classes: int = 10
) -> tuple[UInt8[np.ndarray, "n 3 32 32"], Int[np.ndarray, " n"]]:
    """Reads a published batch: pictures, over the file's own bytes, and class ids.

    Raises:
        ValueError: if it is no such pickle, or more than data.
    """
    batch = _text_keys(read_pickle(path), path)
    images, labels = batch.get("data"), batch.get("labels")
    # Nested lists that hold each other would grow without end as an array.
    if not isinstance(labels, list) or not all(isinstance(label, int) for label in labels):
        raise ValueError(f"{path} holds no list of classes under `labels`: {CIFAR10.advice}")
    labels = np.array(labels)
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        raise ValueError(f"{path} holds no bytes under `data`: {CIFAR10.advice}")
    if images.ndim != 2 or images.shape[1] != 3 * SIDE**2 or labels.shape != (len(images),):
        raise ValueError(
            f"{path} holds pictures {images.shape} and classes {labels.shape}, not (n, "
            f"{3 * SIDE**2}) and (n,): {CIFAR10.advice}"
        )
    if labels.dtype.kind not in "iu" or not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(f"{path} holds other classes than 0 to {classes - 1}: {CIFAR10.advice}")
    return images.reshape(-1, 3, SIDE, SIDE), labels.astype(np.int64)


def _class_names(path: Path) -> tuple[str, ...]:
    names = _text_keys(read_pickle(path), path).get("label_names")
    if not isinstance(names, list) or not all(isinstance(name, str | bytes) for name in names):
        raise ValueError(f"{path} holds no `label_names`: {CIFAR10.advice}")
    return tuple(_text(name) for name in names)


def _text_keys(content: object, path: Path) -> dict:
    """Dictionary with text keys, from a pickle of Python 2 or 3."""
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds no dictionary: {CIFAR10.advice}")
    return {_text(key): value for key, value in content.items()}


def _text(name: object) -> object:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name


def _read_compact(
    path: Path, parts: tuple[str, ...] = ("train", "test"), most: int | None = None
) -> tuple:
    """Reads splits of the compact file, concatenated JPEGs with offsets, and the classes; lossy."""
    try:
        stored = read_npz(path, most_bytes=MAX_COMPACT_BYTES)
        names = stored["label_names"]
        if names.ndim != 1 or names.dtype.kind != "U" or not 1 <= len(names) <= MAX_CLASSES:
            raise ValueError("label_names are no names of classes")
        splits = [_read_part(stored, part, len(names), most) for part in parts]
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"{path} cannot be read ({error}): {CIFAR10.advice}") from error
    return *splits, tuple(names.tolist())


def _read_part(stored: dict[str, np.ndarray], part: str, classes: int, most: int | None) -> Split:
    """Reads a split, whose arrays are checked against each other before a picture is decoded."""
    content, offsets, labels = (stored[f"{part}_{name}"] for name in ("jpg", "offsets", "labels"))
    count = len(labels) if labels.ndim == 1 else -1
    if content.ndim != 1 or content.dtype != np.uint8:
        raise ValueError(f"{part}_jpg is no row of bytes")
    if offsets.shape != (count + 1,) or not 0 <= count <= MAX_PICTURES:
        raise ValueError(f"{part} has {labels.shape} classes and {offsets.shape} places")
    if offsets.dtype.kind not in "iu" or labels.dtype.kind not in "iu":
        raise ValueError(f"{part} has classes or places that are no whole numbers")
    places = offsets if most is None else offsets[: most + 1]
    offsets, labels = places.astype(np.int64), labels[:most].astype(np.int64)
    if (np.diff(offsets) <= 0).any() or offsets[0] < 0 or offsets[-1] > len(content):
        raise ValueError(f"{part}_offsets are no ascending places in {len(content)} bytes")
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(f"{part} has other classes than 0 to {classes - 1}")
    images = np.empty((len(labels), 3, SIDE, SIDE), np.uint8)
    for index, (start, stop) in enumerate(itertools.pairwise(offsets)):
        images[index] = _decode(content[start:stop].tobytes(), f"{part} {index}")
    return numbered_split(images, labels)


def _decode(content: bytes, name: str) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as picture:
            if picture.size == (SIDE, SIDE):
                return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
            reason = f"is of {picture.size} pixels"
    except Exception as error:  # Pillow raises nearly anything at broken bytes
        reason = f"cannot be decoded ({error})"
    raise ValueError(f"picture {name} {reason}")


def _picture_set(
    train: Split, test: Split, classes: tuple[str, ...], checksums: dict[str, str]
) -> PictureSet:
    return PictureSet("cifar10", classes, False, train, train.select(slice(0)), test, checksums)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
