"""Non-autoregressive melody VAE of MLP-Mixer layers: SynVAE trains with it in minutes on a CPU.

The layers are those of Tolstikhin et al. 2021, "MLP-Mixer", arXiv 2105.01601, over the steps of a
melody instead of the patches of a picture.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from synvae_core.fields import Count, Size, Steps
from synvae_core.models.melody.couplings import Coupling, one_hot, straight_through
from synvae_core.models.melody.interfaces import GREEDY, MelodyDecoder, Played, Playing
from synvae_core.music.coding import coding_named
from synvae_core.types import Decoded, Posterior


@dataclass(frozen=True)
class MixerMelodyConfig:
    """Sizes of a melody VAE with a non-autoregressive decoder."""

    steps: Steps = 32  # two bars of sixteenths
    latent_dim: Size = 64
    patch: Steps = 2  # steps that are mixed as one; two sixteenths, the usual note of the corpus
    channels: Size = 128
    hidden_channels: Size = 256
    hidden_patches: Size = 64
    encoder_blocks: Count = 3
    decoder_blocks: Count = 3
    # Starting with a narrow posterior lets the decoder learn from z at once; from sigma = 1 the
    # KL wins first and the posterior stays collapsed for long.
    initial_logvar: float = -4.0
    # Distribution from which `sample` draws z. A learned prior is to be another name here, its
    # weights beside the others in the same file.
    prior: str = "standard_normal"
    coding: str = "one_voice"  # of `music.coding.CODINGS`

    def __post_init__(self) -> None:
        if self.length % self.patch:
            raise ValueError(f"{self.length} steps do not fall into patches of {self.patch}")
        if self.prior != "standard_normal":
            raise ValueError(f"prior {self.prior!r} is unknown; this version has standard_normal")

    def build(self) -> tuple["MixerEncoder", "MixerDecoder"]:
        return MixerEncoder(self), MixerDecoder(self)

    @property
    def length(self) -> int:
        return self.steps * coding_named(self.coding).voices

    @property
    def patches(self) -> int:
        return self.length // self.patch

    @property
    def patch_size(self) -> int:
        return self.patch * coding_named(self.coding).size


class MixerBlock(nn.Module):
    """Mixes the channels of each patch, then the patches of each channel, both residually."""

    def __init__(self, config: MixerMelodyConfig):
        super().__init__()
        self.channel_mix = nn.Sequential(
            nn.LayerNorm(config.channels),
            nn.Linear(config.channels, config.hidden_channels),
            nn.ReLU(),
            nn.Linear(config.hidden_channels, config.channels),
        )
        self.patch_norm = nn.LayerNorm(config.channels)
        self.patch_mix = nn.Sequential(
            nn.Linear(config.patches, config.hidden_patches),
            nn.ReLU(),
            nn.Linear(config.hidden_patches, config.patches),
        )

    def forward(self, x: Float[Tensor, "b p c"]) -> Float[Tensor, "b p c"]:
        x = x + self.channel_mix(x)
        return x + self.patch_mix(self.patch_norm(x).transpose(1, 2)).transpose(1, 2)


class MixerEncoder(nn.Module):
    """Notes -> posterior."""

    def __init__(self, config: MixerMelodyConfig):
        super().__init__()
        self.size = coding_named(config.coding).size
        self.shape = (config.patches, config.patch_size)
        self.embedding = nn.Linear(config.patch_size, config.channels)
        self.position = nn.Parameter(torch.zeros(config.patches, config.channels))
        self.blocks = nn.Sequential(*(MixerBlock(config) for _ in range(config.encoder_blocks)))
        self.norm = nn.LayerNorm(config.channels)
        self.head = nn.Linear(config.patches * config.channels, 2 * config.latent_dim)
        nn.init.normal_(self.position, std=0.02)
        nn.init.constant_(self.head.bias[config.latent_dim :], config.initial_logvar)

    def forward(
        self,
        notes: Float[Tensor, "b t events"] | Int[Tensor, "b t"],
        lengths: Int[Tensor, " b"] | None = None,
    ) -> Posterior:
        if lengths is not None:
            raise ValueError("this encoder reads melodies of one length; pass no lengths")
        if not notes.is_floating_point():
            notes = one_hot(notes, self.size)
        patches = notes.flatten(1).unflatten(-1, self.shape)  # (b, t, e) -> (b, p, patch * e)
        x = self.norm(self.blocks(self.embedding(patches) + self.position))
        mu, logvar = self.head(x.flatten(1)).chunk(2, dim=-1)
        return Posterior(mu, logvar)


class MixerDecoder(MelodyDecoder):
    """z -> logits of all steps at once: no event is fed back, so teacher forcing has no effect."""

    def __init__(self, config: MixerMelodyConfig):
        super().__init__()
        self.steps, self.coding = config.steps, coding_named(config.coding)
        self.shape = (config.patches, config.channels)
        self.input = nn.Linear(config.latent_dim, config.patches * config.channels)
        self.blocks = nn.Sequential(*(MixerBlock(config) for _ in range(config.decoder_blocks)))
        self.norm = nn.LayerNorm(config.channels)
        self.output = nn.Linear(config.channels, config.patch_size)

    def logits(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b t events"]:
        """Logits of all steps."""
        x = self.input(z).unflatten(-1, self.shape)
        x = self.output(self.norm(self.blocks(x)))  # (b, p, patch * events)
        return x.flatten(1).unflatten(-1, (-1, self.coding.size))

    def teacher_forced(
        self, z: Float[Tensor, "b z"], events: Int[Tensor, "b t"]
    ) -> Float[Tensor, "b t events"]:
        return self.logits(z)

    def forward(self, z: Float[Tensor, "b z"], couple: Coupling = straight_through) -> Decoded:
        logits = self.logits(z)
        return Decoded(logits, couple(logits, self.coding))

    @torch.no_grad()
    def play(self, z: Float[Tensor, "b z"], playing: Playing = GREEDY) -> Played:
        logits = self.logits(z)
        return Played(playing.choose(logits), logits if playing.keep_logits else None)
