"""Files, labels and parts as a set of pictures: what all folders of pictures have in common."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from synvae_workbench.data.files import FoundFile
from synvae_workbench.data.pictures.arrays import PictureArrays, read_pictures
from synvae_workbench.data.pictures.types import PictureSet, Split, Strips

SIZE = 64


def read_set(
    name: str,
    root: Path,
    files: Sequence[FoundFile],
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
