"""Fully connected VAE of raw waveforms, about 30,000 samples at once.

Dognin & Ritchie trained such a model on ten drum loops of five seconds. Here its first and last
layers are fixed to the principal components of the training windows: the squared error of such a
window is that of its coefficients, and training costs next to nothing.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synvae_core.fields import Size
from synvae_core.types import Posterior, WaveformOutput

LOW = 6.0  # log-variances start at -LOW: with little noise


@dataclass(frozen=True)
class DenseConfig:
    """Sizes of the fully connected model.

    Attributes:
        rate: of the waveforms, in Hz.
        samples: of a window.
        components: principal components, the fixed first and last layer.
        hidden: units of each of the layers between.
        latent_dim: of a window; not more than the components.
    """

    rate: Size = 11_025
    samples: Size = 28_672
    components: Size = 512
    hidden: Size = 512
    latent_dim: Size = 128

    def __post_init__(self) -> None:
        if not 1 <= self.latent_dim <= self.components <= self.samples:
            raise ValueError(
                "expected latent_dim <= components <= samples, got "
                f"{self.latent_dim}, {self.components} and {self.samples}"
            )

    @property
    def numbers_per_second(self) -> float:
        """Latent dimensions per second of sound."""
        return self.latent_dim * self.rate / self.samples


class DenseWaveformVae(nn.Module):
    """Windows (b, samples) to latents and back, with prior N(0, I).

    It is initialised as PCA with the first `latent_dim` components: what the hidden layers add to
    that starts at zero. `learn_components` has to come before training.
    """

    basis: Float[Tensor, "components samples"]
    scale: Float[Tensor, " components"]

    def __init__(self, config: DenseConfig = DenseConfig()):
        super().__init__()
        self.config = config
        self.register_buffer("basis", torch.zeros(config.components, config.samples))
        self.register_buffer("scale", torch.ones(config.components))
        components, latent = config.components, config.latent_dim
        self.encoder = _Corrected(components, config.hidden, 2 * latent, latent)
        self.decoder = _Corrected(latent, config.hidden, components, latent)

    @torch.no_grad()
    def learn_components(self, windows: Float[Tensor, "n samples"]) -> None:
        """Fits principal components, and the scale of each, to training windows.

        Windows are not centred: sound has no mean. Where there are fewer windows than components,
        the last ones are zero.

        Raises:
            ValueError: unless there are two windows or more, of the model's length.
        """
        if len(windows) < 2 or windows.shape[1] != self.config.samples:
            raise ValueError(
                f"expected two windows or more of {self.config.samples} samples, got "
                f"{tuple(windows.shape)}"
            )
        # Eigenvectors of the smaller matrix: there are far fewer windows than samples.
        values, vectors = torch.linalg.eigh(windows.double() @ windows.double().T)
        values, vectors = values.flip(0), vectors.flip(1)
        count = min(self.config.components, int((values > 1e-8 * values[0]).sum()))
        basis = (vectors[:, :count] / values[:count].sqrt()).T @ windows.double()
        self.basis.zero_()[:count] = basis.float()
        self.scale.fill_(1)[:count] = (values[:count] / len(windows)).sqrt().float()

    def coefficients(self, waveforms: Float[Tensor, "b n"]) -> Float[Tensor, "b components"]:
        """Coefficients of windows: their projections onto the components."""
        return waveforms @ self.basis.T

    def through_coefficients(
        self,
        coefficients: Float[Tensor, "b components"],
        *,
        generator: torch.Generator | None = None,
    ) -> tuple[Float[Tensor, "b components"], Posterior]:
        """Reconstructed coefficients, from a sample of the posterior, and that posterior."""
        posterior = self.encode_coefficients(coefficients)
        return self.decode_coefficients(posterior.sample(generator)), posterior

    def encode_coefficients(self, coefficients: Float[Tensor, "b components"]) -> Posterior:
        """Posterior of windows, from their coefficients."""
        mu, logvar = self.encoder(coefficients / self.scale).chunk(2, 1)
        return Posterior(mu, (logvar - LOW).clamp(-16, 4))

    def decode_coefficients(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b components"]:
        """Coefficients decoded from latents."""
        return self.decoder(z) * self.scale

    def encode(self, waveforms: Float[Tensor, "b n"]) -> Posterior:
        """Posterior of windows of the model's length, within -1..1."""
        return self.encode_coefficients(self.coefficients(waveforms))

    def decode(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b n"]:
        """Windows decoded from latents."""
        return self.decode_coefficients(z) @ self.basis

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
        return WaveformOutput(self.decode(z), posterior)


class _Corrected(nn.Module):
    """MLP, and a skip connection of the first `passed` inputs."""

    def __init__(self, inputs: int, hidden: int, outputs: int, passed: int):
        super().__init__()
        self.passed = passed
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU()
        )
        self.output = nn.Linear(hidden, outputs)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Float[Tensor, "b inputs"]) -> Float[Tensor, "b outputs"]:
        made = self.output(self.layers(x))
        rest = made.shape[1] - self.passed
        return made + nn.functional.pad(x[:, : self.passed], (0, rest))
