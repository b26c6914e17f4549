"""From a spoken digit to a picture of it: a VAE and a VAE-GAN, as published and compact.

Żelaszczyk & Mańdziuk 2021, "Audio-to-Image Cross-Modal Generation", arXiv 2109.13354. The
published sizes have 20,950,529 parameters (VAE) and 7,909,382 (VAE-GAN, with its discriminator,
which is in `speech_image_gan`). The compact VAE-GAN adds noise that says what speech does not, such
as the slant of a digit.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synvae_core.models.sampling import reparameterise
from synvae_core.models.storage import load_model, model_folder
from synvae_core.types import Posterior

Layers = tuple[tuple[int, int, int], ...]  # channels, kernel and padding of each; the stride is 2
NORMS = ("none", "hidden", "published")
CHUNK = 500  # recordings drawn at once; bounds the memory


@dataclass(frozen=True)
class SpeechImageConfig:
    """Sizes of encoder and decoder and, of a VAE-GAN, of the discriminator."""

    encoder: Layers
    encoder_dense: tuple[int, ...]
    latent_dim: int
    decoder_dense: tuple[int, ...]
    decoder_input: tuple[int, int]  # channels and side of the first map; its dense layer is extra
    decoder: Layers  # the last one gives the picture
    discriminator: Layers = ()  # of a VAE, none
    # Batch norm: "published" is on all layers, on mu, logvar and both one-channel outputs, but not
    # on the first ones of decoder and discriminator; "hidden" is on the inner layers of encoder
    # and decoder alone.
    norm: str = "none"
    spectral: bool = False  # spectral norms in the discriminator
    conditional: bool = False  # the discriminator is told the mean of the speech code
    noise_dim: int = 0  # what the decoder is given beside the speech code, N(0, I)
    leak: float = 0.0  # slope below zero in encoder and discriminator
    dropout: float = 0.0  # of what the encoder's convolutions give
    initial_logvar: float = 0.0
    speech_size: int = 48
    image_size: int = 28

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise ValueError(f"norm {self.norm!r} is unknown; choose of {', '.join(NORMS)}")
        side = self.decoder_input[1]
        for _, kernel, padding in self.decoder:
            side = (side - 1) * 2 + kernel - 2 * padding
        if side != self.image_size or self.decoder[-1][0] != 1:
            raise ValueError(
                f"the decoder draws {self.decoder[-1][0]} channels of {side} pixels, expected one "
                f"of {self.image_size}: choose other kernels and paddings"
            )
        if self.decoder_input[1] == 1 and self.decoder_input[0] != self.code_dim:
            raise ValueError(
                f"a decoder that begins at one pixel reads the code: {self.decoder_input[0]} "
                f"channels there, {self.code_dim} dimensions"
            )

    @property
    def code_dim(self) -> int:
        """Dimensions of what the decoder is given."""
        return self.latent_dim + self.noise_dim


def speech_image_config(name: str) -> SpeechImageConfig:
    """The published sizes "vae" and "vae_gan", or "compact_vae" and "compact_vae_gan".

    Raises:
        ValueError: for any other name.
    """
    if name not in _CONFIGS:
        raise ValueError(f"model {name!r} is unknown; choose of {', '.join(_CONFIGS)}")
    return _CONFIGS[name]


_COMPACT = ((16, 3, 1), (32, 3, 1), (64, 3, 1), (128, 3, 1))
_CONFIGS = {
    "vae": SpeechImageConfig(
        encoder=((64, 4, 0), (128, 4, 0)),
        encoder_dense=(1024, 512),
        latent_dim=64,
        decoder_dense=(512, 1024),
        decoder_input=(128, 7),
        decoder=((64, 4, 1), (1, 4, 1)),
    ),
    "vae_gan": SpeechImageConfig(
        encoder=((128, 4, 0), (256, 4, 0), (512, 4, 0)),
        encoder_dense=(),
        latent_dim=64,
        decoder_dense=(),
        decoder_input=(64, 1),
        decoder=((512, 3, 0), (256, 3, 0), (128, 2, 0), (1, 2, 0)),
        discriminator=((128, 4, 0), (256, 4, 0), (512, 4, 0)),
        norm="published",
        leak=0.2,
    ),
    "compact_vae": SpeechImageConfig(
        encoder=_COMPACT,
        encoder_dense=(),
        latent_dim=32,
        decoder_dense=(256,),
        decoder_input=(32, 7),
        decoder=((16, 4, 1), (1, 4, 1)),
        norm="hidden",
        leak=0.2,
        dropout=0.2,
        initial_logvar=-3.0,
    ),
    "compact_vae_gan": SpeechImageConfig(
        encoder=_COMPACT,
        encoder_dense=(),
        latent_dim=32,
        decoder_dense=(256,),
        decoder_input=(64, 7),
        decoder=((32, 4, 1), (1, 4, 1)),
        discriminator=((32, 4, 1), (64, 4, 1), (128, 3, 1)),
        norm="hidden",
        spectral=True,
        conditional=True,
        noise_dim=32,
        leak=0.2,
        dropout=0.2,
        initial_logvar=-3.0,
    ),
}


class SpokenPicture(NamedTuple):
    """What is drawn of speech; `usual` is the picture of the same code without noise."""

    reconstruction: Float[Tensor, "b 1 h w"]
    posterior: Posterior
    usual: Float[Tensor, "b 1 h w"] | None = None


class SpeechEncoder(nn.Module):
    """Spectrogram in [0, 1] -> posterior."""

    def __init__(self, config: SpeechImageConfig):
        super().__init__()
        normed = config.norm != "none"
        layers: list[nn.Module] = []
        for before, (after, kernel, padding) in steps(1, config.encoder):
            layers.append(nn.Conv2d(before, after, kernel, stride=2, padding=padding))
            layers += [nn.BatchNorm2d(after)] * normed + [nn.LeakyReLU(config.leak)]
        layers += [nn.Flatten(), nn.Dropout(config.dropout)]
        width = features_left(config.speech_size, config.encoder)
        for after in config.encoder_dense:
            layers += [nn.Linear(width, after), nn.LeakyReLU(config.leak)]
            width = after
        self.layers = nn.Sequential(*layers)
        # Published as convolutions of a map's own size, which is what dense layers are.
        self.mu, self.logvar = (
            nn.Sequential(
                nn.Linear(width, config.latent_dim),
                *[nn.BatchNorm1d(config.latent_dim)] * (config.norm == "published"),
            )
            for _ in range(2)
        )
        nn.init.constant_(self.logvar[-1].bias, config.initial_logvar)

    def forward(self, spectrograms: Float[Tensor, "b 1 side side"]) -> Posterior:
        x = self.layers(spectrograms)
        return Posterior(self.mu(x), self.logvar(x))


class SpeechPainter(nn.Module):
    """Code, with noise if the model has any, -> picture in [0, 1]."""

    def __init__(self, config: SpeechImageConfig):
        super().__init__()
        channels, side = config.decoder_input
        sizes = [config.code_dim, *config.decoder_dense]
        layers: list[nn.Module] = []
        if side > 1:
            for before, after in zip(sizes, [*sizes[1:], channels * side**2], strict=True):
                layers += [nn.Linear(before, after), nn.ReLU()]
        layers.append(nn.Unflatten(1, (channels, side, side)))
        last = len(config.decoder) - 1
        for i, (before, (after, kernel, padding)) in enumerate(steps(channels, config.decoder)):
            layers.append(nn.ConvTranspose2d(before, after, kernel, stride=2, padding=padding))
            normed = 0 < i if config.norm == "published" else i < last and config.norm == "hidden"
            layers += [nn.BatchNorm2d(after)] * normed
            layers.append(nn.ReLU() if i < last else nn.Sigmoid())
        self.layers = nn.Sequential(*layers)

    def forward(self, code: Float[Tensor, "b code"]) -> Float[Tensor, "b 1 side side"]:
        return self.layers(code)


class SpeechToImage(nn.Module):
    """A spectrogram of speech -> its code -> a picture; a VAE, or the generator of a VAE-GAN."""

    def __init__(self, config: SpeechImageConfig):
        super().__init__()
        self.config = config
        self.encoder = SpeechEncoder(config)
        self.decoder = SpeechPainter(config)

    def encode(self, spectrograms: Float[Tensor, "b 1 side side"]) -> Posterior:
        """The posterior of spectrograms in [0, 1]."""
        return self.encoder(spectrograms)

    def decode(
        self, z: Float[Tensor, "b z"], noise: Float[Tensor, "b noise"] | None = None
    ) -> Float[Tensor, "b 1 h w"]:
        """The picture of a code; without noise that of noise 0, the usual one."""
        if noise is None:
            noise = z.new_zeros(len(z), self.config.noise_dim)
        return self.decoder(torch.cat([z, noise], 1))

    def forward(
        self,
        spectrograms: Float[Tensor, "b 1 side side"],
        *,
        generator: torch.Generator | None = None,
        usual: bool = False,
    ) -> SpokenPicture:
        """The picture of a code drawn from the posterior and of noise drawn from N(0, I)."""
        posterior = self.encode(spectrograms)
        z = reparameterise(posterior, generator)
        shape = (len(z), self.config.noise_dim)
        noise = torch.randn(shape, generator=generator, dtype=z.dtype, device=z.device)
        if not usual:
            return SpokenPicture(self.decode(z, noise), posterior)
        # Together, so that batch norms do not treat them as two kinds, which later they cannot.
        both = self.decode(torch.cat([z, z]), torch.cat([noise, torch.zeros_like(noise)]))
        picture, without_noise = both.chunk(2)
        return SpokenPicture(picture, posterior, without_noise)

    @torch.no_grad()
    def draw(
        self,
        spectrograms: Float[Tensor, "n 1 side side"],
        *,
        sample: bool = False,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "n 1 h w"]:
        """The pictures of recordings, of the means of their posteriors or of draws from them."""
        pictures = [spectrograms.new_zeros(0, 1, self.config.image_size, self.config.image_size)]
        for part in spectrograms.split(CHUNK) if len(spectrograms) else ():
            if sample:
                pictures.append(self(part, generator=generator).reconstruction)
            else:
                pictures.append(self.decode(self.encode(part).mu))
        return torch.cat(pictures)


def load_speech_image(path: str | Path) -> SpeechToImage:
    """The model of a folder or, of a run, the best one, in evaluation mode on the CPU.

    Raises:
        WeightsError: naming the file and what is wrong with it.
    """
    return load_model(SpeechToImage, SpeechImageConfig, model_folder(path))


def steps(first: int, layers: Layers) -> list[tuple[int, tuple[int, int, int]]]:
    """Each layer with the channels that it reads."""
    channels = [first, *(layer[0] for layer in layers[:-1])]
    return list(zip(channels, layers, strict=True))


def features_left(side: int, layers: Layers) -> int:
    """How many numbers strided convolutions leave of a map of that side."""
    left = side
    for _, kernel, padding in layers:
        left = (left + 2 * padding - kernel) // 2 + 1
        if left < 1:
            raise ValueError(
                f"the convolutions leave nothing of {side} pixels: take fewer or smaller ones"
            )
    return layers[-1][0] * left * left
