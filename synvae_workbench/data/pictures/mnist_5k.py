"""Pictures with labels that come with a pip package: no download, no folder to name."""

import gzip
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int, UInt8
from sklearn.model_selection import train_test_split
from torch import Tensor

from synvae_workbench.data.sources import MNIST_5K, checksum

MNIST_SIDE = 28


class ImageSplit(NamedTuple):
    """Pictures in bytes (0 black, 255 white) and their classes, for training and for testing.

    They stay in bytes, a quarter of the memory, until a batch needs numbers.
    """

    train_images: UInt8[Tensor, "train c h w"]
    train_labels: Int[Tensor, "train"]
    test_images: UInt8[Tensor, "test c h w"]
    test_labels: Int[Tensor, "test"]


def load_mnist_5k(*, seed: int = 0, test_size: int = 1000) -> ImageSplit:
    """The 5,000 packaged MNIST digits (1, 28, 28), split at random, alike in every class.

    Raises:
        ValueError: if the packaged file is missing, truncated or not the expected one, or if
            `test_size` leaves fewer pictures than classes on either side.
    """
    images, labels = read_mnist_5k()
    train, test = split_mnist_5k(labels, seed=seed, test_size=test_size)
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    return ImageSplit(images[train], labels[train], images[test], labels[test])


def read_mnist_5k() -> tuple[UInt8[np.ndarray, "n 1 28 28"], Int[np.ndarray, " n"]]:
    """The 5,000 packaged digits and their classes, in the order of the file.

    Raises:
        ValueError: if the packaged file is missing, truncated or not the expected one.
    """
    (path,) = MNIST_5K.files()
    images, labels = read_mnist_csv(path)
    if checksum(images, labels) != MNIST_5K.sha256:
        raise ValueError(f"{path} holds other pictures or labels: expected {MNIST_5K.advice}")
    return images, labels


def split_mnist_5k(
    labels: Int[np.ndarray, " n"], *, seed: int = 0, test_size: int = 1000
) -> tuple[Int[np.ndarray, " train"], Int[np.ndarray, " test"]]:
    """Positions of the training and of the test digits, alike in every class.

    Raises:
        ValueError: if `test_size` leaves fewer pictures than classes on either side.
    """
    train, test = train_test_split(
        np.arange(len(labels)), test_size=test_size, stratify=labels, random_state=seed
    )
    return train, test


def read_mnist_csv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (n, 1, 28, 28) in uint8 and labels (n,) in int64 of a gzipped table of digits.

    One digit a line: 784 pixels 0..255, row by row, then the label, separated by commas.

    Raises:
        ValueError: if the file cannot be read as such a table.
    """
    try:
        lines = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
        if not lines:
            raise EOFError("no line in it")
        table = np.loadtxt(lines, delimiter=",", dtype=np.uint8, ndmin=2)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise ValueError(f"{path} cannot be read ({error}): expected {MNIST_5K.advice}") from error
    if table.shape[1] != MNIST_SIDE**2 + 1:
        raise ValueError(
            f"{path} has {table.shape[1]} columns, not {MNIST_SIDE**2} pixels and a label: "
            f"expected {MNIST_5K.advice}"
        )
    images = table[:, :-1].reshape(-1, 1, MNIST_SIDE, MNIST_SIDE)
    return np.ascontiguousarray(images), table[:, -1].astype(np.int64)
