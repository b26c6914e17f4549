"""A judge of rebuilt digits: a classifier that knows real digits alone."""

import torch
from jaxtyping import Float, Int, UInt8
from lightning_fabric import Fabric
from torch import Tensor

from synvae_core.models.classifiers import LeNet5
from synvae_core.training.loop import FitConfig, fit
from synvae_core.training.objectives import ClassifierObjective

CHUNK = 500  # pictures looked at at once; bounds the memory


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
    fit(judge, ClassifierObjective(), (images, labels), config, description="judge", fabric=fabric)
    return judge.cpu()


@torch.no_grad()
def read_labels(judge: LeNet5, images: Float[Tensor, "n 1 28 28"]) -> Int[Tensor, " n"]:
    """The label that the judge reads in each picture of [0, 1]."""
    return torch.cat([judge(part).argmax(1) for part in images.split(CHUNK)])
