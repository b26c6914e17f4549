"""Linear probe: what a linear classifier reads from frozen features.

Alain & Bengio 2016, "Understanding intermediate layers using linear classifier probes", arXiv
1610.01644; here by ridge regression to one-hot labels, which is solved exactly, and the same
everywhere.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from synvae_core.types import HIGHER, Measure, TooFewError

# Of the squared weights, as shares of the number of pictures: with less, float32 does not solve
# the equations of thousands of pixels.
PENALTIES = (0.01, 0.1, 1.0)
LEAST_DEVIATION = 1e-6  # of a feature, which may be constant

MEASURES = (Measure("linear_probe", HIGHER, 0, 1),)


class Labelled(NamedTuple):
    """Features of pictures with the class of each."""

    features: Float[Tensor, "n d"]
    labels: Int[Tensor, " n"]


def linear_probe(train: Labelled, validation: Labelled, test: Labelled) -> float:
    """Test accuracy of a ridge classifier of frozen, standardised features; 0..1.

    The penalty is the one with the best accuracy on the validation pictures.

    Raises:
        ValueError: if a part is empty, has not as many labels as features or features of another
            number, or the training pictures are of one class alone.
    """
    from sklearn.linear_model import RidgeClassifier  # slow to import

    _check(train, validation, test)
    mean, deviation = train.features.mean(0), train.features.std(0).clamp(min=LEAST_DEVIATION)
    standard = [((part.features - mean) / deviation).numpy() for part in (train, validation, test)]
    labels = [part.labels.numpy() for part in (train, validation, test)]
    best, found = -1.0, np.nan
    for penalty in PENALTIES:
        probe = RidgeClassifier(alpha=penalty * len(labels[0]), solver="cholesky")
        probe.fit(standard[0], labels[0])
        score = probe.score(standard[1], labels[1])
        if score > best:
            best, found = score, float(probe.score(standard[2], labels[2]))
    return found


def _check(train: Labelled, *others: Labelled) -> None:
    for part in (train, *others):
        if not len(part.features) or len(part.features) != len(part.labels):
            raise ValueError(
                f"each picture has one label: got features of {len(part.features)} pictures and "
                f"{len(part.labels)} labels"
            )
        if part.features.shape[1] != train.features.shape[1]:
            raise ValueError(
                f"all parts have the same features: got {part.features.shape[1]} and "
                f"{train.features.shape[1]}"
            )
    if len(train.labels.unique()) < 2:
        raise TooFewError("a probe wants training pictures of two classes or more")
