"""Classifiers of pictures, by which reconstructions are judged: training and predictions."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from lightning_fabric import Fabric
from torch import Tensor, nn

from synvae_core.models.classifiers import (
    SHIPPED_JUDGE,
    EncoderClassifier,
    LeNet5,
    LeNet5Config,
    classifier_config,
    load_judge,
)
from synvae_core.models.visual import VisualConfig
from synvae_workbench.data.sources import checksum
from synvae_workbench.training.loop import FitConfig, RunOptions, fit
from synvae_workbench.training.objectives import ClassifierObjective

CHUNK = 500  # pictures in a forward pass; bounds the memory
PUBLISHED_RATE = 1e-4  # of SynVAE's classifier, constant
CLASSES = 10  # of digits


def digits_judge(
    images: UInt8[Tensor, "n 1 28 28"],
    labels: Int[Tensor, " n"],
    *,
    seed: int,
    epochs: int = 0,
    fabric: Fabric | None = None,
) -> LeNet5:
    """The LeNet-5 of `train_judge`, loaded if it is the shipped one and else trained.

    The shipped one is taken for its own training digits, epochs and seed alone: of another split,
    some of the test digits would be digits that it has seen.

    Raises:
        ValueError: as `train_judge`, or if the shipped weights are missing or damaged.
    """
    shipped = load_judge(SHIPPED_JUDGE)
    if shipped.config == _judge_config(images, labels, epochs, seed):
        return shipped
    return train_judge(images, labels, seed=seed, epochs=epochs, fabric=fabric)


def train_judge(
    images: UInt8[Tensor, "n 1 28 28"],
    labels: Int[Tensor, " n"],
    *,
    seed: int,
    epochs: int = 0,
    fabric: Fabric | None = None,
) -> LeNet5:
    """Trains a LeNet-5 on augmented real digits and their labels; the result is on the CPU.

    Args:
        epochs: by default 20 of fewer than 10,000 digits, else 5.

    Raises:
        ValueError: if there are no digits, not as many labels, or labels other than 0 to 9.
    """
    _check_labels(images, labels, CLASSES)
    config = _judge_config(images, labels, epochs, seed)
    torch.manual_seed(seed)
    judge = LeNet5(config)
    fit_config = FitConfig(config.epochs, 64, 0.003, seed=seed)
    options = RunOptions("judge", fabric=fabric)
    fit(judge, ClassifierObjective(), (images, labels), fit_config, options)
    return judge.cpu()


def _judge_config(images: Tensor, labels: Tensor, epochs: int, seed: int) -> LeNet5Config:
    epochs = epochs or (20 if len(images) < 10_000 else 5)
    return LeNet5Config(CLASSES, checksum(images.numpy(), labels.numpy()), epochs, seed)


@dataclass(frozen=True)
class ClassifierTraining:
    """Settings of the training of a classifier of pictures."""

    classes: int
    epochs: int
    seed: int
    augment: bool = False  # small random shifts, rotations and scalings
    as_published: bool = False  # SynVAE's learning rate, and its double softmax

    def fit_config(self) -> FitConfig:
        """Settings of optimisation: epochs, batches and learning rate."""
        if not self.as_published:
            return FitConfig(self.epochs, 64, 0.001, seed=self.seed)
        constant = {"warmup_steps": 0, "decay_rate": 1.0, "gradient_clip": 1e9}
        return FitConfig(self.epochs, 64, PUBLISHED_RATE, **constant, seed=self.seed)


def train_classifier(
    visual: VisualConfig,
    images: UInt8[Tensor, "n c h w"],
    labels: Int[Tensor, " n"] | Bool[Tensor, "n classes"],
    training: ClassifierTraining,
    *,
    fabric: Fabric | None = None,
) -> EncoderClassifier:
    """Trains a classifier with the architecture of the picture encoder; the result is on the CPU.

    Args:
        labels: class ids, or booleans where a picture may have several.

    Raises:
        ValueError: if there are no pictures, not as many labels, or labels of other classes.
    """
    _check_labels(images, labels, training.classes)
    torch.manual_seed(training.seed)
    classifier = EncoderClassifier(classifier_config(visual, classes=training.classes))
    published = training.as_published
    objective = ClassifierObjective(augment=training.augment, double_softmax=published)
    options = RunOptions("classifier", fabric=fabric)
    fit(classifier, objective, (images, labels), training.fit_config(), options)
    return classifier.cpu()


def read_labels(judge: nn.Module, images: Float[Tensor, "n c h w"]) -> Int[Tensor, " n"]:
    """Predicted class of each picture in [0, 1].

    Raises:
        ValueError: if the judge's logits are not finite numbers.
    """
    return _logits(judge, images).argmax(1)


def read_many_labels(
    judge: nn.Module, images: Float[Tensor, "n c h w"]
) -> Bool[Tensor, "n classes"]:
    """Predicted labels of pictures in [0, 1]: True where a label's probability is above 1/2.

    Raises:
        ValueError: if the judge's logits are not finite numbers.
    """
    return _logits(judge, images) > 0


@torch.no_grad()
def _logits(judge: nn.Module, images: Tensor) -> Tensor:
    logits = torch.cat([judge(part) for part in images.split(CHUNK)])
    if not torch.isfinite(logits).all():
        raise ValueError(
            "the judge's logits are not all finite: look for NaN in the pictures or its weights"
        )
    return logits


def _check_labels(images: Tensor, labels: Tensor, classes: int) -> None:
    if not len(images) or len(images) != len(labels):
        raise ValueError(
            f"each picture has its labels: got {len(images)} pictures, {len(labels)} labels"
        )
    if labels.ndim == 2 and labels.shape[1] != classes:
        raise ValueError(f"labels have {labels.shape[1]} columns, expected {classes} classes")
    if labels.ndim == 1 and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"class ids are 0..{classes - 1}, got {labels.min()}..{labels.max()}: give all classes"
        )
