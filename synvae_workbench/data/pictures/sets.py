"""One door to every set of pictures: `load_pictures`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from synvae_workbench.data.cache import cache_folder
from synvae_workbench.data.downloads import download
from synvae_workbench.data.pictures.bam import load_bam
from synvae_workbench.data.pictures.cifar import find_cifar10, read_cifar10
from synvae_workbench.data.pictures.folders import load_picture_folder
from synvae_workbench.data.pictures.mnist import find_mnist, read_mnist
from synvae_workbench.data.pictures.mnist_5k import read_mnist_5k, split_mnist_5k
from synvae_workbench.data.pictures.reconstructions import load_reconstructions
from synvae_workbench.data.pictures.splits import held_out
from synvae_workbench.data.pictures.types import DIGITS, PictureSet, Split
from synvae_workbench.data.sources import CIFAR10, MNIST, MNIST_5K, PAINTINGS, Published

SIDES = {"mnist_5k": 28, "mnist": 28, "cifar10": 32}  # of the sets whose pictures are of one size
NAMES = (*SIDES, "paintings", "folder", "reconstructions")


def load_pictures(
    name: str,
    *,
    folder: Path | str | None = None,
    size: int | None = None,
    validation: int | float | None = None,
    seed: int = 0,
    uncertain: str = "down",
    combine: bool = False,
    broken: str = "refuse",
    cache: Path | str | None = None,
) -> PictureSet:
    """The set of that name, in bytes and in three splits.

    "mnist_5k" comes with a package. "mnist" and "cifar10" are looked for in $SYNVAE_DATA/NAME and
    in the cache, and else downloaded into it. The test splits are the published ones (of mnist_5k
    1,000 digits), and so are those for validation: the last 10,000 digits, the last fifth of
    CIFAR-10's training pictures; mnist_5k has none unless it is asked for.

    Args:
        name: mnist_5k, mnist, cifar10, paintings (BAM's layout), folder (a sub-folder a class) or
            reconstructions (as exported).
        folder: of the set, and then of no other place.
        size: side of the pictures in pixels, of paintings and folders.
        validation: how many training pictures are for validation, or as a float, which share of
            them; reconstructions have their own.
        seed: of splits that are drawn: of mnist_5k, and of folders without splits.
        uncertain: what a label of 0.5 counts as, "down" or "up" (paintings).
        combine: several labels of a picture make one class (paintings).
        broken: "refuse" pictures that cannot be read, or "skip" them (paintings, folders).
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`.

    Raises:
        ValueError: if the set is missing, broken or another one, saying what to put where, or if
            `validation` leaves no picture for training.
    """
    if name not in NAMES:
        raise ValueError(f"a set of pictures is one of {', '.join(NAMES)}, got {name!r}")
    folder = None if folder is None else Path(folder).expanduser()
    cache = None if cache is None else Path(cache).expanduser()
    if name not in SIDES:
        options = {"size": size, "validation": validation, "seed": seed, "broken": broken}
        if name == "paintings":
            options |= {"uncertain": uncertain, "combine": combine}
        return _from_files(name, folder, cache, options)
    if size not in (None, SIDES[name]):
        raise ValueError(f"the pictures of {name} are of {SIDES[name]} pixels, not {size}")
    if name == "mnist_5k":
        return _mnist_5k(validation, seed)
    return _published(name, folder, validation, cache_folder(cache))


def _from_files(
    name: str, folder: Path | None, cache: Path | None, options: dict[str, Any]
) -> PictureSet:
    """A set that is a folder of picture files."""
    if folder is None and name == "paintings" and (data := os.environ.get("SYNVAE_DATA")):
        folder = Path(data) / name
    if folder is None:
        advice = PAINTINGS.advice if name == "paintings" else "name it by folder="
        raise ValueError(f"the set {name!r} is a folder of pictures: {advice}")
    if name == "reconstructions":
        return load_reconstructions(folder, cache=cache)
    if name == "folder":
        return load_picture_folder(folder, cache=cache, **options)
    return load_bam(folder, cache=cache, **options)


def _mnist_5k(validation: int | float | None, seed: int) -> PictureSet:
    """The packaged digits, with the training and test digits of `load_mnist_5k`."""
    images, labels = read_mnist_5k()
    train, test = split_mnist_5k(labels, seed=seed)
    count = held_out(len(train), 0 if validation is None else validation)
    kept = np.empty(0, int)
    if count:
        train, kept = train_test_split(
            train, test_size=count, stratify=labels[train], random_state=seed
        )
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    splits = [
        Split(images[index], labels[index], [f"{place:05d}" for place in index])
        for index in (train, kept, test)
    ]
    return PictureSet("mnist_5k", DIGITS, False, *splits, {"mnist_5k": MNIST_5K.sha256})


def _published(
    name: str, folder: Path | None, validation: int | float | None, cache: Path
) -> PictureSet:
    """MNIST or CIFAR-10, the last pictures of the training split for validation."""
    if name == "mnist":
        digits, checksums = read_mnist(_locate(MNIST, find_mnist, folder, cache))
        data, classes, default = digits, DIGITS, 1 / 6
    else:
        data, classes, checksums = read_cifar10(_locate(CIFAR10, find_cifar10, folder, cache))
        default = 1 / 5
    total = len(data.train_labels)
    kept = held_out(total, default if validation is None else validation)
    names = [f"{place:05d}" for place in range(max(total, len(data.test_labels)))]
    splits = [
        Split(images[start:stop], labels[start:stop], names[start:stop])
        for images, labels, start, stop in (
            (data.train_images, data.train_labels, 0, total - kept),
            (data.train_images, data.train_labels, total - kept, total),
            (data.test_images, data.test_labels, 0, len(data.test_labels)),
        )
    ]
    return PictureSet(name, classes, False, *splits, checksums)


def _locate(
    source: Published, find: Callable[[Path], list[Path]], folder: Path | None, cache: Path
) -> list[Path]:
    """The set's files in the folder that was named; or in $SYNVAE_DATA, the cache, the network."""
    if folder is not None:
        if not (paths := find(folder)):
            raise ValueError(
                f"{folder} does not hold {source.layout} or not all of it: {source.advice}"
            )
        return paths
    data = os.environ.get("SYNVAE_DATA")
    places = [Path(data) / source.name] if data else []
    for place in (*places, cache / source.name):
        if paths := find(place):
            return paths
    return download(source, cache / source.name, find=find)
