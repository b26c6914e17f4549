"""Speech-to-image VAE and VAE-GAN generator, from a spoken digit to a picture of it.

Żelaszczyk & Mańdziuk 2021, "Audio-to-Image Cross-Modal Generation", arXiv 2109.13354. The
published sizes have 20,950,529 parameters (VAE) and 7,909,382 (VAE-GAN, with its discriminator,
which is in `discriminator`). The compact VAE-GAN adds noise for what speech does not determine,
such as the slant of a digit; a style encoder infers it from a given picture, as in Bao et al. 2017,
"CVAE-GAN", arXiv 1703.10155.
"""

from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from synvae_core.models.speech.config import (
    Layers,
    SpeechImageConfig,
    features_left,
    steps,
)
from synvae_core.models.speech.recall import MOVES, recall
from synvae_core.models.storage import load_model, model_folder
from synvae_core.models.visual import moved_pictures
from synvae_core.types import Posterior, SpokenPicture

CHUNK = 500  # recordings at a time; bounds the memory
STYLE_LAYERS: Layers = ((16, 4, 1), (32, 4, 1))
STYLE_WIDTH = 128
INK_MEAN, INK_SPREAD = -3.0, 3.0  # initial logits of the pixels, where they are normalised


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
        *_, bias = self.logvar.parameters()
        nn.init.constant_(bias, config.initial_logvar)

    def forward(self, spectrograms: Float[Tensor, "b 1 side side"]) -> Posterior:
        x = self.layers(spectrograms)
        return Posterior(self.mu(x), self.logvar(x))


class SpeechPainter(nn.Module):
    """Latents, with noise if the model has any, -> picture in [0, 1]."""

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
        if isinstance(norm := layers[-2], nn.BatchNorm2d):
            # Most of a picture is blank, and at Adam's pace a bias is long on its way there.
            nn.init.constant_(norm.weight, INK_SPREAD)
            nn.init.constant_(norm.bias, INK_MEAN)

    def forward(self, code: Float[Tensor, "b code"]) -> Float[Tensor, "b 1 side side"]:
        return self.layers(code)


class StyleEncoder(nn.Module):
    """Picture and the latents of its speech -> posterior of the noise, which is its style."""

    def __init__(self, config: SpeechImageConfig):
        super().__init__()
        layers: list[nn.Module] = []
        for before, (after, kernel, padding) in steps(1, STYLE_LAYERS):
            layers.append(nn.Conv2d(before, after, kernel, stride=2, padding=padding))
            layers.append(nn.LeakyReLU(config.leak))
        self.layers = nn.Sequential(*layers, nn.Flatten())
        width = features_left(config.image_size, STYLE_LAYERS) + config.latent_dim
        self.hidden = nn.Sequential(nn.Linear(width, STYLE_WIDTH), nn.LeakyReLU(config.leak))
        self.output = nn.Linear(STYLE_WIDTH, 2 * config.noise_dim)
        nn.init.zeros_(self.output.weight)  # at first every style is N(0, I)
        nn.init.zeros_(self.output.bias)

    def forward(self, pictures: Float[Tensor, "b 1 h w"], code: Float[Tensor, "b z"]) -> Posterior:
        features = torch.cat([self.layers(pictures), code], 1)
        return Posterior(*self.output(self.hidden(features)).chunk(2, 1))


