"""A convolutional VAE on raw waveforms of any length, with a sequence of latents.

Small, and in the spirit of RAVE (Caillon & Esling 2021, arXiv 2111.05011): strided convolutions on
sub-bands, and a decoder that adds noise, shaped in each band, to what it draws itself. The first
and the last layer start as a critically sampled lapped transform (the MDCT of Princen, Johnson &
Bradley 1987), which gives a waveform back exactly; from there they learn.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synvae_core.types import Posterior, WaveformOutput

COMPRESSION, COMPRESSED = 1000.0, 4.0  # quiet bands are made nearly as large as loud ones
LOW = 4.0  # minus about it, log-variances start: with little noise


@dataclass(frozen=True)
class ConvolutionalConfig:
    """Sizes of the convolutional model.

    Attributes:
        rate: of the waveforms, in Hz; nothing but their sound depends on it.
        bands: of the lapped transform, each `rate / bands` numbers a second.
        channels: of the layers between the strides, one more than those.
        strides: even; with the bands, their product is the samples of a latent frame.
        latent_channels: numbers of a latent frame.
    """

    rate: int = 22_050
    bands: int = 32
    channels: tuple[int, ...] = (48, 64, 96, 128, 192)
    strides: tuple[int, ...] = (2, 2, 2, 4)
    latent_channels: int = 16

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
        """Latent numbers that a second of sound is coded in."""
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
        # Drums are soft on the whole, and softer where they are high: the start says so.
        self.heads.weight.data *= 0.3
        soft = torch.linspace(-1.5, -3, bands)
        self.heads.bias = nn.Parameter(torch.cat([torch.zeros(bands), soft, soft]))

    def encode(self, waveforms: Float[Tensor, "b n"]) -> Posterior:
        """The posterior of waveforms within -1..1.

        Raises:
            ValueError: unless their length is a multiple of `config.frame`.
        """
        if not waveforms.shape[1] or waveforms.shape[1] % self.config.frame:
            raise ValueError(
                f"expected waveforms of a multiple of {self.config.frame} samples, got "
                f"{waveforms.shape[1]}: cut or pad them"
            )
        bands = (COMPRESSION * self.analysis(waveforms[:, None])).asinh() / COMPRESSED
        # Their size as well, which says how loud a band is; its sign changes with every number.
        mu, logvar = self.encoder(torch.cat([bands, bands.abs()], 1)).chunk(2, 1)
        return Posterior(mu.flatten(1), (logvar - LOW).clamp(-12, 4).flatten(1))

    def decode(
        self, z: Float[Tensor, "b z"], *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "b n"]:
        """The waveforms of latents; of the noise in them, other draws sound alike."""
        x = self.heads(nn.functional.gelu(self.decoder(self.frames(z))))
        shape, loud, noisy = x.chunk(3, 1)
        noise = torch.empty_like(noisy).uniform_(-1, 1, generator=generator)
        bands = shape.tanh() * _amplitude(loud) + noise * _amplitude(noisy)
        return self.synthesis(bands)[:, 0]

    def frames(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b latent_channels frames"]:
        """The latents as a sequence."""
        return z.unflatten(1, (self.config.latent_channels, -1))

    def forward(
        self,
        waveforms: Float[Tensor, "b n"],
        *,
        sample: bool = True,
        generator: torch.Generator | None = None,
    ) -> WaveformOutput:
        """The reconstruction through a sample of the posterior or, without `sample`, its mean."""
        posterior = self.encode(waveforms)
        z = posterior.sample(generator) if sample else posterior.mu
        return WaveformOutput(self.decode(z, generator=generator), posterior)


class Residual(nn.Module):
    """Two dilated convolutions whose sum with their input goes on; at first nothing is added."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv1d(channels, channels, 3, padding=2, dilation=2)
        self.second = nn.Conv1d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
        gelu = nn.functional.gelu
        return x + self.second(gelu(self.first(gelu(x))))


def mdct_basis(bands: int) -> Float[Tensor, "bands samples"]:
    """Orthonormal cosines of twice as many samples as bands, under a sine window."""
    samples = torch.arange(2 * bands, dtype=torch.float64) + 0.5
    band = torch.arange(bands, dtype=torch.float64)[:, None] + 0.5
    cosines = torch.cos(math.pi / bands * (samples + bands / 2) * band)
    window = torch.sin(math.pi / (2 * bands) * samples)
    return (math.sqrt(2 / bands) * window * cosines).float()


def _down(channels: int, more: int, stride: int) -> nn.Sequential:
    strided = nn.Conv1d(channels, more, 2 * stride, stride, stride // 2)
    return nn.Sequential(nn.GELU(), strided)


def _up(channels: int, fewer: int, stride: int) -> nn.Sequential:
    strided = nn.ConvTranspose1d(channels, fewer, 2 * stride, stride, stride // 2)
    return nn.Sequential(nn.GELU(), strided)


def _start(layer: nn.Module) -> None:
    """First weights that keep the size of what passes (He et al. 2015, arXiv 1502.01852).

    With PyTorch's own, the code hardly varies at first, and its noise hides it for hundreds of
    steps. What residual layers add still starts at zero.
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
    """Positive, from silence to 2, steeper than a sigmoid, as loudness is; DDSP's."""
    return 2 * x.sigmoid() ** math.log(10) + 1e-7
