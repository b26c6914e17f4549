"""What rebuilt pictures show of what the originals show, by features of a frozen network."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from synvae_core.losses import feature_distance
from synvae_core.models.features import load_features
from synvae_workbench.training.features import BLOCK, SAMPLE, features_of


@torch.no_grad()
def shown_metrics(
    rebuilt: Float[Tensor, "n c h w"],
    images: UInt8[Tensor, "n c h w"],
    training: UInt8[Tensor, "m c h w"],
    name: str,
) -> dict[str, float]:
    """Feature distance of rebuilt pictures to their originals and, for scale, to other originals.

    Of the first pictures, of which features take long. Units are the features' variances over
    training pictures.

    Args:
        name: of the features, as in `load_features`.

    Raises:
        ValueError: as `load_features`.
    """
    network, few = load_features(name), slice(SAMPLE)
    deviation = features_of(training[few], name).std(0)
    shown = features_of(images[few], name)
    drawn = torch.cat([network(part) for part in rebuilt[few].split(BLOCK)])
    pairs = {"notes": drawn, "chance": drawn.roll(1, 0)}
    return {
        f"{where}/feature_distance": feature_distance(theirs, shown, deviation).mean().item()
        for where, theirs in pairs.items()
    }
