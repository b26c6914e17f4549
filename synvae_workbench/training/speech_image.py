"""The speech-to-image objective: random pairs of recordings and pictures, and the loss on them.

Pairs are those of Żelaszczyk & Mańdziuk 2021, arXiv 2109.13354: each time a picture is used it gets
another recording of its digit, drawn with replacement. Labels are used for nothing else.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from synvae_core.losses import Losses, check_likelihood, speech_vae_loss
from synvae_core.schedules import linear_warmup
from synvae_workbench.data.speech.pairs import pair_by_label
from synvae_workbench.training.pictures import resample_affine, to_unit


class Speech:
    """Recordings of one split, by label, to be paired with pictures.

    Its `repr` has a checksum of the content, so that a run is only resumed with the same speech.

    Raises:
        ValueError: if there are no recordings, or not as many labels.
    """

    def __init__(self, spectrograms: UInt8[Tensor, "n 1 h w"], labels: Int[Tensor, " m"]):
        if not len(spectrograms) or len(spectrograms) != len(labels):
            raise ValueError(
                f"each recording has a label: got {len(spectrograms)} spectrograms and "
                f"{len(labels)} labels"
            )
        self.spectrograms, self.labels = spectrograms, labels
        content = spectrograms.cpu().numpy().tobytes() + labels.cpu().numpy().tobytes()
        self._checksum = hashlib.sha256(content).hexdigest()

    def __repr__(self) -> str:
        return f"Speech({len(self.labels)} recordings, {self._checksum[:16]})"

    def draw_recordings(
        self, labels: Int[Tensor, " b"], generator: torch.Generator
    ) -> UInt8[Tensor, "b 1 h w"]:
        """Random recording of each label, drawn with replacement, on the device of the labels.

        Raises:
            ValueError: if there is no recording of a label.
        """
        if generator.device.type != "cpu":  # the same pairs on any device
            seed = torch.randint(1 << 62, (), generator=generator, device=generator.device)
            generator = torch.Generator().manual_seed(int(seed))
        self.spectrograms = self.spectrograms.to(labels.device)
        return self.spectrograms[pair_by_label(labels, self.labels, generator)]


@dataclass(frozen=True)
class SpeechImageObjective:
    """`losses.speech_vae_loss` of pictures and recordings of their labels, with beta warm-up.

    A batch is pictures in bytes and their labels; labels only choose the recordings.
    """

    speech: Speech
    beta: float = 1.0
    beta_warmup: int = 0  # steps
    likelihood: str = "squared"  # or "bernoulli", cross-entropy in nats
    augment: bool = True  # vary the spectrograms

    def __post_init__(self) -> None:
        check_likelihood(self.likelihood)

    def __call__(
        self, model: Any, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        pictures, labels = batch
        spectrograms = to_unit(self.speech.draw_recordings(labels, generator))
        if self.augment:
            spectrograms = vary(spectrograms, generator)
        drawn = model(spectrograms, generator=generator)
        beta = self.beta * linear_warmup(step, steps=self.beta_warmup)
        return speech_vae_loss(drawn, to_unit(pictures), beta=beta, likelihood=self.likelihood)


@dataclass(frozen=True)
class SpeechVariation:
    """Strength of augmentation: standard deviations of normal noise, clipped at two of them."""

    time: float = 0.1  # of the shift in time and of the relative tempo, as shares of the length
    pitch: float = 0.05  # of the shift in frequency and of its relative scale
    level: float = 0.05  # of what is added where there is sound
    mask: float = 0.15  # largest width of a silent band, as a share of the side
    clip: float = 0.4  # share of recordings that lack their end, 0.7 of it their start


A_LITTLE = SpeechVariation()
MOST_OF_START, MOST_OF_END = 0.2, 0.45  # of a word, that a clipped recording lacks


def vary(
    spectrograms: Float[Tensor, "b 1 h w"],
    generator: torch.Generator,
    how: SpeechVariation = A_LITTLE,
) -> Float[Tensor, "b 1 h w"]:
    """Augmented spectrograms in [0, 1]: clipped, of other onset, tempo, pitch and level, masked.

    Recorders clip the ends of words, such as the "x" of "six", which is quiet after a pause. The
    masks, one of time and one of frequency, are those of Park et al. 2019, "SpecAugment", arXiv
    1904.08779.
    """
    n, _, height, width = spectrograms.shape
    device = spectrograms.device
    spectrograms = _clip(spectrograms, how.clip, generator)
    noise = torch.randn(n, 5, generator=generator, device=device).clamp(-2, 2)
    zero = torch.zeros(n, device=device)
    across = [1 + how.time * noise[:, 0], zero, 2 * how.time * noise[:, 1]]
    down = [zero, 1 + how.pitch * noise[:, 2], 2 * how.pitch * noise[:, 3]]
    moved = resample_affine(spectrograms, across + down)
    louder = (moved + how.level * noise[:, 4, None, None, None]).clamp(0, 1)
    louder = torch.where(moved > 0, louder, moved)
    rows = _band(n, height, how.mask, generator)[:, None, :, None]
    columns = _band(n, width, how.mask, generator)[:, None, None, :]
    return louder.masked_fill(rows | columns, 0.0)


def _clip(
    spectrograms: Float[Tensor, "b 1 h w"], share: float, generator: torch.Generator
) -> Float[Tensor, "b 1 h w"]:
    """Spectrograms of words of which, in shares of the cases, the end or the start is missing."""
    chance, much = torch.rand(2, 2, len(spectrograms), generator=generator, device=generator.device)
    start = MOST_OF_START * much[0] * (chance[0] < 0.7 * share)
    end = MOST_OF_END * much[1] * (chance[1] < share)
    zero, one = torch.zeros_like(start), torch.ones_like(start)
    matrix = [1 - start - end, zero, start - end, zero, one, zero]
    return resample_affine(spectrograms, matrix, padding_mode="border")


def _band(n: int, length: int, widest: float, generator: torch.Generator) -> Tensor:
    """Mask (n, length) of a random band in each of n rows."""
    start, share = torch.rand(2, n, 1, generator=generator, device=generator.device)
    place = torch.arange(length, device=generator.device)
    first = start * length
    return (place >= first) & (place < first + share * widest * length)
