"""Convolutional VAE of raw waveforms of any length, with a sequence of latents.

Small, and in the spirit of RAVE (Caillon & Esling 2021, arXiv 2111.05011): strided convolutions on
sub-bands, and a decoder that adds noise, shaped in each band, to a deterministic part. The first
and the last layer are initialised as a critically sampled lapped transform with perfect
reconstruction (the MDCT of Princen, Johnson & Bradley 1987), and trained from there.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synvae_core.fields import Size
from synvae_core.types import Posterior, WaveformOutput

COMPRESSION, COMPRESSED = 1000.0, 4.0  # asinh compression: quiet bands nearly as large as loud ones
LOW = 4.0  # log-variances start near -LOW: with little noise
CONTEXT = 8  # latent frames on either side of a loop: more than the convolutions reach


@dataclass(frozen=True)
class ConvolutionalConfig:
    """Sizes of the convolutional model.

    Attributes:
        rate: of the waveforms, in Hz; no layer depends on it.
        bands: of the lapped transform, each sampled at `rate / bands`.
        channels: before, between and after the strides: one more than those.
        strides: even; their product times the bands is the samples of a latent frame.
        latent_channels: dimensions of a latent frame.
    """

    rate: Size = 22_050
    bands: Size = 32
    channels: tuple[Size, ...] = (48, 64, 96, 128, 192)
    strides: tuple[Size, ...] = (2, 2, 2, 4)
    latent_channels: Size = 16

    def __post_init__(self) -> None:
        # JSON has no tuples; the configuration must compare equal after a round trip.
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "strides", tuple(self.strides))
        if len(self.channels) != len(self.strides) + 1 or any(s < 2 or s % 2 for s in self.strides):
            raise ValueError(
                "expected even strides and one channel count more than strides, got strides "
                f"{self.strides} and channels {self.channels}"
            )

    @property
    def frame(self) -> int:
        """Samples of a latent frame."""
        return self.bands * math.prod(self.strides)

    @property
    def numbers_per_second(self) -> float:
        """Latent dimensions per second of sound."""
        return self.latent_channels * self.rate / self.frame


class ConvolutionalWaveformVae(nn.Module):
    """Waveforms (b, n), n a multiple of `config.frame`, to latents and back; prior N(0, I).

    A latent (b, z) is a sequence of frames, flattened: `frames` unfolds it.
    """

    def __init__(self, config: ConvolutionalConfig = ConvolutionalConfig()):
        super().__init__()
        self.config = config
        bands, channels, strides = config.bands, config.channels, config.strides
        lapped = (
            2 * bands,
            bands,
            bands // 2,
        )  # samples of a window, from one to the next, of padding
        self.analysis = nn.Conv1d(1, bands, *lapped, bias=False)
        self.synthesis = nn.ConvTranspose1d(bands, 1, *lapped, bias=False)
        for layer in (self.analysis, self.synthesis):
            layer.weight.data.copy_(mdct_basis(bands)[:, None])
        down: list[nn.Module] = [nn.Conv1d(2 * bands, channels[0], 3, padding=1)]
        up: list[nn.Module] = []
        for i, stride in enumerate(strides):
            down += [Residual(channels[i]), _down(channels[i], channels[i + 1], stride)]
            up = [_up(channels[i + 1], channels[i], stride), Residual(channels[i]), *up]
        top, latent = channels[-1], config.latent_channels
        residual, to_latents = Residual(top), nn.Conv1d(top, 2 * latent, 1)
        self.encoder = nn.Sequential(*down, residual, nn.GELU(), to_latents)
        self.decoder = nn.Sequential(nn.Conv1d(latent, top, 3, padding=1), Residual(top), *up)
        self.heads = nn.Conv1d(channels[0], 3 * bands, 3, padding=1)
        for part in (self.encoder, self.decoder, self.heads):
            part.apply(_start)
        to_latents.weight.data[latent:] = 0  # of the log-variances
        # Initial levels of the bands: drums are soft on the whole, and softer where they are high.
        self.heads.weight.data *= 0.3
        soft = torch.linspace(-1.5, -3, bands)
        self.heads.bias = nn.Parameter(torch.cat([torch.zeros(bands), soft, soft]))

    def encode(self, waveforms: Float[Tensor, "b n"]) -> Posterior:
        """Posterior of waveforms within -1..1.

        Raises:
            ValueError: unless their length is a multiple of `config.frame`.
        """
        if not waveforms.shape[1] or waveforms.shape[1] % self.config.frame:
            raise ValueError(
                f"expected waveforms of a multiple of {self.config.frame} samples, got "
                f"{waveforms.shape[1]}: cut or pad them"
            )
        bands = (COMPRESSION * self.analysis(waveforms[:, None])).asinh() / COMPRESSED
        # Magnitudes as well, which tell loudness: signs change from one coefficient to the next.
        mu, logvar = self.encoder(torch.cat([bands, bands.abs()], 1)).chunk(2, 1)
        return Posterior(mu.flatten(1), (logvar - LOW).clamp(-12, 4).flatten(1))

    def decode(
        self, z: Float[Tensor, "b z"], *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "b n"]:
        """Waveforms of latents; other samples of their noise sound alike."""
        x = self.heads(nn.functional.gelu(self.decoder(self.frames(z))))
        return self.synthesis(_bands(x, generator))[:, 0]

    def encode_loop(self, waveforms: Float[Tensor, "b n"]) -> Posterior:
        """Posterior of whole loops, in which the beginning follows the end.

        Raises:
            ValueError: as `encode`.
        """
        frame = self.config.frame
        posterior = self.encode(_around(waveforms, CONTEXT * frame))
        frames = (self.frames(each)[..., CONTEXT:-CONTEXT] for each in posterior)
        return Posterior(*(each.flatten(1) for each in frames))

    def decode_loop(
        self, z: Float[Tensor, "b z"], *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "b n"]:
        """Waveforms of latents that repeat without a seam: the beginning follows the end."""
        frames, bands = self.frames(z), self.config.bands
        x = self.heads(nn.functional.gelu(self.decoder(_around(frames, CONTEXT))))
        beside = CONTEXT * (self.config.frame // bands)
        # The noise goes around as well; of the lapped transform each window reaches the next.
        made = _bands(x[..., beside:-beside], generator)
        return self.synthesis(_around(made, 1))[:, 0, bands:-bands]

    def frames(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b latent_channels frames"]:
        """Latents as a sequence of frames."""
        return z.unflatten(1, (self.config.latent_channels, -1))

    def forward(
        self,
        waveforms: Float[Tensor, "b n"],
        *,
        sample: bool = True,
        generator: torch.Generator | None = None,
    ) -> WaveformOutput:
        """Reconstruction from a sample of the posterior or, without `sample`, from its mean."""
        posterior = self.encode(waveforms)
        z = posterior.sample(generator) if sample else posterior.mu
        return WaveformOutput(self.decode(z, generator=generator), posterior)


class Residual(nn.Module):
    """Residual block of two convolutions, the first one dilated; initially the identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv1d(channels, channels, 3, padding=2, dilation=2)
        self.second = nn.Conv1d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
        gelu = nn.functional.gelu
        return x + self.second(gelu(self.first(gelu(x))))