class SpeechToImage(nn.Module):
    """Spectrogram of speech -> latents -> picture; a VAE, or the generator of a VAE-GAN.

    With `remembered` codes of training recordings, what is drawn is drawn of what they recall.
    """

    remembered: Float[Tensor, "n z"] | None

    def __init__(self, config: SpeechImageConfig):
        super().__init__()
        self.config = config
        self.encoder = SpeechEncoder(config)
        self.decoder = SpeechPainter(config)
        self.style = StyleEncoder(config) if config.noise_dim else None
        self._keep(torch.zeros(config.remembered, config.latent_dim))

    def train(self, mode: bool = True) -> "SpeechToImage":
        """Sets the mode; a frozen encoder stays in evaluation mode, without dropout."""
        super().train(mode)
        self.encoder.train(mode and any(p.requires_grad for p in self.encoder.parameters()))
        return self

    def start_as(self, other: "SpeechToImage") -> None:
        """Copies the weights of a trained model, not what it remembers.

        Raises:
            ValueError: if it has another configuration.
        """
        if (config := replace(other.config, remembered=self.config.remembered)) != self.config:
            raise ValueError(
                f"the model to start from has another configuration: {config}, and this one "
                f"{self.config}"
            )
        known = other.state_dict().items()
        self.load_state_dict({k: v for k, v in known if k != "remembered"}, strict=False)

    @torch.no_grad()
    def remember(self, spectrograms: Float[Tensor, "n 1 side side"]) -> None:
        """Keeps the codes of training recordings, by which others are understood from now on."""
        codes = [self.encode(part).mu for part in spectrograms.split(CHUNK)]
        self.config = replace(self.config, remembered=len(spectrograms))
        self._keep(torch.cat(codes))

    def _keep(self, codes: Float[Tensor, "n z"]) -> None:
        # Half precision: what is averaged of them needs no more.
        self.register_buffer("remembered", codes.half() if len(codes) else None)

    def hear_as(self, other: "SpeechToImage") -> None:
        """Copies the encoder of a trained model, and freezes it.

        Raises:
            ValueError: if it has other sizes.
        """
        known, given = self.encoder.state_dict(), other.encoder.state_dict()
        if {k: v.shape for k, v in known.items()} != {k: v.shape for k, v in given.items()}:
            raise ValueError(
                "the encoder to take over has other sizes: give a model whose encoder and "
                f"latent_dim are those of {self.config}"
            )
        self.encoder.load_state_dict(given)
        self.encoder.requires_grad_(False)

    def encode(self, spectrograms: Float[Tensor, "b 1 side side"]) -> Posterior:
        """Posterior of spectrograms in [0, 1]."""
        return self.encoder(spectrograms)

    def decode(
        self, z: Float[Tensor, "b z"], noise: Float[Tensor, "b noise"] | None = None
    ) -> Float[Tensor, "b 1 h w"]:
        """Pictures of latents; unless noise is given, of noise 0, the mean style."""
        if noise is None:
            noise = z.new_zeros(len(z), self.config.noise_dim)
        return self.decoder(torch.cat([z, noise], 1))

    def forward(
        self,
        spectrograms: Float[Tensor, "b 1 side side"],
        pictures: Float[Tensor, "b 1 h w"] | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> SpokenPicture:
        """Pictures of posterior samples or, in a model with noise, of means and sampled noise.

        Args:
            pictures: in whose styles the latents are decoded as well, where the model has noise.
        """
        posterior = self.encode(spectrograms)
        # With noise for what speech does not determine, nothing else is sampled.
        z = posterior.mu if self.config.noise_dim else posterior.sample(generator)
        shape = (len(z), self.config.noise_dim)
        noise = torch.randn(shape, generator=generator, dtype=z.dtype, device=z.device)
        if pictures is None or self.style is None:
            return SpokenPicture(self.decode(z, noise), posterior)
        style = self.style(pictures, posterior.mu)
        # In one batch, so that batch norms share statistics, as they do in evaluation.
        noises = torch.cat([noise, style.sample(generator)])
        drawn, styled = self.decode(torch.cat([z, z]), noises).chunk(2)
        return SpokenPicture(drawn, posterior, styled, style)

    @torch.no_grad()
    def draw(
        self,
        spectrograms: Float[Tensor, "n 1 side side"],
        *,
        sample: bool = False,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "n 1 h w"]:
        """Pictures of recordings, decoded from posterior means or, with `sample`, from samples.

        In a model with noise it is the noise that is sampled, or 0.
        """
        pictures = [spectrograms.new_zeros(0, 1, self.config.image_size, self.config.image_size)]
        for part in spectrograms.split(CHUNK) if len(spectrograms) else ():
            code = self.understand(part)
            noise = None
            if sample and self.config.noise_dim:
                shape = (len(part), self.config.noise_dim)
                noise = torch.randn(
                    shape, generator=generator, dtype=part.dtype, device=part.device
                )
            elif sample:
                code = Posterior(code, self.encode(part).logvar).sample(generator)
            pictures.append(self.decode(code, noise))
        return torch.cat(pictures)

    def understand(self, spectrograms: Float[Tensor, "b 1 side side"]) -> Float[Tensor, "b z"]:
        """Codes to draw from: the means or, of a model that remembers, what they recall.

        Recalled is by the mean direction of the codes of a recording as it is and moved a little
        (`recall`).
        """
        if self.remembered is None:
            return self.encode(spectrograms).mu
        directions = []
        for part in spectrograms.split(CHUNK // len(MOVES)):
            codes = self.encode(moved_pictures(part, MOVES).flatten(0, 1)).mu
            directions.append(F.normalize(codes).unflatten(0, (len(part), len(MOVES))).mean(1))
        return recall(torch.cat(directions), self.remembered)


def load_speech_image(path: str | Path) -> SpeechToImage:
    """Loads the model of a folder or, of a run, the best one, in evaluation mode on the CPU.

    Raises:
        WeightsError: naming the file and what is wrong with it.
    """
    return load_model(SpeechToImage, SpeechImageConfig, model_folder(path))
