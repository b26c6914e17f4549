"""Construction of picture sets from listed files, labels and splits, for all folder loaders."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from synvae_workbench.data.files import FoundFile, printable
from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures.arrays import Decoding, PictureArrays, read_pictures
from synvae_workbench.data.pictures.splits import PARTS
from synvae_workbench.data.pictures.types import PictureSet, Split, Strips

SIZE = 64  # default side in pixels


class Listing(NamedTuple):
    """Picture files below a folder, with id, labels and split of each.

    Labels are class ids (n,) or booleans (n, classes); `part` is the split's place in `PARTS`;
    `checksums` are of other files that were read; `left_out` counts by reason what lies beside.
    """

    root: Path
    files: Sequence[FoundFile]
    ids: Sequence[str]
    labels: Tensor
    part: Int[np.ndarray, " n"]
    classes: tuple[str, ...]
    checksums: dict[str, str]
    left_out: dict[str, int]


def decoding_of(options: PictureOptions) -> Decoding:
    """Settings of decoding for sets of any size."""
    size = SIZE if options.size is None else options.size
    return Decoding(size, options.channels, broken=options.broken, cache=options.cache)


def read_set(name: str, listing: Listing, decoding: Decoding, *, crops: bool = True) -> PictureSet:
    """Reads listed files into a picture set of three splits, each in the files' order.

    Args:
        crops: training pictures are strips, if they are not all square.

    Raises:
        ValueError: as `read_pictures` does, or if all pictures of a split are broken.
    """
    order = np.argsort(listing.part, kind="stable")
    if crops:
        decoding = replace(decoding, strips=int((listing.part == 0).sum()))
    arrays = read_pictures(listing.root, [listing.files[i] for i in order], decoding)
    kept = order[arrays.positions]
    pictures = Split(
        torch.from_numpy(arrays.images),
        listing.labels[torch.from_numpy(kept)],
        [listing.ids[i] for i in kept],
    )
    counts, wanted = (np.bincount(listing.part[rows], minlength=3) for rows in (kept, order))
    for part in np.flatnonzero((counts == 0) & (wanted > 0)):
        raise ValueError(
            f"all {wanted[part]} pictures of {listing.root} for {PARTS[part]} are broken: replace "
            "them, or add others"
        )
    end = np.cumsum(counts)
    places = zip((0, *end[:-1]), end, strict=True)
    splits = [pictures.select(slice(start, stop)) for start, stop in places]
    splits[0] = splits[0]._replace(strips=_strips(arrays))
    checksums = {"pictures": arrays.sha256} | listing.checksums
    facts = (name, listing.classes, listing.labels.dtype == torch.bool)
    skipped = tuple(printable(name) for name in arrays.broken)
    return PictureSet(*facts, *splits, checksums, skipped, listing.left_out)


def _strips(arrays: PictureArrays) -> Strips | None:
    if arrays.strips is None:
        return None
    parts = (arrays.strips, arrays.lengths, arrays.upright)
    return Strips(*map(torch.from_numpy, parts))
