"""Agreement of what is heard with what is seen, from distances between melodies.

A good translation keeps neighbours: pictures that are alike sound alike (Port et al. 2020,
"Earballs", arXiv 2005.13291, train embeddings of sounds to that end). Distances are any of
`melody_distances` or, for floors and ceilings, of pixels or of latents. Trustworthiness: Venna &
Kaski 2001, "Neighborhood Preservation in Nonlinear Projection Methods".
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Bool, Float, Integer

from synvae_core.types import HIGHER, LOWER, Measure, TooFewError

MEASURES = (
    Measure("rank_correlation", HIGHER, -1, 1),
    Measure("{ear}_rank_correlation", HIGHER, -1, 1),
    Measure("neighbours_kept", HIGHER, 0, 1),
    Measure("{ear}_neighbours_kept", HIGHER, 0, 1),
    Measure("spread_within", None, 0),
    Measure("{ear}_spread_within", None, 0),
    Measure("spread_between", None, 0),
    Measure("{ear}_spread_between", None, 0),
    Measure("{ear}_twin_{how}", LOWER, 0),
)
PRECISION_RANKS = (1, 10)
NEIGHBOURS = 10  # of trustworthiness and of neighbours kept

# One class an item, or booleans where an item may carry several labels.
Classes = Integer[np.ndarray, " n"] | Bool[np.ndarray, "n labels"]


class Spread(NamedTuple):
    """Mean distance of two melodies of one class, and of two of different classes.

    With several labels an item: of two that share a label, and of two that share none.
    """

    within: float
    between: float


def class_precision(distances: Float[np.ndarray, "n n"], classes: Classes, *, k: int) -> float:
    """Precision at k: share of each item's k nearest others that are of its class, mean over items.

    With several labels an item: the share that carries a label of it, mean over all labels that
    any item carries, as `neighbour_labels` weights them. Ties count by their expectation in random
    order, so that the order of the items does not matter.

    Raises:
        ValueError: unless 1 <= k < n and distances are finite.
    """
    _check(distances, k)
    shared = _shared(classes)
    return float((_chance_among_nearest(distances, k) * shared).sum() / (k * np.trace(shared)))


def neighbours_kept(
    pictures: Float[np.ndarray, "n n"], melodies: Float[np.ndarray, "n n"], *, k: int = NEIGHBOURS
) -> float:
    """Overlap of neighbourhoods: share of the k nearest pictures whose melodies are nearest, too.

    Raises:
        ValueError: unless 1 <= k < n and distances are finite.
    """
    _check(pictures, k)
    _check(melodies, k)
    seen, heard = (_chance_among_nearest(each, k) for each in (pictures, melodies))
    return float((seen * heard).sum() / (k * len(pictures)))


def rank_correlation(
    pictures: Float[np.ndarray, "n n"], melodies: Float[np.ndarray, "n n"]
) -> float:
    """Spearman's correlation of the distances of all pairs; -1 to 1, and 0 where all are equal.

    Raises:
        ValueError: unless there are two items and distances are finite.
    """
    _check(pictures, 1)
    _check(melodies, 1)
    pairs = np.triu_indices(len(pictures), 1)
    seen, heard = pictures[pairs], melodies[pairs]
    if np.ptp(seen) == 0 or np.ptp(heard) == 0:
        return 0.0
    return float(scipy.stats.spearmanr(seen, heard).statistic)


def trustworthiness_of_distances(
    pictures: Float[np.ndarray, "n n"], melodies: Float[np.ndarray, "n n"], *, k: int = NEIGHBOURS
) -> float:
    """Trustworthiness of melodies as a map of pictures, from the distances of both; 0 to 1.

    Raises:
        ValueError: unless 1 <= k < n / 2 and distances are finite.
    """
    _check(pictures, k)
    _check(melodies, k)
    n = len(pictures)
    if not k < n / 2:
        raise TooFewError(f"k is below half the items: got {k} with {n} items")
    order = np.argsort(_without_self(pictures), axis=1, kind="stable")
    ranks = np.empty((n, n), np.int64)
    np.put_along_axis(ranks, order, np.arange(1, n + 1)[None], 1)
    missed = np.maximum(ranks - k, 0) * _chance_among_nearest(melodies, k)
    return float(1 - missed.sum() * 2 / (n * k * (2 * n - 3 * k - 1)))


def class_spread(distances: Float[np.ndarray, "n n"], classes: Classes) -> Spread:
    """Mean distance of melodies within classes, and of melodies of different classes.

    Raises:
        ValueError: unless there are two classes, and two items of one.
    """
    one, other = np.triu_indices(len(classes), 1)
    same = _shared(classes)[one, other] > 0
    if same.all() or not same.any():
        raise TooFewError("spread is within and between classes: give two of each of two classes")
    values = distances[one, other]
    return Spread(float(values[same].mean()), float(values[~same].mean()))


def twin_share(twins: Float[np.ndarray, " k"], distances: Float[np.ndarray, "n n"]) -> float:
    """Distance between melodies of near twins of pictures, relative to that of different pictures.

    Ratio of means; 0 where twins sound the same, 1 where they might be any two pictures.

    Raises:
        ValueError: if all melodies are the same.
    """
    others = distances[~np.eye(len(distances), dtype=bool)].mean()
    if not others > 0:
        raise TooFewError("all melodies are the same: there is no distance to compare with")
    return float(twins.mean() / others)


def audibility(
    melodies: Float[np.ndarray, "n n"],
    pictures: Float[np.ndarray, "n n"],
    classes: Classes,
) -> Mapping[str, float]:
    """Scores of one melody distance by name, as notebooks record them.

    Without two classes, one of them of two items, those of classes are left out; with several
    labels an item, without a pair that shares one and a pair that shares none.

    Raises:
        ValueError: with 20 items or fewer, or if distances are not finite.
    """
    kept = {
        "rank_correlation": rank_correlation(pictures, melodies),
        "trustworthiness": trustworthiness_of_distances(pictures, melodies),
        "neighbours_kept": neighbours_kept(pictures, melodies),
    }
    shared = _shared(classes)[np.triu_indices(len(classes), 1)] > 0
    if shared.all() or not shared.any():
        return kept
    precision = {
        f"precision_at_{k}": class_precision(melodies, classes, k=k) for k in PRECISION_RANKS
    }
    spread = class_spread(melodies, classes)
    between = {"spread_within": spread.within, "spread_between": spread.between}
    return precision | kept | between


def _shared(classes: Classes) -> Float[np.ndarray, "n n"]:
    """Number of labels that two items share; on the diagonal, that an item carries."""
    if classes.ndim == 1:
        return (classes[:, None] == classes[None]).astype(np.float64)
    carried = classes.astype(np.float64)
    return carried @ carried.T


def _chance_among_nearest(distances: Float[np.ndarray, "n n"], k: int) -> Float[np.ndarray, "n n"]:
    """Probability that each item is among the k nearest of each other, ties broken at random."""
    own = _without_self(distances)
    reach = np.partition(own, k - 1, axis=1)[:, k - 1 : k]
    nearer, tied = own < reach, own == reach
    left = k - nearer.sum(1, keepdims=True)
    return nearer + tied * (left / tied.sum(1, keepdims=True))


def _without_self(distances: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    return np.where(np.eye(len(distances), dtype=bool), np.inf, distances)


def _check(distances: Float[np.ndarray, "n n"], k: int) -> None:
    if not 1 <= k < len(distances):
        raise TooFewError(f"k is 1 to {len(distances) - 1}, of {len(distances)} items: got {k}")
    if not np.isfinite(distances).all():
        raise ValueError("distances are finite numbers: got NaN or infinity")
