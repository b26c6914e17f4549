"""Melody VAEs: one encoder interface, one decoder interface.

An encoder maps notes (b, t, 90), one-hot or relaxed, to a posterior. A decoder maps z (b, z) and a
coupling to logits and notes; what it feeds back to itself, if anything, is what the coupling made.

The decoder here plays all steps at once, which keeps SynVAE trainable in minutes on a CPU; the
layers are those of Tolstikhin et al. 2021, "MLP-Mixer", arXiv 2105.01601, over the steps of a
melody instead of the patches of a picture. The VAE follows Roberts et al. 2018, arXiv 1803.05428.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from synvae_core.models.couplings import Coupling, heard_events, one_hot, straight_through
from synvae_core.music.melody import NUM_EVENTS
from synvae_core.types import Decoded, Posterior


@dataclass(frozen=True)
class MixerMelodyConfig:
    """Sizes of a melody VAE whose decoder plays all steps at once."""

    steps: int = 32  # two bars of sixteenths
    latent_dim: int = 64
    patch: int = 2  # steps that are mixed as one; two sixteenths, the usual note of the corpus
    channels: int = 128
    hidden_channels: int = 256
    hidden_patches: int = 64
    encoder_blocks: int = 3
    decoder_blocks: int = 3
    # Starting with a narrow posterior lets the decoder learn from z at once; from sigma = 1 the
    # KL wins first and the code stays empty for long.
    initial_logvar: float = -4.0
    # What `sample` draws z from. A learned prior is to be another name here, its weights beside
    # the others in the same file.
    prior: str = "standard_normal"

    def __post_init__(self) -> None:
        if self.steps % self.patch:
            raise ValueError(f"{self.steps} steps do not fall into patches of {self.patch}")
        if self.prior != "standard_normal":
            raise ValueError(f"prior {self.prior!r} is unknown; this version has standard_normal")

    @property
    def patches(self) -> int:
        return self.steps // self.patch


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
        self.shape = (config.patches, config.patch * NUM_EVENTS)
        self.embedding = nn.Linear(config.patch * NUM_EVENTS, config.channels)
        self.position = nn.Parameter(torch.zeros(config.patches, config.channels))
        self.blocks = nn.Sequential(*(MixerBlock(config) for _ in range(config.encoder_blocks)))
        self.norm = nn.LayerNorm(config.channels)
        self.head = nn.Linear(config.patches * config.channels, 2 * config.latent_dim)
        nn.init.normal_(self.position, std=0.02)
        nn.init.constant_(self.head.bias[config.latent_dim :], config.initial_logvar)

    def forward(self, notes: Float[Tensor, "b t events"]) -> Posterior:
        patches = notes.flatten(1).unflatten(-1, self.shape)  # (b, t, 90) -> (b, p, patch * 90)
        x = self.norm(self.blocks(self.embedding(patches) + self.position))
        mu, logvar = self.head(x.flatten(1)).chunk(2, dim=-1)
        return Posterior(mu, logvar)


class MixerDecoder(nn.Module):
    """z -> logits of all steps at once."""

    def __init__(self, config: MixerMelodyConfig):
        super().__init__()
        self.shape = (config.patches, config.channels)
        self.input = nn.Linear(config.latent_dim, config.patches * config.channels)
        self.blocks = nn.Sequential(*(MixerBlock(config) for _ in range(config.decoder_blocks)))
        self.norm = nn.LayerNorm(config.channels)
        self.output = nn.Linear(config.channels, config.patch * NUM_EVENTS)

    def forward(self, z: Float[Tensor, "b z"], couple: Coupling = straight_through) -> Decoded:
        x = self.input(z).unflatten(-1, self.shape)
        x = self.output(self.norm(self.blocks(x)))  # (b, p, patch * 90)
        logits = x.flatten(1).unflatten(-1, (-1, NUM_EVENTS))
        return Decoded(logits, couple(logits))


class MelodyVae(nn.Module):
    """A melody encoder and a melody decoder that share a latent space with prior N(0, I)."""

    def __init__(self, config: MixerMelodyConfig):
        super().__init__()
        self.config = config
        self.encoder = MixerEncoder(config)
        self.decoder = MixerDecoder(config)

    def forward(
        self, events: Int[Tensor, "b t"], generator: torch.Generator | None = None
    ) -> tuple[Decoded, Posterior]:
        """Reconstruction through a sample of the posterior, as in training."""
        posterior = self.encoder(one_hot(events))
        return self.decoder(reparameterise(posterior, generator)), posterior

    @torch.no_grad()
    def encode(self, events: Int[Tensor, "b t"]) -> Float[Tensor, "b z"]:
        """Posterior means of melodies."""
        return self.encoder(one_hot(events)).mu

    @torch.no_grad()
    def decode(self, z: Float[Tensor, "b z"]) -> Int[Tensor, "b t"]:
        """The likeliest events of latent points, in canonical form."""
        return heard_events(self.decoder(z).logits)

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator) -> Int[Tensor, "n t"]:
        """Melodies decoded from `n` draws of the prior."""
        z = torch.randn(n, self.config.latent_dim, generator=generator)
        return self.decode(z.to(self.decoder.output.weight.device))

    @torch.no_grad()
    def interpolate(
        self, first: Int[Tensor, "t"], second: Int[Tensor, "t"], *, n: int
    ) -> Int[Tensor, "n t"]:
        """`n` melodies on the straight line between two posterior means, both ends included."""
        ends = self.encode(torch.stack([first, second]))
        weight = torch.linspace(0, 1, n, device=ends.device)[:, None]
        return self.decode((1 - weight) * ends[0] + weight * ends[1])


def reparameterise(
    posterior: Posterior, generator: torch.Generator | None = None
) -> Float[Tensor, "b z"]:
    """A sample of the posterior through which gradients pass."""
    noise = torch.randn(
        posterior.mu.shape,
        generator=generator,
        dtype=posterior.mu.dtype,
        device=posterior.mu.device,
    )
    return posterior.mu + noise * (0.5 * posterior.logvar).exp()
