"""Sliders of pictures: directions in latent space, each with a name that is true of the pixels.

By the mechanism of `evaluation.sliders`: ridge regression of attributes of decoded pictures on z,
over draws of the prior; the slopes taken together to the nearest orthonormal set; and a name that
held-out faces do not bear out is not given. Attributes are computed from the pixels and say no more
than that: nobody's age, sex or mood is guessed.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from synvae_core.metrics.picture_attributes import face_attributes
from synvae_core.models.faces import FaceVae
from synvae_workbench.evaluation.sliders import (
    DRAWS,
    LEAST_CONSISTENCY,
    Slider,
    Trait,
    measure_effect,
    regressed_directions,
)

# Attributes of `face_attributes`, in words: more, less, what is seen of it, and the unit.
WORDS: Mapping[str, tuple[str, str, str, str]] = {
    "light": ("lighter", "darker", "The whole picture becomes lighter", "% of white"),
    "contrast": ("more contrast", "less contrast", "Light and dark move apart", "% of white"),
    "light at the sides": (
        "lighter background",
        "darker background",
        "The left and the right edge become lighter than the middle",
        "% of white",
    ),
    "dark at the top": (
        "darker hair",
        "lighter hair",
        "The upper sixth of the picture becomes darker than the rest",
        "% of white",
    ),
    "light from the left": (
        "lit from the left",
        "lit from the right",
        "The left half becomes lighter than the right one",
        "% of white",
    ),
    "axis": (
        "turned to the right",
        "turned to the left",
        "The axis about which left mirrors right moves to the right",
        "% of the width",
    ),
    "width": (
        "wider",
        "narrower",
        "Upright edges at the height of the cheeks move away from the middle",
        "% of the width",
    ),
    "light at the mouth": (
        "lighter mouth",
        "darker mouth",
        "The place of the mouth becomes lighter than the cheeks beside it",
        "% of white",
    ),
}


def picture_sliders(model: FaceVae, held_out: Float[Tensor, "n c h w"]) -> list[Slider]:
    """Sliders of a model of faces, with their effect on pictures that it was not fitted to.

    Directions are orthonormal and come from seeded draws of the prior; names that are not true of
    the held-out pictures are left out.

    Raises:
        ValueError: without a held-out picture.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        z = torch.randn(DRAWS, model.config.latent_dim, generator=generator)
        found = face_attributes(model.draw(z))
        directions = regressed_directions(
            z, {name: found[name].double().numpy() for name in WORDS if name in found}
        )
        mu = model.posterior(held_out).mu
        measured = [_measured(model, name, way, mu) for name, way in directions.items()]
    return [each for each in measured if each.consistency >= LEAST_CONSISTENCY]


def _measured(model: FaceVae, name: str, way: Tensor, mu: Float[Tensor, "n z"]) -> Slider:
    def in_percent(pictures: Tensor) -> Float[Tensor, " n"]:
        return 100 * face_attributes(pictures)[name]

    slider = Slider(Trait(*WORDS[name], in_percent), way)
    return measure_effect(slider, mu, lambda z: in_percent(model.draw(z)).numpy())
