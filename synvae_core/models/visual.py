"""Picture VAEs of 28, 32 and 64 pixels, sized as in SynVAE.

Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218. The
published convolutions follow TensorFlow: 'same' padding at stride 2 pads the last row and column
only, and the transposed one crops the last row and column.

Posterior means may be standardised against posterior collapse: Zhu et al. 2020, "A Batch Normalized
Inference Network Keeps the KL Vanishing Away", arXiv 2004.12585.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from synvae_core.fields import Size
from synvae_core.models.features import load_features
from synvae_core.types import Posterior, VaeOutput

MEANS_DEVIATION = 0.95
READ_FEATURES = 512  # that an encoder makes of those of a frozen network


@dataclass(frozen=True)
class VisualConfig:
    """Sizes of a picture encoder and decoder; both halve or double the side at every layer."""

    image_size: Size
    image_channels: Size
    encoder_channels: tuple[Size, ...]
    decoder_size: Size  # side of the decoder's first feature map
    decoder_input_channels: Size
    decoder_channels: tuple[Size, ...]
    same_padding: bool  # the 28 pixel model pads nothing: 28 -> 13 -> 6
    output_kernel: Size
    latent_dim: Size
    standard_means: bool = False  # posterior means of deviation 0.95 in every latent
    features: str = ""  # of `models.features`, which the encoder sees beside its own; empty: none

    def __post_init__(self) -> None:
        # JSON has no tuples; the configuration must compare equal after a round trip.
        object.__setattr__(self, "encoder_channels", tuple(self.encoder_channels))
        object.__setattr__(self, "decoder_channels", tuple(self.decoder_channels))
        side = self.decoder_size * 2 ** len(self.decoder_channels)
        if side != self.image_size:
            raise ValueError(f"the decoder draws {side} pixels, expected {self.image_size}")


def visual_config(image_size: int, *, latent_dim: int) -> VisualConfig:
    """Published sizes: 28 (MNIST, grey), 32 (CIFAR-10) or 64 pixels (paintings, colour).

    Raises:
        ValueError: for any other size.
    """
    if image_size == 28:
        return VisualConfig(28, 1, (32, 64), 7, 32, (64, 32), False, 3, latent_dim)
    if image_size == 32:
        return VisualConfig(32, 3, (64, 128, 256), 4, 256, (256, 128, 64), True, 1, latent_dim)
    if image_size == 64:
        return VisualConfig(
            64, 3, (64, 128, 128, 256), 4, 256, (256, 128, 128, 64), True, 1, latent_dim
        )
    raise ValueError(f"no published model for {image_size} pixels; choose 28, 32 or 64")


def halved(config: VisualConfig) -> VisualConfig:
    """Half the channels of every layer: a quarter of the time, for what a melody can hold."""
    return replace(
        config,
        encoder_channels=tuple(channels // 2 for channels in config.encoder_channels),
        decoder_input_channels=config.decoder_input_channels // 2,
        decoder_channels=tuple(channels // 2 for channels in config.decoder_channels),
    )


class ImageConvolutions(nn.Module):
    """Strided convolutions of encoders and classifiers; they give `feature_count` features."""

    def __init__(self, config: VisualConfig):
        super().__init__()
        self.same_padding = config.same_padding
        sizes = (config.image_channels, *config.encoder_channels)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(i, o, 3, stride=2) for i, o in zip(sizes[:-1], sizes[1:], strict=True)
        )
        side = config.image_size
        for _ in config.encoder_channels:
            side = side // 2 if config.same_padding else (side - 1) // 2
        self.feature_count = config.encoder_channels[-1] * side * side

    def features(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b features"]:
        """Features of pictures in [0, 1]: all convolutions, each followed by a ReLU."""
        x = images
        for convolution in self.convolutions:
            x = F.pad(x, (0, 1, 0, 1)) if self.same_padding else x
            x = F.relu(convolution(x))
        return x.flatten(1)


class StandardMeans(nn.BatchNorm1d):
    """Batch normalisation of posterior means to a standard deviation of 0.95, without parameters.

    The rest of a variance of 1 is left to the posteriors' own. A batch of one is normalised, as in
    evaluation, by running means and variances.
    """

    def __init__(self, size: int):
        super().__init__(size, affine=False)

    def forward(self, input: Float[Tensor, "b z"]) -> Float[Tensor, "b z"]:
        if len(input) > 1:
            return MEANS_DEVIATION * super().forward(input)
        alone = F.batch_norm(input, self.running_mean, self.running_var, eps=self.eps)
        return MEANS_DEVIATION * alone


class ImageEncoder(ImageConvolutions):
    """Picture in [0, 1] -> posterior.

    With `config.features` it sees those of a frozen network, which is no part of its weights,
    beside those of its own convolutions.

    Raises:
        ValueError: as `load_features`.
    """

    def __init__(self, config: VisualConfig):
        super().__init__(config)
        self.frozen, count = config.features, self.feature_count
        if self.frozen:
            given = load_features(self.frozen).count
            self.read = nn.Sequential(
                nn.BatchNorm1d(given, affine=False), nn.Linear(given, READ_FEATURES), nn.ReLU()
            )
            count += READ_FEATURES
        self.mu = nn.Linear(count, config.latent_dim)
        self.logvar = nn.Linear(count, config.latent_dim)
        standard = config.standard_means
        self.standardise = StandardMeans(config.latent_dim) if standard else nn.Identity()

    def forward(
        self, images: Float[Tensor, "b c h w"], frozen: Float[Tensor, "b features"] | None = None
    ) -> Posterior:
        """Posteriors of pictures; `frozen` are their features, where these are known already."""
        x = self.features(images)
        if self.frozen:
            if frozen is None:
                frozen = load_features(self.frozen).to(images.device)(images)
            x = torch.cat([x, self.read(frozen)], 1)
        return Posterior(self.standardise(self.mu(x)), self.logvar(x))


class ImageDecoder(nn.Module):
    """Latent point -> picture in [0, 1]."""

    def __init__(self, config: VisualConfig):
        super().__init__()
        self.shape = (config.decoder_input_channels, config.decoder_size, config.decoder_size)
        self.input = nn.Linear(
            config.latent_dim, config.decoder_input_channels * config.decoder_size**2
        )
        sizes = (config.decoder_input_channels, *config.decoder_channels)
        self.convolutions = nn.ModuleList(
            nn.ConvTranspose2d(i, o, 3, stride=2)
            for i, o in zip(sizes[:-1], sizes[1:], strict=True)
        )
        self.output = nn.Conv2d(
            sizes[-1],
            config.image_channels,
            config.output_kernel,
            padding=config.output_kernel // 2,
        )

    def forward(
        self, z: Float[Tensor, "b z"], added: Float[Tensor, "b features"] | None = None
    ) -> Float[Tensor, "b c h w"]:
        """Pictures of latents; to the first layer's outputs something may be added."""
        x = self.input(z) if added is None else self.input(z) + added
        x = F.relu(x).unflatten(-1, self.shape)
        x = x.contiguous(memory_format=torch.channels_last)  # up to twice as fast on a CPU
        for convolution in self.convolutions:
            x = F.relu(convolution(x)[..., :-1, :-1])  # 2n + 1 -> 2n, as 'same' does
        return self.output(x).sigmoid()