def mdct_basis(bands: int) -> Float[Tensor, "bands samples"]:
    """Orthonormal basis of the MDCT: cosines of 2 x `bands` samples under a sine window."""
    samples = torch.arange(2 * bands, dtype=torch.float64) + 0.5
    band = torch.arange(bands, dtype=torch.float64)[:, None] + 0.5
    cosines = torch.cos(math.pi / bands * (samples + bands / 2) * band)
    window = torch.sin(math.pi / (2 * bands) * samples)
    return (math.sqrt(2 / bands) * window * cosines).float()


def _around(x: Float[Tensor, "*b n"], beside: int) -> Float[Tensor, "*b wider"]:
    """Something that repeats, with `beside` of it on either side of one time round."""
    places = torch.arange(-beside, x.shape[-1] + beside, device=x.device)
    return x[..., places.remainder(x.shape[-1])]


def _bands(x: Float[Tensor, "b c t"], generator: torch.Generator | None) -> Float[Tensor, "b d t"]:
    """Sub-bands of what the heads give: a deterministic part, and noise of its own level."""
    shape, loud, noisy = x.chunk(3, 1)
    noise = torch.empty_like(noisy).uniform_(-1, 1, generator=generator)
    return shape.tanh() * _amplitude(loud) + noise * _amplitude(noisy)


def _down(channels: int, more: int, stride: int) -> nn.Sequential:
    strided = nn.Conv1d(channels, more, 2 * stride, stride, stride // 2)
    return nn.Sequential(nn.GELU(), strided)


def _up(channels: int, fewer: int, stride: int) -> nn.Sequential:
    strided = nn.ConvTranspose1d(channels, fewer, 2 * stride, stride, stride // 2)
    return nn.Sequential(nn.GELU(), strided)


def _start(layer: nn.Module) -> None:
    """Initialises weights to keep the variance of activations (He et al. 2015, arXiv 1502.01852).

    With PyTorch's defaults the latent means hardly vary at first, and noise hides them for hundreds
    of steps. Residual branches still start at zero.
    """
    if isinstance(layer, Residual):
        nn.init.zeros_(layer.second.weight)
    if not isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
        return
    (kernel,), (stride,) = layer.kernel_size, layer.stride
    reached = kernel / stride if isinstance(layer, nn.ConvTranspose1d) else kernel
    nn.init.normal_(layer.weight, std=math.sqrt(2 / (layer.in_channels * reached)))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _amplitude(x: Tensor) -> Tensor:
    """Amplitude of a logit, from silence to 2: DDSP's sigmoid, steeper than a plain one."""
    return 2 * x.sigmoid() ** math.log(10) + 1e-7
