"""What all folders of pictures have in common: parts by hash, and files, labels and parts as a set.

The tuples are those of `pictures`, whose door leads here.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from synvae_workbench.data.pictures.arrays import PictureArrays, read_pictures
from synvae_workbench.data.pictures.files import PictureFile
from synvae_workbench.data.pictures.sets import PictureSet, Split, Strips, held_out

PARTS = ("train", "validation", "test")
HELD_OUT = 0.1  # of the pictures, in validation and in test each, where nobody says otherwise
SIZE = 64


def split_by_hash(
    names: Sequence[str], *, test: int | float, validation: int | float, seed: int
) -> Int[np.ndarray, " n"]:
    """Part of every picture, by its place in `PARTS`, in an order that only names and seed decide.

    A picture more or less moves few others. The number for testing is not changed by that for
    validation.

    Args:
        test, validation: how many pictures, or as a float the share of them.

    Raises:
        ValueError: unless some are left to train on.
    """
    counts = [held_out(len(names), wanted) for wanted in (test, validation)]
    if sum(counts) >= len(names):
        raise ValueError(
            f"of {len(names)} pictures {test} are to be for testing and {validation} for "
            "validation, which leaves none to train on"
        )
    keys = [hashlib.sha256(f"{seed} ".encode() + os.fsencode(name)).digest() for name in names]
    order = sorted(range(len(names)), key=keys.__getitem__)
    part = np.zeros(len(names), np.int64)
    part[order[: counts[0]]] = 2
    part[order[counts[0] : sum(counts)]] = 1
    return part


def complete_parts(
    part: Int[np.ndarray, " n"],
    names: Sequence[str],
    *,
    test: int | float | None,
    validation: int | float | None,
    seed: int,
) -> Int[np.ndarray, " n"]:
    """The parts that the folders give; those that they do not are drawn out of training."""
    wanted = {}
    for place, value in ((1, validation), (2, test)):
        given = bool((part == place).any())
        if given and value:
            raise ValueError(
                f"the folder has {PARTS[place]} pictures of its own: leave {PARTS[place]}= out"
            )
        wanted[PARTS[place]] = 0 if given else HELD_OUT if value is None else value
    train = np.flatnonzero(part == 0)
    result = part.copy()
    result[train] = split_by_hash([names[i] for i in train], **wanted, seed=seed)
    return result


def read_set(
    name: str,
    root: Path,
    files: Sequence[PictureFile],
    *,
    labels: Tensor,
    ids: Sequence[str],
    part: Int[np.ndarray, " n"],
    classes: tuple[str, ...],
    size: int,
    channels: int = 3,
    crops: bool = True,
    checksums: dict[str, str] | None = None,
    broken: str = "refuse",
    cache: Path | bool | None = None,
) -> PictureSet:
    """The set of those files below `root`, in three parts, each in the files' order.

    Args:
        labels: class ids (n,) or booleans (n, classes).
        part: of each picture, by its place in `PARTS`.
        crops: whether training pictures are to be strips, where they are not all square.
        checksums: of whatever else was read.

    Raises:
        ValueError: as `read_pictures` does.
    """
    order = np.argsort(part, kind="stable")
    arrays = read_pictures(
        root,
        [files[i] for i in order],
        size=size,
        channels=channels,
        strips=int((part == 0).sum()) if crops else 0,
        broken=broken,
        cache=cache,
    )
    kept = order[arrays.positions]
    images, end = torch.from_numpy(arrays.images), np.cumsum(np.bincount(part[kept], minlength=3))
    splits = []
    for start, stop in zip((0, *end[:-1]), end, strict=True):
        rows = kept[start:stop]
        splits.append(
            Split(images[start:stop], labels[torch.from_numpy(rows)], [ids[i] for i in rows])
        )
    splits[0] = splits[0]._replace(strips=_strips(arrays))
    checksums = {"pictures": arrays.sha256} | (checksums or {})
    multi_label = labels.dtype == torch.bool
    return PictureSet(name, classes, multi_label, *splits, checksums, tuple(arrays.broken))


def _strips(arrays: PictureArrays) -> Strips | None:
    if arrays.strips is None:
        return None
    parts = (arrays.strips, arrays.lengths, arrays.upright)
    return Strips(*map(torch.from_numpy, parts))
