"""Types of picture sets: bytes with labels and ids, in three splits, and random crops.

Pictures stay in memory as bytes (0 black, 255 white), a quarter of the memory of floats, and are
converted batch by batch; so no worker processes are needed.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int, UInt8
from torch import Tensor

DIGITS = tuple("0123456789")  # the classes of sets of digits


class Strips(NamedTuple):
    """Pictures scaled to a shorter side s, for random crops, laid along their longer side.

    Zero beyond `lengths`; of a picture longer than 2.2 s, the middle part. `upright` ones are
    stored transposed.
    """

    pixels: UInt8[Tensor, "n c s l"]
    lengths: Int[Tensor, " n"]
    upright: Bool[Tensor, " n"]


class Split(NamedTuple):
    """Pictures of one split, whole or centre-cropped, with labels and ids.

    Labels are class ids (n,) or, with several a picture, booleans (n, classes). Ids are the files'
    stems, or the positions in the published file. `strips` are the pictures for random crops in
    training.
    """

    images: UInt8[Tensor, "n c h w"]
    labels: Int[Tensor, " n"] | Bool[Tensor, "n classes"]
    ids: list[str]
    strips: Strips | None = None

    def select(self, rows: slice | list[int] | Int[np.ndarray, " m"]) -> "Split":
        """Pictures at the places, in their order."""
        ids = self.ids[rows] if isinstance(rows, slice) else [self.ids[row] for row in rows]
        strips = None if self.strips is None else Strips(*(part[rows] for part in self.strips))
        return Split(self.images[rows], self.labels[rows], ids, strips)

    def without(self, others: UInt8[Tensor, "m c h w"]) -> "Split":
        """Split without the pictures that equal one of the others, byte for byte."""
        known = {picture.numpy().tobytes() for picture in others}
        images = enumerate(self.images)
        return self.select([i for i, image in images if image.numpy().tobytes() not in known])


def numbered_split(images: UInt8[np.ndarray, "n c h w"], labels: Int[np.ndarray, " n"]) -> Split:
    """Split of a published file, with the positions in it as ids."""
    names = [f"{place:05d}" for place in range(len(labels))]
    return Split(torch.from_numpy(images), torch.from_numpy(labels), names)


class PictureSet(NamedTuple):
    """A set of pictures in three splits, of which some may be empty.

    `checksums` are SHA-256 by file, for provenance; `skipped` names the broken pictures that were
    left out, `left_out` counts by reason what lies beside the pictures and is none.
    """

    name: str
    classes: tuple[str, ...]
    multi_label: bool
    train: Split
    validation: Split
    test: Split
    checksums: dict[str, str]
    skipped: tuple[str, ...] = ()
    left_out: Mapping[str, int] = MappingProxyType({})


def random_crops(
    strips_pixels: UInt8[Tensor, "b c s l"],
    lengths: Int[Tensor, " b"],
    upright: Bool[Tensor, " b"],
    generator: torch.Generator,
) -> UInt8[Tensor, "b c s s"]:
    """Random square crop of each strip, uniform along its length, set upright.

    Raises:
        ValueError: if a strip is shorter than its side or longer than it is stored.
    """
    side, stored = strips_pixels.shape[2:]
    if len(lengths) and not side <= lengths.min() <= lengths.max() <= stored:
        raise ValueError(f"lengths of strips are {side} to {stored} pixels, got {lengths.tolist()}")
    uniform = torch.rand(len(lengths), generator=generator, device=generator.device)
    start = (uniform.to(lengths.device) * (lengths - side + 1)).long()
    columns = start[:, None] + torch.arange(side, device=lengths.device)
    columns = columns[:, None, None].expand(-1, *strips_pixels.shape[1:3], -1)
    crops = strips_pixels.gather(3, columns)
    return torch.where(upright[:, None, None, None], crops.mT, crops)
