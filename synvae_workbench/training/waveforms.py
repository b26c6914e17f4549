"""Training objectives of the waveform VAEs, on windows of loops."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from synvae_core.losses import Losses, coefficient_loss, spectral_loss
from synvae_core.models.waveform.dense import DenseWaveformVae
from synvae_core.schedules import linear_warmup
from synvae_workbench.data.waveforms.sets import Loops, cut

QUIET = 1e-4  # RMS, of full scale: the floor of a window's energy


class Windows:
    """Windows of `length` samples, cut from loops at given places.

    Its `repr`, by which a run is identified, has the number of loops; the checksum of the samples
    belongs to the run's settings.
    """

    def __init__(self, loops: Loops, length: int):
        self.loops, self.length = loops, length

    def __repr__(self) -> str:
        return f"Windows({len(self.loops.names)} at {self.loops.rate} Hz, {self.length} samples)"

    def __deepcopy__(self, memo: dict) -> "Windows":
        return self  # the samples are mapped from a file, and may be larger than the memory

    def at(self, places: Int[Tensor, "b 3"]) -> Float[Tensor, "b n"]:
        """Windows at the places, on the device of these."""
        return cut(self.loops.samples, places.cpu(), self.length).to(places.device)


@dataclass(frozen=True)
class CoefficientObjective:
    """`losses.coefficient_loss` of the fully connected VAE, on batches of `coefficient_rows`."""

    beta: float
    beta_warmup: int = 0  # steps

    def __call__(
        self, model: Any, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        coefficients, energy = batch
        made, posterior = model.through_coefficients(coefficients, generator=generator)
        beta = self.beta * linear_warmup(step, steps=self.beta_warmup)
        return coefficient_loss(made, posterior, coefficients, energy, beta=beta)


@dataclass(frozen=True)
class SpectralObjective:
    """`losses.spectral_loss` of the convolutional VAE, on windows at random offsets.

    A batch is places of windows (`data.waveforms.sets.window_places`); each window starts at a
    random offset within the hop after its place.
    """

    windows: Windows
    hop: int  # samples between two places
    beta: float
    beta_warmup: int = 0  # steps

    def __call__(
        self, model: Any, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        places = batch[0].clone()
        later = torch.randint(self.hop, (len(places),), generator=generator, device=places.device)
        places[:, 2] += later
        windows = self.windows.at(places)
        beta = self.beta * linear_warmup(step, steps=self.beta_warmup)
        return spectral_loss(model(windows, generator=generator), windows, beta=beta)


def coefficient_rows(
    model: DenseWaveformVae, loops: Loops, places: Int[Tensor, "n 3"], *, repeats: int = 1
) -> tuple[Float[Tensor, "m components"], Float[Tensor, " m"]]:
    """Coefficients and energies of windows, the rows repeated `repeats` times for an epoch."""
    windows = cut(loops.samples, places, model.config.samples)
    energy = windows.square().sum(1).clamp(min=windows.shape[1] * QUIET**2)
    coefficients = model.coefficients(windows)
    return coefficients.repeat(repeats, 1), energy.repeat(repeats)
