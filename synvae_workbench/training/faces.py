"""Data augmentation and the objective of VAEs on small sets of photographs."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from synvae_core.losses import Losses, picture_vae_loss
from synvae_workbench.training.pictures import resample_affine, to_unit


@dataclass(frozen=True)
class Variation:
    """Strength of augmentation: standard deviations of normal noise, clipped at two of them."""

    shift: float = 0.06  # as a share of half the side
    turn: float = 0.08  # in radians
    scale: float = 0.06  # relative
    light: float = 0.05  # of all pixels, where 1 is white
    contrast: float = 0.1  # relative
    colour: float = 0.02  # of each channel
    flip: bool = True  # mirror half of them


def vary(
    images: Float[Tensor, "b c h w"], variation: Variation, generator: torch.Generator
) -> Float[Tensor, "b c h w"]:
    """Augmented pictures in [0, 1]: flips, shifts, rotations, scalings, other light and contrast.

    Edges are padded by reflection.
    """
    n, channels, device = len(images), images.shape[1], images.device

    def draw(*size: int) -> Tensor:
        return torch.randn(n, *size, generator=generator, device=device).clamp(-2, 2)

    place = draw(4)
    angle, size = variation.turn * place[:, 0], (variation.scale * place[:, 1]).exp()
    cos, sin = size * angle.cos(), size * angle.sin()
    side = torch.rand(n, generator=generator, device=device) < 0.5 * variation.flip
    side = torch.where(side, -1.0, 1.0)
    left, down = variation.shift * place[:, 2], variation.shift * place[:, 3]
    matrix = [side * cos, -sin, left, side * sin, cos, down]
    moved = resample_affine(images, matrix, mode="bicubic", padding_mode="reflection")
    contrast = (variation.contrast * draw(1, 1, 1)).exp()
    light = variation.light * draw(1, 1, 1)
    if channels > 1:
        light = light + variation.colour * draw(channels, 1, 1)
    grey = moved.mean((1, 2, 3), keepdim=True)
    return ((moved - grey) * contrast + grey + light).clamp(0, 1)


@dataclass(frozen=True)
class FaceObjective:
    """`losses.picture_vae_loss` of augmented pictures.

    With a variation, of augmented pictures through posterior samples; without, as for validation,
    of the pictures as they are, through posterior means.
    """

    beta: float
    variation: Variation | None = Variation()

    def __call__(
        self, model: Any, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        images = to_unit(batch[0])
        if self.variation is not None:
            images = vary(images, self.variation, generator)
        output = model(images, sample=self.variation is not None, generator=generator)
        return picture_vae_loss(output, images, beta=self.beta)


def draw_variations(
    images: Float[Tensor, "n c h w"], variation: Variation, *, times: int, seed: int = 0
) -> Float[Tensor, "m c h w"]:
    """Augmented copies of pictures, `times` of each (m = n x times), such as to fit a baseline on.

    Raises:
        ValueError: unless there is at least one picture and one variation of it.
    """
    if not len(images) or times < 1:
        raise ValueError(f"got {len(images)} pictures to be varied {times} times: expected some")
    generator = torch.Generator(images.device).manual_seed(seed)
    return torch.cat([vary(images, variation, generator) for _ in range(times)])
