"""Classifiers that judge pictures.

LeNet-5 with 61,706 parameters after LeCun et al. 1998, "Gradient-based learning applied to document
recognition", with ReLU and max pooling. The one that is shaped like SynVAE's picture encoder is the
judge of reconstructions in Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music",
arXiv 1909.01218.
"""

from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from synvae_core.models.visual import ImageConvolutions, VisualConfig


class LeNet5(nn.Module):
    """Logits of ten classes for 28 x 28 grey pictures in [0, 1], padded to 32 x 32."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            nn.ZeroPad2d(2),
            nn.Conv2d(1, 6, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
        )
        self.head = nn.Linear(84, classes)

    def forward(self, images: Float[Tensor, "b 1 28 28"]) -> Float[Tensor, "b classes"]:
        return self.head(self.features(images))


@dataclass(frozen=True)
class ClassifierConfig:
    """Sizes of a classifier with the convolutions of a picture encoder."""

    visual: VisualConfig
    classes: int
    hidden: bool  # a dense layer as wide as what the convolutions give, as published for colour

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise ValueError(f"a classifier tells 2 classes or more apart, got {self.classes}")

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "ClassifierConfig":
        """As `save_model` wrote it."""
        return cls(**fields | {"visual": VisualConfig(**fields["visual"])})


def classifier_config(visual: VisualConfig, *, classes: int) -> ClassifierConfig:
    """The published sizes for pictures of this encoder: a hidden layer for all but grey ones."""
    return ClassifierConfig(visual, classes, hidden=visual.image_channels > 1)


class EncoderClassifier(ImageConvolutions):
    """Pictures in [0, 1] -> logits of the classes, of which a picture has one or several."""

    def __init__(self, config: ClassifierConfig):
        super().__init__(config.visual)
        self.config = config
        width = self.feature_count
        self.hidden = nn.Linear(width, width) if config.hidden else None
        self.head = nn.Linear(width, config.classes)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b classes"]:
        x = self.features(images)
        return self.head(x if self.hidden is None else F.relu(self.hidden(x)))
