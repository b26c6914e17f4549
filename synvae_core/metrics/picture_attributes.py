"""Attributes of photographs without labels, and the latent directions that change them.

A direction is the mean change of the latents as an attribute grows by one standard deviation: the
attribute vectors of White 2016, "Sampling Generative Networks", arXiv 1609.04468, which are
differences of means, for attributes that are numbers.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from synvae_core.types import Measure

MEASURES = (Measure("directions/{attribute}", None),)  # change in standard deviations


def picture_attributes(images: Float[Tensor, "n c h w"]) -> dict[str, Float[Tensor, " n"]]:
    """Attributes of pictures in [0, 1] by name, each within -1..1.

    `light`, the mean of all pixels; `light from the left` and `light from above`, how much lighter
    that half is than the other; `light in the middle`, how much lighter the middle is than the rim,
    which tells a dark background of faces in the middle; `contrast`, the standard deviation
    of a picture's pixels; and of colours `warmth`, how much more red than blue there is.

    Raises:
        ValueError: if there is no picture, one is below 4 pixels, or not finite.
    """
    if not images.numel() or min(images.shape[2:]) < 4 or not torch.isfinite(images).all():
        raise ValueError(
            f"pictures have 4 pixels or more a side, all of them numbers: got {tuple(images.shape)}"
        )
    grey = images.mean(1)
    height, width = grey.shape[1:]
    half, rest = width // 2, height // 2
    middle = grey[:, height // 4 : -(height // 4), width // 4 : -(width // 4)]
    rim = (grey.sum((1, 2)) - middle.sum((1, 2))) / (height * width - middle[0].numel())
    found = {
        "light": grey.mean((1, 2)),
        "light from the left": grey[..., :half].mean((1, 2)) - grey[..., -half:].mean((1, 2)),
        "light from above": grey[:, :rest].mean((1, 2)) - grey[:, -rest:].mean((1, 2)),
        "light in the middle": middle.mean((1, 2)) - rim,
        "contrast": grey.flatten(1).std(1, correction=0),
    }
    if images.shape[1] == 3:
        found["warmth"] = images[:, 0].mean((1, 2)) - images[:, 2].mean((1, 2))
    return found


def face_attributes(images: Float[Tensor, "n c h w"]) -> dict[str, Float[Tensor, " n"]]:
    """Attributes of pictures in [0, 1] which a face fills, by name; those of any picture first.

    `light at the sides`, the left and right eighth above the middle half; `dark at the top`, the
    upper sixth below the rest; `light at the mouth`, the place of the mouth above the cheeks beside
    it; `axis`, the place about which left mirrors right at the height of the eyes, and `width`,
    the mean distance of upright edges from the middle at the height of the cheeks, as shares of the
    width.

    Raises:
        ValueError: as `picture_attributes`, and of pictures below 16 pixels.
    """
    found = picture_attributes(images)
    if min(images.shape[2:]) < 16:
        raise ValueError(f"a face has 16 pixels or more a side: got {tuple(images.shape)}")
    grey = images.mean(1)
    height, width = grey.shape[1:]
    side, top, middle = width // 8, height // 6, slice(width // 4, width - width // 4)
    sides = torch.cat([grey[..., :side], grey[..., -side:]], 2).mean((1, 2))
    mouth = grey[:, round(0.7 * height) : round(0.86 * height)]
    cheeks = torch.cat([mouth[..., side : 2 * side], mouth[..., -2 * side : -side]], 2)
    across = torch.linspace(-0.5, 0.5, width - 1)
    edges = grey[:, height // 3 : -height // 4].diff(dim=2).abs().mean(1)
    return found | {
        "light at the sides": sides - grey[..., middle].mean((1, 2)),
        "dark at the top": grey[:, top:].mean((1, 2)) - grey[:, :top, middle].mean((1, 2)),
        "light at the mouth": mouth[..., 3 * side : -3 * side].mean((1, 2)) - cheeks.mean((1, 2)),
        "axis": _mirror_axis(grey[:, height // 5 : -height // 4]),
        "width": (edges * across.abs()).sum(1) / edges.sum(1).clamp(min=1e-6),
    }


def _mirror_axis(grey: Float[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    """Place of the axis of mirror symmetry from the middle, as a share of the width.

    Of the picture without its blur, so that light from one side counts little: the mean of the
    places within a sixth of the width, weighted by how well they mirror.
    """
    width = grey.shape[2]
    near = 2 * (width // 8) + 1
    blur = torch.nn.functional.avg_pool2d(
        grey[:, None], near, 1, near // 2, count_include_pad=False
    )
    grey = grey - blur[:, 0]
    most = width // 3  # twice the way of the axis
    errors = []
    for shift in range(-most, most + 1):  # the axis is at half the shift
        part = grey[..., max(0, shift) : width + min(0, shift)]
        errors.append((part - part.flip(2)).square().mean((1, 2)))
    error = torch.stack(errors, 1)
    weights = (-error / error.min(1, keepdim=True).values.clamp(min=1e-6)).softmax(1)
    places = torch.arange(-most, most + 1, dtype=grey.dtype) / (2 * width)
    return weights @ places


def attribute_directions(
    latents: Float[Tensor, "n z"], attributes: Mapping[str, Float[Tensor, " n"]]
) -> dict[str, Float[Tensor, " z"]]:
    """Mean change of the latents as each attribute grows by a standard deviation.

    Attributes that are the same for all have no direction and are left out.

    Raises:
        ValueError: unless there are two latents or more, finite, and as many of each attribute.
    """
    if len(latents) < 2 or not torch.isfinite(latents).all():
        raise ValueError(f"a direction needs two finite latents or more, got {len(latents)}")
    centred = latents - latents.mean(0)
    found = {}
    for name, values in attributes.items():
        if len(values) != len(latents) or not torch.isfinite(values).all():
            raise ValueError(
                f"{name!r} is a finite number of each of {len(latents)} pictures: got {len(values)}"
            )
        spread = values.std(correction=0)
        if spread > 1e-6:
            found[name] = ((values - values.mean()) / spread) @ centred / len(latents)
    return found
