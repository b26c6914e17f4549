"""SynVAE: picture -> latent -> notes -> latent -> picture, with the melody model frozen.

Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218. Here the
picture is rebuilt from the notes that a listener hears; see `couplings` for what was published.

A picture's posterior has many melodies, some of which tell more of it, some of which are more like
music. What is played is the best of K samples, by rate-distortion cost: the error of the picture
that the notes give back, and a price for their surprise. So video coders choose (Sullivan & Wiegand
1998, IEEE Signal Processing Magazine 15(6), 74-90).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from synvae_core.models.melody.couplings import Coupling, coupling_named
from synvae_core.models.melody.interfaces import MelodyConfig, melody_config
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import load_model, model_folder
from synvae_core.models.visual import ImageDecoder, ImageEncoder, VisualConfig, VisualVae
from synvae_core.types import Decoded, Posterior, SynVaeOutput

PLAYED_AT_ONCE = 256  # takes; bounds the memory, and larger batches are slower a take
LEAST_STEP = 0.1  # between takes: where the KL weighs nothing, posteriors become points


@dataclass(frozen=True)
class SynVaeConfig:
    """The picture side, the coupling and, once it is known, the melody model's sizes."""

    visual: VisualConfig
    coupling: str = "straight_through"
    # With the noise of sigma = 1 most melodies say nothing of their picture and the KL wins.
    initial_logvar: float = -3.0
    fine_tune_music: bool = False  # else it is frozen
    takes: int = 1  # K: samples of each posterior, of which the best one is played
    # Share of the squared error that a nat of surprise must save, with a language model.
    surprise_price: float = 0.0
    music: MelodyConfig | None = None
    music_class: str = ""  # name of the melody configuration's dataclass

    def __post_init__(self) -> None:
        coupling_named(self.coupling)
        if self.takes < 1 or self.surprise_price < 0:
            raise ValueError(
                "a picture has one take or more, and surprise a price of 0 or more: got "
                f"{self.takes} and {self.surprise_price}"
            )
        if self.fine_tune_music and self.coupling == "straight_through":
            raise ValueError(
                "straight_through copies the gradient past the music, so that none reaches it: "
                "fine-tune it with straight_through_softmax, softmax, gumbel or logits"
            )

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "SynVaeConfig":
        """As `save_model` wrote it: the class of the melody model's sizes stands beside them."""
        music = melody_config(fields["music_class"], fields["music"])
        return cls(**fields | {"visual": VisualConfig(**fields["visual"]), "music": music})


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
        """The whole path; z is a draw of the posterior or, without `sample`, the best of K."""
        visual = self.image_encoder(images)
        z = visual.sample(generator) if sample else self.best_take(images, visual)
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
    def best_take(
        self, images: Float[Tensor, "b c h w"], visual: Posterior
    ) -> Float[Tensor, "b z"]:
        """The best of K samples of each posterior, by rate-distortion cost.

            cost(z) = log |x' - x|^2  +  surprise_price * nats of surprise of the notes of z

        x' is the picture that the notes give back. The samples are the mean and K - 1 draws around
        it; with K = 1 it is the mean.
        """
        if self.config.takes == 1 or not len(images):
            return visual.mu
        # The same steps for all pictures: what one sounds like depends on no other.
        seeded = torch.Generator().manual_seed(0)
        steps = torch.randn(self.config.takes, visual.mu.shape[1], generator=seeded)
        steps = steps.index_fill(0, torch.tensor(0), 0).to(visual.mu)
        sigma = (0.5 * visual.logvar).exp().clamp(min=LEAST_STEP)
        costs = [
            self._cost(images, visual.mu[:, None] + some * sigma[:, None])
            for some in steps.split(max(1, PLAYED_AT_ONCE // len(images)))
        ]
        return visual.mu + steps[torch.cat(costs, 1).argmin(1)] * sigma

    def _cost(
        self, images: Float[Tensor, "b c h w"], z: Float[Tensor, "b k z"]
    ) -> Float[Tensor, "b k"]:
        """Rate-distortion cost of K samples: see `best_take`."""
        decoded, auditive = self.play_and_hear(z.flatten(0, 1))
        rebuilt = self.image_decoder(auditive.mu).unflatten(0, z.shape[:2])
        cost = (rebuilt - images[:, None]).square().flatten(2).sum(2).log()
        if decoded.surprise is not None:
            cost = cost + self.config.surprise_price * decoded.surprise.unflatten(0, z.shape[:2])
        return cost

    @torch.no_grad()
    def listen(self, images: Float[Tensor, "b c h w"]) -> Int[Tensor, "b t"]:
        """The melodies of pictures, each of the best of K samples, in canonical form."""
        return self.music.decode(self.best_take(images, self.image_encoder(images)))

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
