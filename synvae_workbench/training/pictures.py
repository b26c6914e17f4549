"""Preparation of pictures for a batch: from bytes to [0, 1], random crops, augmentation."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from synvae_workbench.data.pictures.types import random_crops


def to_unit(images: UInt8[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Pixels 0..255 as floats in [0, 1]."""
    return images.float() / 255


def prepare_pictures(
    batch: tuple[Tensor, ...], generator: torch.Generator, *, augment: bool
) -> Float[Tensor, "b c h w"]:
    """Pictures of a batch in [0, 1], cropped or augmented at random.

    Args:
        batch: begins with pictures in bytes, or is the three tensors of `data.pictures.Strips`,
            which are cropped at random.
        augment: applies `jitter` to whole pictures; crops vary enough.
    """
    if len(batch) == 3:
        return to_unit(random_crops(*batch, generator))
    images = to_unit(batch[0])
    return jitter(images, generator) if augment else images


def move_a_pixel(
    images: Float[Tensor, "b c h w"], generator: torch.Generator
) -> Float[Tensor, "b c h w"]:
    """Pictures moved by -1, 0 or 1 pixels at random along each side; edges are repeated."""
    height, width = images.shape[-2:]
    steps = torch.randint(-1, 2, (2, len(images)), generator=generator, device=images.device)
    one = torch.ones(len(images), device=images.device)
    across, down = 2 * steps[0] / width, 2 * steps[1] / height  # sides run from -1 to 1
    matrix = [one, 0 * one, across, 0 * one, one, down]
    return resample_affine(images, matrix, mode="nearest", padding_mode="border")


def resample_affine(
    images: Float[Tensor, "b c h w"],
    matrix: Sequence[Float[Tensor, " b"]],
    *,
    size: tuple[int, int] | None = None,
    **options: str,
) -> Float[Tensor, "b c h2 w2"]:
    """Pictures resampled under an affine map of each, from output to input places in -1..1.

    Args:
        matrix: the six entries of 2 x 3 matrices, row by row.
        size: height and width of the result, by default those of the pictures.
        options: of `grid_sample`; by default bilinear, and zero beyond the edges.
    """
    maps = torch.stack(list(matrix), 1).view(len(images), 2, 3)
    shape = [*images.shape[:2], *(size or images.shape[2:])]
    grid = F.affine_grid(maps, shape, align_corners=False)
    return F.grid_sample(images, grid, align_corners=False, **options)


@dataclass(frozen=True)
class Jitter:
    """Strength of augmentation: standard deviations of normal noise, clipped at two of them."""

    share: float = 0.5  # of the pictures, each with this probability
    shift: float = 0.1  # as a share of half the side
    turn: float = 0.2  # in radians
    scale: float = 0.1  # relative


A_LITTLE = Jitter()


def jitter(
    images: Float[Tensor, "b c h w"], generator: torch.Generator, how: Jitter = A_LITTLE
) -> Float[Tensor, "b c h w"]:
    """Augmented pictures: a random half of them shifted, rotated and scaled a little.

    Resampling blurs a picture. If all were resampled, a model would never see pictures as sharp as
    those it is tested on, and would reconstruct these far worse.
    """
    n = len(images)
    noise = torch.randn(n, 4, generator=generator, device=images.device).clamp(-2, 2)
    angle, size = how.turn * noise[:, 0], 1 + how.scale * noise[:, 1]
    cos, sin = size * angle.cos(), size * angle.sin()
    across, down = how.shift * noise[:, 2], how.shift * noise[:, 3]
    moved = resample_affine(images, [cos, -sin, across, sin, cos, down])
    chosen = torch.rand(n, generator=generator, device=images.device) < how.share
    return torch.where(chosen[:, None, None, None], moved, images)
