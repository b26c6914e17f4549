"""Contrastive learning of picture features: random views of a picture, and the objective on them.

The augmentations of SimCLR, Chen et al. 2020, arXiv 2002.05709, appendix A, drawn for each picture
of a batch: random resized crop, mirroring, colour jitter and grey. Blur is left out, as there for
small pictures.
"""

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synvae_core.looks import LUMA
from synvae_core.losses import Losses, contrastive_loss
from synvae_workbench.training.pictures import prepare_pictures, resample_affine


@dataclass(frozen=True)
class Views:
    """Strength of the augmentations that make views of a picture."""

    least_area: float = 0.2  # of a crop, as a share of the picture's; the largest is all of it
    aspect: float = 4 / 3  # largest ratio of a crop's sides
    mirror: bool = True  # a half of the views, left to right
    colour: float = 0.4  # largest relative change of brightness, contrast and saturation
    hue: float = 0.1  # largest turn of the hue, as a share of the circle
    coloured: float = 0.8  # share of the views whose colours are changed
    grey: float = 0.2  # share of the views without colour
    scale: float = (
        1.0  # side of a view, as a share of the picture's; 3/4 is learnt in half the time
    )

    def __post_init__(self) -> None:
        shares = 0 < self.least_area <= 1 and 0 < self.scale <= 1 and 0 <= self.colour < 1
        if not shares or self.aspect < 1:
            raise ValueError(
                "expected least_area and scale above 0 up to 1, colour from 0 to less than 1 and "
                f"aspect of 1 or more, got {self.least_area}, {self.scale}, {self.colour} and "
                f"{self.aspect}"
            )


USUAL_VIEWS = Views()


@dataclass(frozen=True)
class ContrastiveObjective:
    """`losses.contrastive_loss` of two random views of each picture.

    With several processes each contrasts the pictures of its own share of a batch.
    """

    temperature: float = 0.2
    views: Views = field(default_factory=Views)

    def __call__(
        self, model: nn.Module, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        images = prepare_pictures(batch, generator, augment=False)
        # Both at once, so that batch normalisation is that of all views.
        views = [random_view(images, generator, self.views) for _ in range(2)]
        one, other = model(torch.cat(views)).chunk(2)
        return contrastive_loss(one, other, temperature=self.temperature)


def random_view(
    images: Float[Tensor, "b c h w"], generator: torch.Generator, how: Views = USUAL_VIEWS
) -> Float[Tensor, "b c h2 w2"]:
    """Random view of each picture in [0, 1]: a crop, resampled to one size, in other colours.

    Of grey pictures the colours are left as they are.
    """
    crops = random_resized_crops(images, generator, how)
    return random_colours(crops, generator, how) if images.shape[1] == 3 else crops


def random_resized_crops(
    images: Float[Tensor, "b c h w"], generator: torch.Generator, how: Views = USUAL_VIEWS
) -> Float[Tensor, "b c h2 w2"]:
    """Random crop of each picture, of random area and ratio of sides, resampled to one size."""
    n = len(images)
    draws = torch.rand(5, n, generator=generator, device=images.device)
    area = how.least_area + (1 - how.least_area) * draws[0]
    ratio = ((2 * draws[1] - 1) * math.log(how.aspect)).exp()
    across, down = ((area * side).sqrt().clamp(max=1) for side in (ratio, 1 / ratio))
    # Places run from -1 to 1: the middle of a crop lies within 1 less the crop's share of the side.
    x, y = (2 * draws[2] - 1) * (1 - across), (2 * draws[3] - 1) * (1 - down)
    sign = torch.where(draws[4] < 0.5, -1.0, 1.0) if how.mirror else torch.ones_like(area)
    none = torch.zeros_like(area)
    height, width = (round(how.scale * side) for side in images.shape[2:])
    matrix = [sign * across, none, x, none, down, y]
    return resample_affine(images, matrix, size=(height, width), padding_mode="border")


def random_colours(
    images: Float[Tensor, "b 3 h w"], generator: torch.Generator, how: Views = USUAL_VIEWS
) -> Float[Tensor, "b 3 h w"]:
    """Pictures of randomly changed hue, saturation, contrast and brightness, or made grey.

    All of these are one affine map of a picture's colours, computed first and applied once.
    """
    n = len(images)
    draws = torch.rand(6, n, 1, 1, generator=generator, device=images.device)
    brightness, contrast, saturation = 1 + how.colour * (2 * draws[:3] - 1)
    luma = images.new_tensor(LUMA)
    same, grey = torch.eye(3, device=images.device), luma.expand(3, 3)
    saturated = saturation * same + (1 - saturation) * grey
    turned = saturated @ hue_rotation(2 * math.pi * how.hue * (2 * draws[3] - 1))
    changed = draws[4] < how.coloured
    colours = torch.where(changed, brightness * contrast * turned, same)
    colours = torch.where(draws[5] < how.grey, grey @ colours, colours)
    # Contrast moves colours to and from the mean lightness of the picture.
    middle = (images.mean((2, 3)) @ luma).view(n, 1, 1)
    offset = torch.where(changed, brightness * (1 - contrast) * middle, 0.0)
    mixed = torch.einsum("bij,bjhw->bihw", colours, images)
    return (mixed + offset[..., None]).clamp(0, 1)


def hue_rotation(angle: Float[Tensor, "b 1 1"]) -> Float[Tensor, "b 3 3"]:
    """Rotation of colours about the axis of greys by an angle in radians (Rodrigues' formula)."""
    same = torch.eye(3, device=angle.device)
    mean = torch.full((3, 3), 1 / 3, device=angle.device)
    across = angle.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    return mean + angle.cos() * (same - mean) + angle.sin() * across
