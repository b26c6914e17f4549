"""The full MNIST: four idx files, or the python pickle that was published with it divided in three.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86(11), 1998.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from synvae_workbench.data.pickles import read_pickle
from synvae_workbench.data.pictures.idx import read_idx
from synvae_workbench.data.pictures.mnist_5k import MNIST_SIDE, ImageSplit
from synvae_workbench.data.sources import MNIST

_PICKLES = ("mnist.pkl.gz", "mnist.pkl")


def find_mnist(folder: Path) -> list[Path]:
    """The four idx files in the folder, gzipped or not, or else the pickle, or else none."""
    paths = []
    for file in MNIST.files:
        names = (file.name, file.name.removesuffix(".gz"))
        paths += [folder / name for name in names if (folder / name).is_file()][:1]
    if len(paths) == len(MNIST.files):
        return paths
    return [folder / name for name in _PICKLES if (folder / name).is_file()][:1]


def read_mnist(paths: list[Path]) -> tuple[ImageSplit, dict[str, str]]:
    """Digits and labels of the files that `find_mnist` found, and the files' SHA-256.

    Of idx files, gzipped or not, it is that of the decompressed bytes.

    Raises:
        ValueError: if a file is broken or holds other digits than the published ones.
    """
    if len(paths) == 1:
        return read_mnist_pickle(paths[0])
    arrays, checksums = [], {}
    for path, file in zip(paths, MNIST.files, strict=True):
        array, sha256 = read_idx(path, dimensions=3 if "images" in path.name else 1)
        if sha256 != file.sha256:
            raise ValueError(
                f"{path} holds other bytes than the published file (SHA-256 {sha256}, not "
                f"{file.sha256}): {MNIST.advice}"
            )
        arrays.append(array)
        checksums[file.name.removesuffix(".gz")] = sha256
    train, train_labels, test, test_labels = arrays
    return _split(train, train_labels, test, test_labels), checksums


def read_mnist_pickle(path: Path) -> tuple[ImageSplit, dict[str, str]]:
    """Digits and labels of `mnist.pkl[.gz]`, and its SHA-256.

    Three pairs, for training, validation and testing: pictures (n, 784) in 0..1, as bytes over 255
    or 256, and classes (n,). The first two are put together, in the order of the idx files.

    Raises:
        ValueError: if it is no such pickle, or holds more than data.
    """
    content = read_pickle(path)
    try:
        pairs = [(_as_bytes(images), _as_classes(labels)) for images, labels in content]
        if len(pairs) != 3 or any(len(images) != len(labels) for images, labels in pairs):
            raise ValueError("no three pairs of pictures and classes")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is no pickle of MNIST ({error}): {MNIST.advice}") from error
    (train, classes), (more, more_classes), (test, test_classes) = pairs
    with path.open("rb") as file:
        checksums = {path.name: hashlib.file_digest(file, "sha256").hexdigest()}
    train = np.concatenate([train, more])
    return _split(train, np.concatenate([classes, more_classes]), test, test_classes), checksums


def _as_bytes(images: object) -> UInt8[np.ndarray, "n 28 28"]:
    """Pixels 0..255 of pictures in 0..1."""
    if not isinstance(images, np.ndarray) or images.shape[1:] != (MNIST_SIDE**2,):
        raise ValueError(f"pictures are arrays of {MNIST_SIDE**2} columns")
    for scale in (256, 255):
        pixels = np.rint(images * np.float32(scale))
        near = np.abs(images * np.float32(scale) - pixels) < 1e-3  # false where it is not a number
        if near.all() and pixels.min() >= 0 and pixels.max() <= 255:
            return pixels.astype(np.uint8).reshape(-1, MNIST_SIDE, MNIST_SIDE)
    raise ValueError("pixels are bytes over 255 or 256")


def _as_classes(labels: object) -> np.ndarray:
    """Class ids 0..9."""
    if not isinstance(labels, np.ndarray) or labels.ndim != 1:
        raise ValueError("classes are arrays of one dimension")
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() > 9:
        raise ValueError("classes are 0 to 9")
    return labels.astype(np.int64)


def _split(
    train: UInt8[np.ndarray, "n 28 28"],
    train_labels: np.ndarray,
    test: UInt8[np.ndarray, "m 28 28"],
    test_labels: np.ndarray,
) -> ImageSplit:
    """As tensors, with one channel."""
    return ImageSplit(
        torch.from_numpy(train[:, None]),
        torch.from_numpy(train_labels.astype(np.int64)),
        torch.from_numpy(test[:, None]),
        torch.from_numpy(test_labels.astype(np.int64)),
    )
