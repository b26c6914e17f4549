"""Check of whether a digit is spoken in a spectrogram, before a picture is drawn of it.

A speech-to-image model draws a digit of any sound. A small convolutional classifier knows ten
digits and everything else as an eleventh class, of which it has heard examples (after Hendrycks,
Mazeika & Dietterich 2019, "Deep Anomaly Detection with Outlier Exposure", arXiv 1812.04606).
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from synvae_core.fields import Share, Size, SizeOrNone
from synvae_core.models.storage import load_model

DIGITS = 10
OTHER = DIGITS  # class of what is no digit
CHUNK = 500  # recordings at a time; bounds the memory


@dataclass(frozen=True)
class DigitCheckConfig:
    """Sizes, the score above which no digit is heard, and which spectrograms it was trained on."""

    channels: tuple[Size, ...] = (12, 16, 24, 32)
    speech_size: Size = 48
    dropout: Share = 0.3
    threshold: float = 0.0
    front_end: SizeOrNone = 0  # version of the spectrograms

    def __post_init__(self) -> None:
        if not self.channels or self.speech_size % 2 ** len(self.channels):
            raise ValueError(
                f"spectrograms of {self.speech_size} bands are halved {len(self.channels)} times: "
                "choose others"
            )


class DigitCheck(nn.Module):
    """Spectrograms in [0, 1] -> logits of ten digits, and of what is none."""

    def __init__(self, config: DigitCheckConfig = DigitCheckConfig()):
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        for before, after in zip((1, *config.channels), config.channels, strict=False):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
        side = config.speech_size // 2 ** len(config.channels)
        layers += [nn.Flatten(), nn.Dropout(config.dropout)]
        layers.append(nn.Linear(config.channels[-1] * side**2, DIGITS + 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, spectrograms: Float[Tensor, "b 1 side side"]) -> Float[Tensor, "b 11"]:
        return self.layers(spectrograms)

    @torch.no_grad()
    def scores(self, spectrograms: Float[Tensor, "n 1 side side"]) -> Float[Tensor, " n"]:
        """Log odds that each is no digit."""
        parts = [self(part) for part in spectrograms.split(CHUNK)]
        logits = torch.cat(parts) if parts else spectrograms.new_zeros(0, DIGITS + 1)
        return logits[:, OTHER] - logits[:, :OTHER].logsumexp(1)

    def hears_digit(self, spectrograms: Float[Tensor, "n 1 side side"]) -> Bool[Tensor, " n"]:
        """Whether a digit is heard in each: its score is not above the threshold."""
        return self.scores(spectrograms) <= self.config.threshold


def load_digit_check(folder: str | Path) -> DigitCheck:
    """Loads the check of a folder, in evaluation mode on the CPU.

    Raises:
        WeightsError: naming the file and what is wrong with it.
    """
    return load_model(DigitCheck, DigitCheckConfig, Path(folder))
