"""Discriminator of the speech-to-image VAE-GAN.

As published by Żelaszczyk & Mańdziuk 2021, arXiv 2109.13354; or conditioned on the speech latents
by projection (Miyato & Koyama 2018, arXiv 1802.05637), with spectral normalisation (Miyato et al.
2018, arXiv 1802.05957).
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from synvae_core.models.speech.config import SpeechImageConfig, features_left, steps


class Discriminator(nn.Module):
    """Pictures in [0, 1], with the speech latents if it is conditional -> logits of being real.

    Raises:
        ValueError: if the configuration is of a VAE, which has no discriminator.
    """

    def __init__(self, config: SpeechImageConfig):
        super().__init__()
        if not config.discriminator:
            raise ValueError("this configuration is of a VAE: give one with a discriminator")
        self.config = config
        held = spectral_norm if config.spectral else nn.Identity()
        layers: list[nn.Module] = []
        for i, (before, (after, kernel, padding)) in enumerate(steps(1, config.discriminator)):
            layers.append(held(nn.Conv2d(before, after, kernel, stride=2, padding=padding)))
            layers += [nn.BatchNorm2d(after)] * (i > 0 and config.norm == "published")
            layers.append(nn.LeakyReLU(config.leak))
        self.layers = nn.Sequential(*layers, nn.Flatten())
        width = features_left(config.image_size, config.discriminator)
        self.head = held(nn.Linear(width, 1))  # published as a convolution of the last pixel
        self.output_norm = nn.BatchNorm1d(1) if config.norm == "published" else nn.Identity()
        self.condition = held(nn.Linear(config.latent_dim, width)) if config.conditional else None

    @property
    def compares(self) -> bool:
        """Dependence of the logits on the other pictures of the batch, by batch norms."""
        return self.config.norm == "published"

    def forward(
        self, pictures: Float[Tensor, "b 1 h w"], code: Float[Tensor, "b z"]
    ) -> Float[Tensor, " b"]:
        features = self.layers(pictures)
        logits = self.output_norm(self.head(features))[:, 0]
        if self.condition is None:
            return logits
        return logits + (self.condition(code) * features).sum(1)
