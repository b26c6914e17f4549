"""Scores of classification: accuracy, precision, recall, F1, confusion and exact intervals.

Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218, score
reconstructions by them. Their accuracy is the mean over the classes of one class against the rest,
in which true negatives count: chance among ten classes is 0.82. Here it is
`accuracy_as_published`. Intervals are those of Clopper & Pearson 1934, "The Use of Confidence or
Fiducial Limits Illustrated in the Case of the Binomial", Biometrika 26.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Bool, Float, Int
from torch import Tensor

from synvae_core.types import HIGHER, Measure

AVERAGES = ("macro", "weighted", "micro")

# One class a picture, or booleans where a picture may have several.
Labels = Int[Tensor, " n"] | Bool[Tensor, "n columns"]
Predicted = Int[Tensor, " m"] | Bool[Tensor, "m columns_read"]

MEASURES = (
    Measure("accuracy", HIGHER, 0, 1),
    Measure("accuracy_low", HIGHER, 0, 1),  # the ends of its interval
    Measure("accuracy_high", HIGHER, 0, 1),
    Measure("accuracy_as_published", HIGHER, 0, 1),
    Measure("trained_as_published", HIGHER, 0, 1),
    Measure("trained_and_counted_as_published", HIGHER, 0, 1),
    Measure("macro_precision", HIGHER, 0, 1),
    Measure("macro_recall", HIGHER, 0, 1),
    Measure("macro_f1", HIGHER, 0, 1),
    Measure("cnn_agreement", HIGHER, 0, 1),  # accuracy of a classifier on reconstructions
    Measure("{space}_cnn_agreement", HIGHER, 0, 1),
)


class ClassScores(NamedTuple):
    """Precision, recall and F1 of each class, 0..1, and its support, the number of its pictures.

    Precision is 0 for a class that was never predicted.
    """

    precision: Float[np.ndarray, " classes"]
    recall: Float[np.ndarray, " classes"]
    f1: Float[np.ndarray, " classes"]
    support: Int[np.ndarray, " classes"]


def accuracy(labels: Labels, predicted: Predicted) -> float:
    """Share of the pictures whose label is right, or all of whose labels are, of several; 0..1.

    Raises:
        ValueError: if there are no pictures, or labels and predictions do not match in shape.
    """
    _check(labels, predicted)
    right = labels == predicted
    return (right if right.ndim == 1 else right.all(1)).double().mean().item()


def accuracy_as_published(labels: Labels, predicted: Predicted, *, classes: Sequence[int]) -> float:
    """Mean over the classes of one-against-rest accuracy; 0..1.

    With one class a picture it is 1 - 2 (1 - accuracy) / classes; with several, the share of
    labels that are right.

    Raises:
        ValueError: as `class_scores`.
    """
    return one_against_rest(labels, predicted, classes=classes).mean().item()


def one_against_rest(
    labels: Labels, predicted: Predicted, *, classes: Sequence[int]
) -> Float[np.ndarray, " classes"]:
    """One-against-rest accuracy of each class: true positives and true negatives; 0..1.

    Raises:
        ValueError: as `class_scores`.
    """
    from sklearn.metrics import multilabel_confusion_matrix  # slow to import

    _check(labels, predicted, classes)
    counts = multilabel_confusion_matrix(labels, predicted, labels=[*classes])
    return (counts[:, 0, 0] + counts[:, 1, 1]) / len(labels)


def class_scores(labels: Labels, predicted: Predicted, *, classes: Sequence[int]) -> ClassScores:
    """Precision, recall and F1 of each class.

    Args:
        classes: ids of the classes, or columns of the labels, that are to be scored.

    Raises:
        ValueError: if there are no pictures, labels and predictions do not match in shape, or a
            class has no picture, so that its recall is unknown.
    """
    from sklearn.metrics import precision_recall_fscore_support  # slow to import

    _check(labels, predicted, classes)
    scores = precision_recall_fscore_support(labels, predicted, labels=[*classes], zero_division=0)
    return ClassScores(*scores)


def averaged_scores(
    labels: Labels, predicted: Predicted, *, classes: Sequence[int], average: str = "macro"
) -> dict[str, float]:
    """Averages of `precision`, `recall` and `f1` over the classes.

    Args:
        average: "macro", unweighted; "weighted", by support; "micro", over all labels.

    Raises:
        ValueError: as `class_scores`, and for another average.
    """
    from sklearn.metrics import precision_recall_fscore_support  # slow to import

    if average not in AVERAGES:
        raise ValueError(f"an average is one of {', '.join(AVERAGES)}, got {average!r}")
    _check(labels, predicted, classes)
    options = {"labels": [*classes], "average": average, "zero_division": 0}
    scores = precision_recall_fscore_support(labels, predicted, **options)
    return dict(zip(("precision", "recall", "f1"), map(float, scores[:3]), strict=True))


def confusion_counts(
    labels: Int[Tensor, " n"], predicted: Int[Tensor, " m"], *, classes: Sequence[int]
) -> Int[np.ndarray, "classes classes"]:
    """Confusion matrix: pictures of each class (row) by the class predicted (column).

    Raises:
        ValueError: as `class_scores`, and if a prediction is of none of the classes.
    """
    from sklearn.metrics import confusion_matrix  # slow to import

    _check(labels, predicted, classes)
    others = sorted(set(predicted.tolist()) - set(classes))
    if others:
        raise ValueError(f"{others} were predicted, which are none of the classes {[*classes]}")
    return confusion_matrix(labels, predicted, labels=[*classes])


def exact_interval(right: int, count: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval for a proportion: `right` of `count` independent cases.

    Raises:
        ValueError: unless 0 <= right <= count, 1 <= count and 0 < confidence < 1.
    """
    if not (count >= 1 and 0 <= right <= count and 0 < confidence < 1):
        raise ValueError(
            f"expected 0 <= right <= count, at least one case and a confidence between 0 and 1: "
            f"got {right} of {count} and {confidence}"
        )
    found = scipy.stats.binomtest(right, count).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def _check(labels: Tensor, predicted: Tensor, classes: Sequence[int] | None = None) -> None:
    if labels.shape != predicted.shape or not len(labels):
        raise ValueError(
            "expected one prediction for each of some labels: got labels of shape "
            f"{tuple(labels.shape)} and predictions of shape {tuple(predicted.shape)}"
        )
    if classes is None:
        return
    if not len(classes) or len(set(classes)) != len(classes):
        raise ValueError(f"expected some classes, each once: got {[*classes]}")
    if labels.ndim == 2 and not 0 <= min(classes) <= max(classes) < labels.shape[1]:
        raise ValueError(
            f"classes are columns 0..{labels.shape[1] - 1} of the labels, got {[*classes]}"
        )
    count = [int((labels == c).sum() if labels.ndim == 1 else labels[:, c].sum()) for c in classes]
    empty = [c for c, pictures in zip(classes, count, strict=True) if not pictures]
    if empty:
        raise ValueError(
            f"no picture is of class {', '.join(map(str, empty))}, so that its recall is unknown: "
            "give more pictures, or leave it out of the classes"
        )
