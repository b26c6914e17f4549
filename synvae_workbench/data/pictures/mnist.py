"""Loader of the full MNIST, from four idx files or from the pickle in three parts.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86(11), 1998.
"""

import hashlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pickles import read_pickle
from synvae_workbench.data.pictures.idx import read_idx
from synvae_workbench.data.pictures.mnist_5k import MNIST_SIDE
from synvae_workbench.data.pictures.splits import hold_out_last
from synvae_workbench.data.pictures.types import DIGITS, PictureSet, numbered_split
from synvae_workbench.data.places import locate
from synvae_workbench.data.sources import Published, RemoteFile

_PICKLES = ("mnist.pkl.gz", "mnist.pkl")
_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"


def find_mnist(folder: Path) -> list[Path]:
    """Files of MNIST in a folder: four idx files, gzipped or not, else the pickle, else none."""
    paths = []
    for file in MNIST.files:
        names = (file.name, file.name.removesuffix(".gz"))
        paths += [folder / name for name in names if (folder / name).is_file()][:1]
    if len(paths) == len(MNIST.files):
        return paths
    return [folder / name for name in _PICKLES if (folder / name).is_file()][:1]


MNIST = Published(
    folder="mnist",
    title="MNIST",
    home="http://yann.lecun.com/exdb/mnist/",
    licence="Y. LeCun, C. Cortes and C. J. C. Burges, CC BY-SA 3.0",
    size="70,000 grey digits of 28 x 28 pixels, 10,000 of them for testing; 11.6 MB",
    layout="the four idx files (train-images-idx3-ubyte.gz, ...), or mnist.pkl.gz,",
    find=find_mnist,
    files=(
        RemoteFile(
            f"{_URL}train-images-idx3-ubyte.gz",
            9912422,
            "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        RemoteFile(
            f"{_URL}train-labels-idx1-ubyte.gz",
            28881,
            "md5:d53e105ee54ea40749a09fcbcd1e9432",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        RemoteFile(
            f"{_URL}t10k-images-idx3-ubyte.gz",
            1648877,
            "md5:9fb629c4189551a2d022fa330f9573f3",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        RemoteFile(
            f"{_URL}t10k-labels-idx1-ubyte.gz",
            4542,
            "md5:ec29112dd5afa0611ce80d1b7f02629c",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
)


def load_mnist(options: PictureOptions) -> PictureSet:
    """Loads MNIST in its published split; the last 10,000 of training are for validation.

    Raises:
        ValueError: if they are missing, broken or other ones, or `validation` leaves none for
            training.
    """
    options.check_size(MNIST_SIDE)
    digits = read_mnist(locate(MNIST, options))
    return hold_out_last(digits, 1 / 6 if options.validation is None else options.validation)


def read_mnist(paths: list[Path]) -> PictureSet:
    """Reads the files of `find_mnist`, without a validation split.

    Checksums of idx files are of the decompressed bytes.

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
    return _picture_set((train, train_labels), (test, test_labels), checksums)


def read_mnist_pickle(path: Path) -> PictureSet:
    """Reads `mnist.pkl[.gz]`, without a validation split.

    It has three pairs, for training, validation and testing: pictures (n, 784) in 0..1, bytes over
    255 or 256, and classes (n,). The first two are joined, in the order of the idx files.

    Raises:
        ValueError: if it is no such pickle, or more than data.
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
    both = np.concatenate([train, more]), np.concatenate([classes, more_classes])
    return _picture_set(both, (test, test_classes), checksums)


def _as_bytes(images: object) -> UInt8[np.ndarray, "n 28 28"]:
    """Converts pictures in 0..1 to bytes."""
    if not isinstance(images, np.ndarray) or images.shape[1:] != (MNIST_SIDE**2,):
        raise ValueError(f"pictures are arrays of {MNIST_SIDE**2} columns")
    for scale in (256, 255):
        pixels = np.rint(images * np.float32(scale))
        near = np.abs(images * np.float32(scale) - pixels) < 1e-3  # false where it is not a number
        if near.all() and pixels.min() >= 0 and pixels.max() <= 255:
            return pixels.astype(np.uint8).reshape(-1, MNIST_SIDE, MNIST_SIDE)
    raise ValueError("pixels are bytes over 255 or 256")


def _as_classes(labels: object) -> np.ndarray:
    """Checks and converts class ids 0..9."""
    if not isinstance(labels, np.ndarray) or labels.ndim != 1:
        raise ValueError("classes are arrays of one dimension")
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() > 9:
        raise ValueError("classes are 0 to 9")
    return labels.astype(np.int64)


def _picture_set(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    checksums: dict[str, str],
) -> PictureSet:
    """Picture set of a training and a test split, each digits (n, 28, 28) and their classes."""
    first, last = (
        numbered_split(images[:, None], labels.astype(np.int64)) for images, labels in (train, test)
    )
    return PictureSet("mnist", DIGITS, False, first, first.select(slice(0)), last, checksums)
