"""A set of pictures: bytes with labels and names, in three splits.

Pictures stay in memory as bytes (0 black, 255 white), a quarter of the memory of numbers, until a
batch needs numbers; so no worker process has to fetch them.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int, UInt8
from torch import Tensor

DIGITS = tuple("0123456789")  # the classes of sets of digits


class Strips(NamedTuple):
    """Pictures whose shorter side is the crop's side s, laid along their longer side.

    Zero beyond `lengths`; of a picture longer than 2.2 s, its middle part. `upright` ones are
    stored transposed.
    """

    pixels: UInt8[Tensor, "n c s l"]
    lengths: Int[Tensor, " n"]
    upright: Bool[Tensor, " n"]


class Split(NamedTuple):
    """Pictures as they are evaluated (whole, or cropped at the centre) with labels and names.

    Labels are class ids (n,) or, with several a picture, booleans (n, classes). Ids are the files'
    stems, or the pictures' positions in the published file. Where training crops at random, its
    pictures are `strips`.
    """

    images: UInt8[Tensor, "n c h w"]
    labels: Int[Tensor, " n"] | Bool[Tensor, "n classes"]
    ids: list[str]
    strips: Strips | None = None

    def select(self, rows: slice | list[int] | Int[np.ndarray, " m"]) -> "Split":
        """The pictures at those places, in that order."""
        ids = self.ids[rows] if isinstance(rows, slice) else [self.ids[row] for row in rows]
        strips = None if self.strips is None else Strips(*(part[rows] for part in self.strips))
        return Split(self.images[rows], self.labels[rows], ids, strips)

    def without(self, others: UInt8[Tensor, "m c h w"]) -> "Split":
        """The split less the pictures that are, byte for byte, among the others."""
        known = {picture.numpy().tobytes() for picture in others}
        images = enumerate(self.images)
        return self.select([i for i, image in images if image.numpy().tobytes() not in known])


def numbered_split(images: UInt8[np.ndarray, "n c h w"], labels: Int[np.ndarray, " n"]) -> Split:
    """Pictures of a published file, named by their places in it."""
    names = [f"{place:05d}" for place in range(len(labels))]
    return Split(torch.from_numpy(images), torch.from_numpy(labels), names)


class PictureSet(NamedTuple):
    """A set of pictures in three splits; an empty one has no pictures.

    `checksums` are SHA-256 of what was read, by file, for provenance; `skipped` names the broken
    pictures that were left out.
    """

    name: str
    classes: tuple[str, ...]
    multi_label: bool
    train: Split
    validation: Split
    test: Split
    checksums: dict[str, str]
    skipped: tuple[str, ...] = ()


def random_crops(
    strips_pixels: UInt8[Tensor, "b c s l"],
    lengths: Int[Tensor, " b"],
    upright: Bool[Tensor, " b"],
    generator: torch.Generator,
) -> UInt8[Tensor, "b c s s"]:
    """A square of each strip, anywhere along its length with equal probability, set upright again.

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
