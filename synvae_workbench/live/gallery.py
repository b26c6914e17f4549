"""Examples on a live page: pictures of a kind with captions, without a data set or from one.

Digits come with a package, and so do six photographs. Test pictures of CIFAR-10, and paintings, are
added where these sets are on the computer; nothing is downloaded for it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from synvae_core.small_files import read_small
from synvae_workbench.data.pictures.bam import PAINTINGS
from synvae_workbench.data.pictures.cifar import CIFAR10, read_test_pictures
from synvae_workbench.data.pictures.example_photographs import example_photographs
from synvae_workbench.data.pictures.files import decode_whole
from synvae_workbench.data.pictures.kind import DIGIT, PAINTING, PHOTOGRAPH
from synvae_workbench.data.pictures.mnist_5k import read_mnist_5k
from synvae_workbench.data.places import usual_places
from synvae_workbench.live.pictures import squares

MOST = 48  # pictures of a kind: a model that is opened encodes all of them first
THUMBNAIL = 64  # pixels a side
MAX_BYTES = 100_000_000  # of a picture file
LARGEST = 512  # pixels of the longer side


class Gallery(NamedTuple):
    """Pictures of a kind, each as it is, with its caption; and small ones, all of one shape."""

    kind: str
    captions: list[str]
    originals: Sequence[UInt8[np.ndarray, "c _ _"]]
    thumbnails: UInt8[np.ndarray, "n c s s"]


def examples_of(kind: str) -> Gallery:
    """Examples of a kind; photographs where there are none, or for another kind."""
    if kind == DIGIT:
        images, labels = read_mnist_5k()
        chosen = np.random.default_rng(0).permutation(len(images))[:MOST]
        captions = [f"{labels[i]}, packaged digit {i}" for i in chosen]
        return Gallery(kind, captions, images[chosen], images[chosen])
    found = _paintings() if kind == PAINTING else []
    kind, found = (kind, found) if found else (PHOTOGRAPH, _photographs())
    captions, pictures = map(list, zip(*found, strict=True))
    thumbnails = squares(pictures, (3, THUMBNAIL, THUMBNAIL))
    return Gallery(kind, captions, pictures, thumbnails)


def _photographs() -> list[tuple[str, np.ndarray]]:
    """Packaged photographs, whole and their quarters, and CIFAR-10's first test pictures."""
    whole = [(name, pixels.transpose(2, 0, 1)) for name, pixels in example_photographs()]
    parts = [(f"{name}, a part", part) for name, pixels in whole for part in _quarters(pixels)]
    files = _first_found(CIFAR10)
    if not files:
        return whole + parts
    test, classes = read_test_pictures(files, MOST - len(whole))
    labelled = zip(test.labels.tolist(), test.images.numpy(), strict=True)
    small = [(f"{classes[label]}, test picture {i}", p) for i, (label, p) in enumerate(labelled)]
    return whole + small


def _quarters(pixels: np.ndarray) -> list[np.ndarray]:
    high, wide = (side // 2 for side in pixels.shape[1:])
    return [pixels[:, i : i + high, j : j + wide] for i in (0, high) for j in (0, wide)]


def _paintings() -> list[tuple[str, np.ndarray]]:
    """The first test paintings in the folder of the set; none where there is no such folder."""
    for labels in _first_found(PAINTINGS):
        folder = labels.parent.parent / "test" / "img"
        files = sorted(folder.glob("*.jpg"))[:MOST]
        return [(f"Test painting {path.stem}", _decoded(path).transpose(2, 0, 1)) for path in files]
    return []


def _decoded(path: Path) -> np.ndarray:
    return decode_whole(read_small(path, most_bytes=MAX_BYTES), longest=LARGEST)


def _first_found(source) -> list[Path]:
    return next(filter(None, map(source.find, usual_places(source))), [])
