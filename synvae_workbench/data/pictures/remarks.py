"""What a user should know of their own pictures before figures are measured of them."""

import numpy as np
import torch

from synvae_workbench.data.pictures.near_duplicates import nearly_repeat
from synvae_workbench.data.pictures.types import PictureSet

OWN = ("folder", "paintings", "paintings_computed")  # sets that nobody has looked through before
MOST = 2000  # held-out pictures that are compared with those of training
_NAMED = 5


def remarks(pictures: PictureSet, *, seed: int = 0) -> list[str]:
    """Sentences on near-duplicates across the splits, classes of one picture, and broken pictures.

    Near-duplicates, mirrored or not, are looked for in sets of one's own alone, from at most 2,000
    held-out pictures, drawn by the seed.
    """
    found = [_of_skipped(pictures), _of_rare_classes(pictures)]
    if pictures.name in OWN and len(pictures.train.ids):
        found.append(_of_duplicates(pictures, seed))
    return [sentence for sentence in found if sentence]


def _of_skipped(pictures: PictureSet) -> str:
    count = len(pictures.skipped)
    return f"{count:,} broken pictures were left out: {_some(pictures.skipped)}" if count else ""


def _of_rare_classes(pictures: PictureSet) -> str:
    labels = torch.cat([split.labels for split in pictures[3:6]])
    counts = labels.sum(0) if pictures.multi_label else labels.bincount()
    alone = [pictures.classes[i] for i in (counts == 1).nonzero().flatten().tolist()]
    if not alone:
        return ""
    return (
        f"{len(alone):,} of {len(pictures.classes):,} classes have one picture each, which cannot "
        f"be both learnt from and tested on: {_some(alone)}"
    )


def _of_duplicates(pictures: PictureSet, seed: int) -> str:
    held_out = torch.cat([pictures.validation.images, pictures.test.images])
    if not len(held_out):
        return ""
    rows = np.random.default_rng(seed).permutation(len(held_out))[:MOST]
    repeated = nearly_repeat(held_out[torch.from_numpy(rows)], pictures.train.images).sum()
    of = f"{len(rows):,} validation and test pictures"
    if not repeated:
        return f"None of {of} nearly repeats one of training."
    return (
        f"{repeated:,} of {of} nearly repeat one of training, mirrored or not: figures of them are "
        "too good; remove copies, or put them into one of the sub-folders train and test"
    )


def _some(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
