"""VAE for sets of a hundred pictures: linear, and sharpened by convolutions.

A deep decoder of whole pictures overfits a hundred of them. So encoder and decoder are linear,
initialised with the principal components of the augmented training pictures; and the decoded
picture is sharpened by convolutions, each of which sees a small patch: of these, a hundred pictures
have hundreds of thousands. The posterior of a linear model has the same variance for all pictures
(Tipping & Bishop 1999, "Probabilistic Principal Component Analysis"), and so has this one.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from synvae_core.fields import Size, SizeOrNone
from synvae_core.types import Posterior, VaeOutput


@dataclass(frozen=True)
class FaceConfig:
    """Sizes of a `FaceVae`.

    Raises:
        ValueError: unless the stride divides the side, and all sizes are 1 or more.
    """

    image_size: Size
    image_channels: Size
    latent_dim: Size
    hidden_channels: SizeOrNone = 32  # of the sharpening convolutions; 0 for none
    stride: Size = 2  # of the pixel unshuffle (space to channels) before them

    def __post_init__(self) -> None:
        sizes = (self.image_size, self.image_channels, self.latent_dim, self.stride)
        if min(sizes) < 1 or self.hidden_channels < 0 or self.image_size % self.stride:
            raise ValueError(
                "a side can be divided by the stride, and sizes are 1 or more: got "
                f"{self.image_size} pixels, stride {self.stride}, {self.image_channels} channels, "
                f"{self.latent_dim} latent dimensions, {self.hidden_channels} hidden channels"
            )


class FaceVae(nn.Module):
    """Pictures in [0, 1] -> latents -> pictures; the prior is N(0, I)."""

    place: Float[Tensor, "2 h w"]

    def __init__(self, config: FaceConfig):
        super().__init__()
        self.config = config
        self.shape = (config.image_channels, config.image_size, config.image_size)
        pixels = config.image_channels * config.image_size**2
        self.mu = nn.Linear(pixels, config.latent_dim)
        self.logvar = nn.Parameter(torch.zeros(config.latent_dim))
        self.linear = nn.Linear(config.latent_dim, pixels)
        self.sharpening = _sharpening(config) if config.hidden_channels else None
        line = torch.linspace(-1, 1, config.image_size)
        place = torch.stack(torch.meshgrid(line, line, indexing="ij"))
        self.register_buffer("place", place, persistent=False)

    @torch.no_grad()
    def start_from(
        self,
        mean: Float[Tensor, "c h w"],
        directions: Float[Tensor, "z c h w"],
        sd: Float[Tensor, " z"],
        *,
        beta: float,
    ) -> None:
        """Initialises the linear maps with principal components, scaled to unit variance.

        Args:
            mean, directions, sd: of the components; the directions are orthonormal.
            beta: weight of the KL beside the squared error, which determines the variance of the
                optimal posterior.

        Raises:
            ValueError: if the pictures or dimensions are not those of the model, or pictures do
                not vary along a direction.
        """
        if mean.shape != self.shape or len(directions) != self.config.latent_dim:
            raise ValueError(
                f"the model has {self.config.latent_dim} dimensions for pictures {self.shape}: got "
                f"{len(directions)} components of pictures {tuple(mean.shape)}"
            )
        if not (sd > 0).all():
            raise ValueError("pictures do not vary along a component: take fewer dimensions")
        directions = directions.flatten(1)
        self.mu.weight.copy_(directions / sd[:, None])
        self.mu.bias.copy_(-(self.mu.weight @ mean.flatten()))
        self.linear.weight.copy_((directions * sd[:, None]).T)
        self.linear.bias.copy_(mean.flatten())
        self.logvar.copy_(-torch.log1p(2 * sd.square() / beta))

    def posterior(self, images: Float[Tensor, "b c h w"]) -> Posterior:
        """Posterior of pictures in [0, 1]."""
        mu = self.mu(images.flatten(1))
        return Posterior(mu, self.logvar.expand_as(mu))

    def draw(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b c h w"]:
        """Decoded pictures, in [0, 1]; unclamped in training, for a gradient everywhere."""
        drawn = self.linear(z).unflatten(-1, self.shape)
        if self.sharpening is not None:
            place = self.place.expand(len(drawn), -1, -1, -1)
            seen = F.pixel_unshuffle(torch.cat([drawn, place], 1), self.config.stride)
            seen = seen.contiguous(memory_format=torch.channels_last)  # a fifth faster on a CPU
            drawn = drawn + self.sharpening(seen)
        return drawn if self.training else drawn.clamp(0, 1)

    def forward(
        self,
        images: Float[Tensor, "b c h w"],
        *,
        sample: bool = True,
        generator: torch.Generator | None = None,
    ) -> VaeOutput:
        """Reconstruction from a sample of the posterior or, without `sample`, from its mean."""
        posterior = self.posterior(images)
        z = posterior.sample(generator) if sample else posterior.mu
        return VaeOutput(self.draw(z), posterior)


def _sharpening(config: FaceConfig) -> nn.Sequential:
    """Residual of a picture, from it and its pixel coordinates; initially zero."""
    hidden, stride = config.hidden_channels, config.stride
    last = nn.Conv2d(hidden, config.image_channels * stride**2, 3, padding=1)
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
    return nn.Sequential(
        nn.Conv2d((config.image_channels + 2) * stride**2, hidden, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(hidden, hidden, 3, padding=1),
        nn.GELU(),
        last,
        nn.PixelShuffle(stride),
    )
