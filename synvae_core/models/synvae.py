"""SynVAE: picture -> latent -> notes -> latent -> picture, with the melody model frozen.

Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218. Here the
picture is rebuilt from the notes that a listener hears; see `couplings` for what was published.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from synvae_core.models.couplings import Coupling, coupling_named
from synvae_core.models.music import MelodyVae, reparameterise
from synvae_core.models.visual import ImageDecoder, ImageEncoder, VisualConfig
from synvae_core.types import Decoded, Posterior, SynVaeOutput


@dataclass(frozen=True)
class SynVaeConfig:
    """The picture side and the coupling; the melody model is a part of its own."""

    visual: VisualConfig
    coupling: str = "straight_through"
    # With the noise of sigma = 1 most melodies say nothing of their picture and the KL wins.
    initial_logvar: float = -3.0

    def __post_init__(self) -> None:
        if isinstance(self.visual, dict):  # as JSON brings it
            object.__setattr__(self, "visual", VisualConfig(**self.visual))
        coupling_named(self.coupling)


class SynVae(nn.Module):
    """Trains a picture encoder and decoder through a frozen melody model.

    Raises:
        ValueError: if the picture latents and the melody latents differ in dimension.
    """

    def __init__(self, config: SynVaeConfig, music: MelodyVae):
        super().__init__()
        if config.visual.latent_dim != music.config.latent_dim:
            raise ValueError(
                f"the picture latents have {config.visual.latent_dim} dimensions, "
                f"the melody model's {music.config.latent_dim}: they must be equal"
            )
        self.config = config
        self.image_encoder = ImageEncoder(config.visual)
        nn.init.constant_(self.image_encoder.logvar.bias, config.initial_logvar)
        self.image_decoder = ImageDecoder(config.visual)
        # Gradients pass through the frozen model, so its parameters are frozen, not its graph.
        self.music = music.requires_grad_(False)
        self.couple: Coupling = coupling_named(config.coupling)

    def trainable(self) -> list[nn.Parameter]:
        """The parameters of the picture side, which alone are trained."""
        return [*self.image_encoder.parameters(), *self.image_decoder.parameters()]

    def forward(
        self,
        images: Float[Tensor, "b c h w"],
        *,
        sample: bool = True,
        generator: torch.Generator | None = None,
    ) -> SynVaeOutput:
        """The whole path; `sample` draws z from the visual posterior, else z is its mean."""
        visual = self.image_encoder(images)
        z = reparameterise(visual, generator) if sample else visual.mu
        if self.config.coupling == "straight_through":
            with torch.no_grad():  # nothing but the copied gradient is needed of the music
                decoded, auditive = self.play_and_hear(z)
            auditive = Posterior(z + (auditive.mu - z).detach(), auditive.logvar)
        else:
            decoded, auditive = self.play_and_hear(z)
        return SynVaeOutput(self.image_decoder(auditive.mu), visual, z, decoded, auditive)

    def play_and_hear(self, z: Float[Tensor, "b z"]) -> tuple[Decoded, Posterior]:
        """The notes of latent points and the melody encoder's posterior of them."""
        decoded = self.music.decoder(z, self.couple)
        return decoded, self.music.encoder(decoded.notes)

    @torch.no_grad()
    def listen(self, images: Float[Tensor, "b c h w"]) -> Int[Tensor, "b t"]:
        """The melodies of pictures, from the means of their posteriors, in canonical form."""
        return self.music.decode(self.image_encoder(images).mu)

    @torch.no_grad()
    def hear(self, events: Int[Tensor, "b t"]) -> tuple[Posterior, Float[Tensor, "b c h w"]]:
        """What notes alone give: the auditive posterior and the picture rebuilt from its mean."""
        auditive = self.music.encoder(events)
        return auditive, self.image_decoder(auditive.mu)
