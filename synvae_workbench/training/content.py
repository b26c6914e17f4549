"""Content: a weight of what pictures show, beside the squared error of their pixels."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from synvae_core.losses import Losses, feature_distance
from synvae_core.models.features import EFFICIENTNET, load_features

CONTENT_SIDE = 64  # of the pictures that the loss looks at: half the time of the encoder's 96
LOOKED_AT = 4  # one picture in so many of a batch: of all, the network would take twice the rest


@dataclass(frozen=True)
class Content:
    """Weight of the distance of rebuilt pictures in features, as a share of the squared error.

    Attributes:
        weight: 0 or more.
        name: of the features, as in `load_features`.
        deviation: of each feature over pictures.

    Raises:
        ValueError: if the weight is negative or not finite.
    """

    weight: float = 0.0
    name: str = EFFICIENTNET
    deviation: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.weight < float("inf"):
            raise ValueError(f"weight of content: expected 0 or more, got {self.weight}")

    def distance(
        self, rebuilt: Float[Tensor, "b c h w"], images: Float[Tensor, "b c h w"]
    ) -> Float[Tensor, " b"]:
        """`losses.feature_distance` of pictures in [0, 1], with gradients to the rebuilt ones.

        One value for the whole batch, the mean of its first quarter.
        """
        some = slice(-(-len(images) // LOOKED_AT))
        network = load_features(self.name, side=CONTENT_SIDE).to(images.device)
        with torch.no_grad():
            target = network(images[some])
        deviation = target.new_tensor(self.deviation)
        distance = feature_distance(network(rebuilt[some]), target, deviation)
        return distance.mean().expand(len(images))

    def added(
        self, losses: Losses, rebuilt: Float[Tensor, "b c h w"], images: Float[Tensor, "b c h w"]
    ) -> Losses:
        """Losses with the distance, `weight` of the mean squared error; the same without weight."""
        if not self.weight:
            return losses
        distance = self.distance(rebuilt, images)
        share = losses["squared_error"].detach().mean()
        loss = losses["loss"] + self.weight * share * distance
        return losses | {"loss": loss, "feature_distance": distance}
