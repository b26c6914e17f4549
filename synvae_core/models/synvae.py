"""SynVAE: picture -> latent -> notes -> latent -> picture, with the melody model frozen.

Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218. Here the
picture is rebuilt from the notes that a listener hears; see `couplings` for what was published.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from synvae_core.models.configurations import melody_config
from synvae_core.models.couplings import Coupling, coupling_named
from synvae_core.models.interfaces import MelodyConfig
from synvae_core.models.music import MelodyVae
from synvae_core.models.sampling import reparameterise
from synvae_core.models.storage import load_model, model_folder
from synvae_core.models.visual import ImageDecoder, ImageEncoder, VisualConfig, VisualVae
from synvae_core.types import Decoded, Posterior, SynVaeOutput


@dataclass(frozen=True)
class SynVaeConfig:
    """The picture side, the coupling and, once it is known, the melody model's sizes."""

    visual: VisualConfig | dict  # a dict as JSON brings it, made a configuration at once
    coupling: str = "straight_through"
    # With the noise of sigma = 1 most melodies say nothing of their picture and the KL wins.
    initial_logvar: float = -3.0
    fine_tune_music: bool = False  # else it is frozen
    music: MelodyConfig | dict | None = None
    music_class: str = ""  # name of the melody configuration's dataclass

    def __post_init__(self) -> None:
        if isinstance(self.visual, dict):
            object.__setattr__(self, "visual", VisualConfig(**self.visual))
        if isinstance(self.music, dict):
            object.__setattr__(self, "music", melody_config(self.music_class, self.music))
        coupling_named(self.coupling)
        if self.fine_tune_music and self.coupling == "straight_through":
            raise ValueError(
                "straight_through copies the gradient past the music, so that none reaches it: "
                "fine-tune it with straight_through_softmax, softmax, gumbel or logits"
            )


class SynVae(nn.Module):
    """Trains a picture encoder and decoder through a melody model.

    Args:
        music: a trained melody model; None builds one of `config.music`, to load weights into.

    Raises:
        ValueError: if the picture latents and the melody latents differ in dimension.
    """

    def __init__(self, config: SynVaeConfig, music: MelodyVae | None = None):
        super().__init__()
        if music is None:
            if config.music is None:
                raise ValueError("SynVae wants a melody model, or a configuration that names one")
            music = MelodyVae(config.music)
        if config.visual.latent_dim != music.config.latent_dim:
            raise ValueError(
                f"the picture latents have {config.visual.latent_dim} dimensions, "
                f"the melody model's {music.config.latent_dim}: they must be equal"
            )
        music_class = type(music.config).__name__
        self.config = replace(config, music=music.config, music_class=music_class)
        self.image_encoder = ImageEncoder(config.visual)
        nn.init.constant_(self.image_encoder.logvar.bias, config.initial_logvar)
        self.image_decoder = ImageDecoder(config.visual)
        # Gradients pass through the frozen model, so its parameters are frozen, not its graph.
        self.music = music.requires_grad_(config.fine_tune_music)
        self.couple: Coupling = coupling_named(config.coupling)

    def train(self, mode: bool = True) -> "SynVae":
        """As of any module; but frozen music stays as it will be heard, without dropout."""
        super().train(mode)
        self.music.train(mode and self.config.fine_tune_music)
        return self

    def trainable(self) -> list[nn.Parameter]:
        """The parameters that are trained: those of the picture side, unless the music is too."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def start_from(self, visual: VisualVae) -> None:
        """Takes over the picture side of a trained visual VAE.

        Raises:
            ValueError: if it has other sizes.
        """
        if visual.config != self.config.visual:
            raise ValueError(
                f"the visual VAE is {visual.config}, expected {self.config.visual}: train one with "
                "the melody model's latent dimension"
            )
        self.image_encoder.load_state_dict(visual.image_encoder.state_dict())
        self.image_decoder.load_state_dict(visual.image_decoder.state_dict())

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
            # Of what moves z, the notes tell the share 1 - variance; the rest is lost in them.
            told = (1 - auditive.logvar.exp()).clamp(min=0)
            auditive = Posterior(auditive.mu + told * (z - z.detach()), auditive.logvar)
        else:
            decoded, auditive = self.play_and_hear(z)
        return SynVaeOutput(self.image_decoder(auditive.mu), visual, z, decoded, auditive)

    def play_and_hear(self, z: Float[Tensor, "b z"]) -> tuple[Decoded, Posterior]:
        """The notes of latent points and the melody encoder's posterior of them."""
        decoded = self.music.decoder(z, self.couple)
        return decoded, decoded.posterior or self.music.encoder(decoded.notes)

    @torch.no_grad()
    def listen(self, images: Float[Tensor, "b c h w"]) -> Int[Tensor, "b t"]:
        """The melodies of pictures, from the means of their posteriors, in canonical form."""
        return self.music.decode(self.image_encoder(images).mu)

    @torch.no_grad()
    def hear(self, events: Int[Tensor, "b t"]) -> tuple[Posterior, Float[Tensor, "b c h w"]]:
        """What notes alone give: the auditive posterior and the picture rebuilt from its mean."""
        auditive = self.music.encoder(events)
        return auditive, self.image_decoder(auditive.mu)


def load_synvae(path: str | Path) -> SynVae:
    """The SynVAE of a folder or, of a run, the best one, in evaluation mode on the CPU.

    Raises:
        WeightsError: naming the file and what is wrong with it.
    """
    return load_model(SynVae, SynVaeConfig, model_folder(path))
