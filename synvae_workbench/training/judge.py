"""Judges of rebuilt pictures: classifiers, and what they read in pictures."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from lightning_fabric import Fabric
from torch import Tensor, nn

from synvae_core.models.classifiers import EncoderClassifier, LeNet5, classifier_config
from synvae_core.models.visual import VisualConfig
from synvae_workbench.training.loop import FitConfig, RunOptions, fit
from synvae_workbench.training.objectives import ClassifierObjective

CHUNK = 500  # pictures looked at at once; bounds the memory
PUBLISHED_RATE = 1e-4  # of SynVAE's classifier, constant


def train_judge(
    images: UInt8[Tensor, "n 1 28 28"],
    labels: Int[Tensor, " n"],
    *,
    seed: int,
    epochs: int = 0,
    fabric: Fabric | None = None,
) -> LeNet5:
    """A LeNet-5 trained on real digits, moved and turned a little, with their labels; on the CPU.

    Args:
        epochs: by default 20 of fewer than 10,000 digits, else 5.
    """
    torch.manual_seed(seed)
    judge = LeNet5()
    epochs = epochs or (20 if len(images) < 10_000 else 5)
    config = FitConfig(epochs, 64, 0.003, seed=seed)
    options = RunOptions("judge", fabric=fabric)
    fit(judge, ClassifierObjective(), (images, labels), config, options)
    return judge.cpu()


@dataclass(frozen=True)
class ClassifierTraining:
    """How a classifier of pictures is trained."""

    classes: int
    epochs: int
    seed: int
    augment: bool = False  # move, turn and scale the pictures a little
    as_published: bool = False  # SynVAE's learning rate, and its double softmax

    def fit_config(self) -> FitConfig:
        """Epochs, batches and learning rate."""
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
    """A classifier shaped like the picture encoder, trained on pictures and labels; on the CPU.

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
    """The label that the judge reads in each picture of [0, 1].

    Raises:
        ValueError: if the judge's logits are not finite numbers.
    """
    return _logits(judge, images).argmax(1)


def read_many_labels(
    judge: nn.Module, images: Float[Tensor, "n c h w"]
) -> Bool[Tensor, "n classes"]:
    """Whether the judge reads each label in each picture of [0, 1], with a probability above 1/2.

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
