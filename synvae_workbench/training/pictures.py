"""Pictures on their way into a batch: bytes to numbers, crops and small moves."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from synvae_workbench.data.pictures.types import random_crops


def to_unit(images: UInt8[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Pictures of 0..255 as floats in [0, 1]."""
    return images.float() / 255


def pictures_of(
    batch: tuple[Tensor, ...], generator: torch.Generator, *, augment: bool
) -> Float[Tensor, "b c h w"]:
    """The pictures of a batch in [0, 1].

    Args:
        batch: begins with pictures in bytes, or is the three tensors of `data.pictures.Strips`,
            which are cropped at random.
        augment: moves half of the whole pictures a little at random; crops have moved enough.
    """
    if len(batch) == 3:
        return to_unit(random_crops(*batch, generator))
    images = to_unit(batch[0])
    return jitter(images, generator) if augment else images


@dataclass(frozen=True)
class Jitter:
    """How many pictures are moved, and how far: standard deviations, cut at two of them."""

    share: float = 0.5  # of the pictures, each with this probability
    shift: float = 0.1  # as a share of half the side
    turn: float = 0.2  # in radians
    scale: float = 0.1  # relative


A_LITTLE = Jitter()


def jitter(
    images: Float[Tensor, "b c h w"], generator: torch.Generator, how: Jitter = A_LITTLE
) -> Float[Tensor, "b c h w"]:
    """Pictures of which some are moved, turned and scaled a little at random.

    A moved picture is smoother than it was. With all of them moved, a model never sees pictures as
    sharp as those that it is meant for, and draws these far worse.
    """
    n = len(images)
    noise = torch.randn(n, 4, generator=generator, device=images.device).clamp(-2, 2)
    angle, size = how.turn * noise[:, 0], 1 + how.scale * noise[:, 1]
    cos, sin = size * angle.cos(), size * angle.sin()
    across, down = how.shift * noise[:, 2], how.shift * noise[:, 3]
    rows = torch.stack([cos, -sin, across, sin, cos, down], 1)
    grid = F.affine_grid(rows.view(n, 2, 3), list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, align_corners=False)
    chosen = torch.rand(n, generator=generator, device=images.device) < how.share
    return torch.where(chosen[:, None, None, None], moved, images)
