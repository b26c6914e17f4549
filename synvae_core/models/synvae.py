"""SynVAE: picture -> latent -> notes -> latent -> picture, with the melody model frozen.

Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218. Here the
picture is rebuilt from the notes that a listener hears; see `couplings` for what was published.

What is played is the best of several samples of a picture's posterior, see `takes`.

A melody may be performed so that it carries the picture's look (`music.performance`), which is read
from the MIDI file beside the notes. In training half of the pictures, at random, come without their
look, so that one model draws with and without it, as conditions are dropped in Ho & Salimans 2022,
"Classifier-Free Diffusion Guidance", arXiv 2207.12598.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from synvae_core.fields import Size, SizeOrNone, build_from_fields
from synvae_core.looks import ABSENT, LOOK_SIZE, look_indicators, looks_of
from synvae_core.models.critic import BUCKETS, Critic
from synvae_core.models.melody.couplings import Coupling, coupling_named
from synvae_core.models.melody.interfaces import MelodyConfig, melody_config
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import (
    CONFIG_FILE,
    WeightsError,
    load_model,
    model_folder,
    read_config,
)
from synvae_core.models.takes import best_take
from synvae_core.models.visual import ImageDecoder, ImageEncoder, VisualConfig, VisualVae
from synvae_core.types import Decoded, Posterior, SynVaeOutput

WITHOUT_LOOK = 0.5  # share of the training pictures


@dataclass(frozen=True)
class SynVaeConfig:
    """Sizes of the picture side and the melody model, their coupling, and the number of takes."""

    visual: VisualConfig
    coupling: str = "straight_through"
    # At sigma = 1 most melodies carry no information on their picture, and the KL term wins.
    initial_logvar: float = -3.0
    fine_tune_music: bool = False  # else it is frozen
    takes: Size = 1  # K: samples of each posterior, of which the best one is played
    # Share of the squared error that a nat of surprise must save; of language models only.
    surprise_price: float = 0.0
    # The same of a take that has nothing in common with the melodies of the picture moved by a
    # pixel; of codings of one voice only.
    twin_price: float = 0.0
    # The same of a take whose notes have latents one off the picture's, in root mean square over
    # them: neighbours stay neighbours.
    told_price: float = 0.0
    cycle_price: float = 0.0  # the same of the latents of the rebuilt picture
    critic_price: float = 0.0  # the same of a nat by which the critic tells the notes from tunes
    critic: SizeOrNone = 0  # its buckets; 0: none, as it is trained after all else
    performance: bool = False  # the decoder takes the look that a performance carries
    tuning: SizeOrNone = 0  # passes in which the decoder alone was trained on what is played
    music: MelodyConfig | None = None
    music_class: str = ""  # name of the melody configuration's dataclass

    def __post_init__(self) -> None:
        coupling_named(self.coupling)
        prices = {name: value for name, value in vars(self).items() if name.endswith("_price")}
        if self.takes < 1 or min(prices.values()) < 0:
            raise ValueError(
                "expected 1 take or more of each picture, and prices of 0 or more: got takes="
                f"{self.takes}, {prices}"
            )
        if self.fine_tune_music and self.coupling == "straight_through":
            raise ValueError(
                "straight_through copies the gradient past the music, so that none reaches it: "
                "fine-tune it with straight_through_softmax, softmax, gumbel or logits"
            )

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "SynVaeConfig":
        """Configuration from the fields that `save_model` wrote, the melody model's included."""
        music = melody_config(fields["music_class"], fields["music"])
        visual = build_from_fields(VisualConfig, fields["visual"])
        return build_from_fields(cls, fields | {"visual": visual, "music": music})