class VisualVae(nn.Module):
    """VAE of pictures alone, with prior N(0, I)."""

    def __init__(self, config: VisualConfig):
        super().__init__()
        self.config = config
        self.image_encoder = ImageEncoder(config)
        self.image_decoder = ImageDecoder(config)

    def forward(
        self,
        images: Float[Tensor, "b c h w"],
        *,
        sample: bool = True,
        generator: torch.Generator | None = None,
    ) -> VaeOutput:
        """Reconstruction from a sample of the posterior or, without `sample`, from its mean."""
        posterior = self.image_encoder(images)
        z = posterior.sample(generator) if sample else posterior.mu
        return VaeOutput(self.image_decoder(z), posterior)


def moved_pictures(
    images: Float[Tensor, "b c h w"], moves: Sequence[tuple[int, int]]
) -> Float[Tensor, "b m c h w"]:
    """Pictures, or spectrograms, moved by whole pixels; borders are repeated.

    Args:
        moves: pixels, down and to the right.
    """
    farthest = max(abs(by) for move in moves for by in move)
    high, wide = images.shape[2:]
    padded = F.pad(images, 4 * (farthest,), mode="replicate")
    starts = [(farthest - down, farthest - right) for down, right in moves]
    return torch.stack([padded[..., y : y + high, x : x + wide] for y, x in starts], 1)
