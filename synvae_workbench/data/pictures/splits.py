"""Splits of pictures into training, validation and test, where the folders do not give them."""

import hashlib
import os
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures.types import PictureSet

PARTS = ("train", "validation", "test")
HELD_OUT = 0.1  # default share of validation and of test


def count_held_out(total: int, wanted: int | float, part: str = "validation") -> int:
    """Number of held-out pictures, from a number or a share of the total; of a share at least one.

    Raises:
        ValueError: unless at least one is left for training.
    """
    count = wanted
    if isinstance(wanted, float):
        count = max(round(wanted * total), wanted > 0) if 0 <= wanted < 1 else total
    if not 0 <= count < total:
        raise ValueError(
            f"{part} is a number of pictures below {total:,} or, as a float, a share that "
            f"leaves some to train on; got {wanted}, of {total:,} pictures"
        )
    return count


def hold_out_last(pictures: PictureSet, validation: int | float) -> PictureSet:
    """Moves the last training pictures, a number or a share, to validation.

    Raises:
        ValueError: unless at least one is left for training.
    """
    train = pictures.train
    start = len(train.ids) - count_held_out(len(train.ids), validation)
    return pictures._replace(
        train=train.select(slice(start)), validation=train.select(slice(start, None))
    )


def split_by_hash(
    names: Sequence[str], *, test: int | float, validation: int | float, seed: int
) -> Int[np.ndarray, " n"]:
    """Random split by a hash of names and seed; returns places in `PARTS`.

    One picture more or less moves few others. The test split does not depend on `validation`.

    Args:
        test, validation: number of pictures, or as a float their share, which is one at least.

    Raises:
        ValueError: unless some are left to train on.
    """
    counts = [count_held_out(len(names), test, "test"), count_held_out(len(names), validation)]
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
    part: Int[np.ndarray, " n"], names: Sequence[str], options: PictureOptions
) -> Int[np.ndarray, " n"]:
    """Completes the splits that folders give: missing ones are drawn from training.

    A share is of what is missing; of a split that is given, a number cannot be had.

    Raises:
        ValueError: if there are too few for none to be empty, or a number is asked for of a split
            that is given.
    """
    wanted = {}
    for place, value in ((1, options.validation), (2, options.test)):
        given = bool((part == place).any())
        if given and value and not isinstance(value, float):
            raise ValueError(
                f"the folder has {PARTS[place]} pictures of its own: draw none for {PARTS[place]}"
            )
        wanted[PARTS[place]] = 0 if given else HELD_OUT if value is None else value
    train = np.flatnonzero(part == 0)
    least = 1 + sum(max(1, int(share)) for share in wanted.values() if share > 0)
    if len(train) < least:
        raise ValueError(
            f"{options.folder or 'the set'} has {len(train)} pictures to train on, to validate and "
            f"to test; expected {least} or more: add pictures"
        )
    result = part.copy()
    result[train] = split_by_hash([names[i] for i in train], **wanted, seed=options.seed)
    return result