class SynVae(nn.Module):
    """Picture VAE whose latents pass through a melody model, which is frozen or fine-tuned.

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
        if config.twin_price and music.coding.voices != 1:
            raise ValueError(f"a twin_price wants melodies of one voice: got {music.coding.name}")
        self.config = replace(config, music=music.config, music_class=music_class)
        self.image_encoder = ImageEncoder(config.visual)
        nn.init.constant_(self.image_encoder.logvar.bias, config.initial_logvar)
        self.image_decoder = ImageDecoder(config.visual)
        if config.performance:
            # Added to the first layer; 0 at first, so that a given decoder draws as before.
            features = self.image_decoder.input.out_features
            self.look_input = nn.Linear(LOOK_SIZE, features, bias=False)
            nn.init.zeros_(self.look_input.weight)
        # Gradients pass through the frozen model, so its parameters are frozen, not its graph.
        self.music = music.requires_grad_(config.fine_tune_music)
        self.couple: Coupling = coupling_named(config.coupling)
        self.critic = Critic(config.critic) if config.critic else None

    def add_critic(self) -> Critic:
        """Gives the model a critic, one that knows nothing yet."""
        self.config = replace(self.config, critic=BUCKETS)
        self.critic = Critic(BUCKETS).to(self.music.device)
        return self.critic

    def train(self, mode: bool = True) -> "SynVae":
        """Sets the mode; a frozen melody model stays in evaluation mode, without dropout."""
        super().train(mode)
        self.music.train(mode and self.config.fine_tune_music)
        return self

    def trainable(self) -> list[nn.Parameter]:
        """Parameters to train: those of the picture side and, in fine-tuning, of the music."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def start_from(self, trained: "VisualVae | SynVae") -> None:
        """Initialises the picture side with that of a trained visual VAE or SynVAE.

        Means that are standardised here and were not in a visual VAE begin as they were there.

        Raises:
            ValueError: if it has other sizes, or a SynVAE has another melody model or does
                otherwise in performance.
        """
        expected, theirs = self.config.visual, None
        if isinstance(trained, SynVae):
            theirs, visual = trained.config, trained.config.visual
        else:
            visual = replace(trained.config, standard_means=expected.standard_means)
        if visual != expected:
            raise ValueError(
                f"the picture side is {visual}, expected {expected}: train one for such pictures, "
                f"with the melody model's latent dimension of {expected.latent_dim}"
            )
        if theirs is not None and (theirs.music, theirs.performance) != (
            self.config.music,
            self.config.performance,
        ):
            raise ValueError(
                f"the SynVAE to start from plays by {theirs.music} with performance="
                f"{theirs.performance}, expected {self.config.music}, {self.config.performance}"
            )
        for part in ("image_encoder", "image_decoder", "look_input"):
            if hasattr(self, part) and hasattr(trained, part):
                own, given = getattr(self, part), getattr(trained, part).state_dict()
                own.load_state_dict(own.state_dict() | given)

    def forward(
        self,
        images: Float[Tensor, "b c h w"],
        *,
        frozen: Float[Tensor, "b features"] | None = None,
        sample: bool = True,
        performed: bool = True,
        generator: torch.Generator | None = None,
    ) -> SynVaeOutput:
        """Reconstruction through music; z is a posterior sample or, without `sample`, the best.

        Args:
            frozen: features that the encoder would compute of the pictures, if they are known.
            performed: with looks, where the model has a performance; of samples, half of them.
        """
        visual = self.image_encoder(images, frozen)
        looks = self.looks(images) if performed else None
        if looks is not None and sample:
            looks = withhold_looks(looks, generator)
        z = visual.sample(generator) if sample else self.best_take(images, visual, looks)
        return self.through_music(visual, z, looks)

    def through_music(
        self, visual: Posterior, z: Float[Tensor, "b z"], looks: Int[Tensor, "b 4"] | None = None
    ) -> SynVaeOutput:
        """Reconstruction through music from latents that were chosen of the visual posterior."""
        if self.config.coupling == "straight_through":
            with torch.no_grad():  # the copied gradient bypasses the music
                decoded, auditive = self.play_and_hear(z)
            # Of a change of z the notes keep the share 1 - sigma^2, and so does the gradient.
            told = (1 - auditive.logvar.exp()).clamp(min=0)
            auditive = Posterior(auditive.mu + told * (z - z.detach()), auditive.logvar)
        else:
            decoded, auditive = self.play_and_hear(z)
        return SynVaeOutput(self.draw(auditive.mu, looks), visual, z, decoded, auditive)

    def looks(self, images: Float[Tensor, "b c h w"]) -> Int[Tensor, "b 4"] | None:
        """Looks of pictures for the performance of their melodies; None of a model without it."""
        return looks_of(images) if self.config.performance else None

    def draw(
        self, auditive: Float[Tensor, "b z"], looks: Int[Tensor, "b 4"] | None = None
    ) -> Float[Tensor, "b c h w"]:
        """Pictures of auditive latents and, of a model with performance, of looks."""
        if looks is None or not self.config.performance:
            return self.image_decoder(auditive)
        return self.image_decoder(auditive, self.look_input(look_indicators(looks)))

    def play_and_hear(self, z: Float[Tensor, "b z"]) -> tuple[Decoded, Posterior]:
        """Decodes latents into notes, and encodes these: the notes and the auditive posterior."""
        decoded = self.music.decoder(z, self.couple)
        return decoded, decoded.posterior or self.music.encoder(decoded.notes)

    def best_take(
        self,
        images: Float[Tensor, "b c h w"],
        visual: Posterior,
        looks: Int[Tensor, "b 4"] | None = None,
    ) -> Float[Tensor, "b z"]:
        """The best of K samples of each posterior, by rate-distortion cost: see `takes`."""
        return best_take(self, images, visual, looks)

    @torch.no_grad()
    def listen(self, images: Float[Tensor, "b c h w"]) -> Int[Tensor, "b t"]:
        """Melodies of pictures, each decoded from the best of K samples, in canonical form."""
        visual = self.image_encoder(images)
        return self.music.decode(self.best_take(images, visual, self.looks(images)))

    @torch.no_grad()
    def hear(
        self, events: Int[Tensor, "b t"], looks: Int[Tensor, "b 4"] | None = None
    ) -> tuple[Posterior, Float[Tensor, "b c h w"]]:
        """Auditive posterior of melodies, and the pictures decoded from its mean.

        Args:
            looks: carried by the performances, as `music.performance.read_performed` reads them; a
                model without performance draws from the notes alone.
        """
        auditive = self.music.encoder(events)
        return auditive, self.draw(auditive.mu, looks)


def withhold_looks(
    looks: Int[Tensor, "b 4"], generator: torch.Generator | None
) -> Int[Tensor, "b 4"]:
    """Looks of pictures in training, of which half, at random, are absent."""
    chances = torch.rand(len(looks), generator=generator, device=looks.device)
    return looks.masked_fill((chances < WITHOUT_LOOK)[:, None], ABSENT)


def load_picture_side(path: str | Path) -> VisualVae | SynVae:
    """Loads a visual VAE or a SynVAE, for `SynVae.start_from`.

    Raises:
        WeightsError: naming the file, if it holds neither or is damaged.
    """
    folder = model_folder(path)
    try:
        read_config(folder / CONFIG_FILE, SynVae)
    except WeightsError:
        return load_model(VisualVae, VisualConfig, folder)
    return load_synvae(folder)


def load_synvae(path: str | Path) -> SynVae:
    """Loads the SynVAE of a folder or, of a run, the best one, in evaluation mode on the CPU.

    Raises:
        WeightsError: naming the file and what is wrong with it.
    """
    return load_model(SynVae, SynVaeConfig, model_folder(path))
