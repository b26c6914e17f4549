"""Pictures on their way into a batch: bytes to numbers, crops and small moves."""

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


def jitter(
    images: Float[Tensor, "b c h w"],
    generator: torch.Generator,
    *,
    share: float = 0.5,
    shift: float = 0.1,
    turn: float = 0.2,
    scale: float = 0.1,
) -> Float[Tensor, "b c h w"]:
    """Some of the pictures moved, turned and scaled a little at random.

    A moved picture is smoother than it was. With all of them moved, a model never sees pictures as
    sharp as those that it is meant for, and draws these far worse.

    Args:
        share: of the pictures that are moved, each with this probability.
        shift: standard deviation of the shift, as a share of half the side.
        turn: standard deviation of the turn, in radians.
        scale: standard deviation of the relative scaling.
    """
    n = len(images)
    noise = torch.randn(n, 4, generator=generator, device=images.device).clamp(-2, 2)
    angle, size = turn * noise[:, 0], 1 + scale * noise[:, 1]
    cos, sin = size * angle.cos(), size * angle.sin()
    rows = torch.stack([cos, -sin, shift * noise[:, 2], sin, cos, shift * noise[:, 3]], 1)
    grid = F.affine_grid(rows.view(n, 2, 3), list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, align_corners=False)
    chosen = torch.rand(n, generator=generator, device=images.device) < share
    return torch.where(chosen[:, None, None, None], moved, images)
