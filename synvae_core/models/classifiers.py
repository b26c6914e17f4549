"""Classifiers of pictures: LeNet-5, and one with the convolutions of SynVAE's picture encoder.

LeNet-5 with 61,706 parameters after LeCun et al. 1998, "Gradient-based learning applied to document
recognition", with ReLU and max pooling. The other one scores reconstructions in Müller-Eberstein &
van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from synvae_core.fields import Size, SizeOrNone, build_from_fields
from synvae_core.models.storage import PRETRAINED, load_model, model_folder
from synvae_core.models.visual import ImageConvolutions, VisualConfig

SHIPPED_JUDGE = PRETRAINED / "judge_mnist_5k"  # of digits


@dataclass(frozen=True)
class LeNet5Config:
    """Classes of a LeNet-5 and its training, as a judge must not have seen what it judges."""

    classes: Size = 10
    trained_on: str = ""  # SHA-256 of the training pictures and labels; empty: none
    epochs: SizeOrNone = 0  # passes over them
    seed: int = 0  # of the initial weights, the batches and the augmentation

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise ValueError(f"a classifier has 2 classes or more, got {self.classes}")


class LeNet5(nn.Module):
    """LeNet-5: 28 x 28 grey pictures in [0, 1], padded to 32 x 32 -> logits of the classes."""

    def __init__(self, config: LeNet5Config):
        super().__init__()
        self.config = config
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
        self.head = nn.Linear(84, config.classes)

    def forward(self, images: Float[Tensor, "b 1 28 28"]) -> Float[Tensor, "b classes"]:
        return self.head(self.features(images))


def load_judge(path: str | Path) -> LeNet5:
    """Loads the LeNet-5 of a folder or, of a run, the best one, in evaluation mode on the CPU.

    Raises:
        WeightsError: naming the file and what is wrong with it.
    """
    return load_model(LeNet5, LeNet5Config, model_folder(path))


@dataclass(frozen=True)
class ClassifierConfig:
    """Sizes of a classifier with the convolutions of a picture encoder."""

    visual: VisualConfig
    classes: Size
    hidden: bool  # a dense layer as wide as the features, as published for colour

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise ValueError(f"a classifier has 2 classes or more, got {self.classes}")

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "ClassifierConfig":
        """Configuration from the fields that `save_model` wrote."""
        visual = build_from_fields(VisualConfig, fields["visual"])
        return build_from_fields(cls, fields | {"visual": visual})


def classifier_config(visual: VisualConfig, *, classes: int) -> ClassifierConfig:
    """Published sizes for the pictures of this encoder: a hidden layer unless they are grey."""
    return ClassifierConfig(visual, classes, hidden=visual.image_channels > 1)


class EncoderClassifier(ImageConvolutions):
    """SynVAE's convolutions: pictures in [0, 1] -> logits of the classes, one or several each."""

    def __init__(self, config: ClassifierConfig):
        super().__init__(config.visual)
        self.config = config
        width = self.feature_count
        self.hidden = nn.Linear(width, width) if config.hidden else None
        self.head = nn.Linear(width, config.classes)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b classes"]:
        x = self.features(images)
        return self.head(x if self.hidden is None else F.relu(self.hidden(x)))
