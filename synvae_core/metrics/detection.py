"""Detection of what does not belong: a threshold for few false alarms, area under the curve.

Scores are higher of what does not belong. A false alarm is one that belongs and is above the
threshold; a miss is one that does not and is not above it.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from sklearn.metrics import roc_auc_score

from synvae_core.metrics.note_recall import Share
from synvae_core.types import HIGHER, LOWER, Measure

MEASURES = (
    Measure("false_alarms_{of}", LOWER, 0, 1),
    Measure("misses_{of}", LOWER, 0, 1),
    Measure("area_under_curve_{of}", HIGHER, 0, 1),
)
Scores = Float[np.ndarray, " _"]


def threshold_for(groups: Sequence[Scores], *, false_alarms: float) -> float:
    """Least score that at most a share of what belongs exceeds, each group counting as much.

    Raises:
        ValueError: if there is no group, one is empty or not finite, or the share is not 0..1.
    """
    if not groups or not all(len(group) and np.isfinite(group).all() for group in groups):
        raise ValueError("a threshold needs groups of finite scores, and none of them empty")
    if not 0 <= false_alarms <= 1:
        raise ValueError(f"a share of false alarms is 0 to 1, got {false_alarms}")
    scores = np.concatenate(groups)
    weights = np.concatenate([np.full(len(each), 1 / len(each) / len(groups)) for each in groups])
    order = np.argsort(scores, kind="stable")
    below = np.cumsum(weights[order])  # share that is not above each
    enough = np.flatnonzero(1 - below <= false_alarms + 1e-9)
    return float(scores[order][enough[0]])


def share_above(scores: Scores, threshold: float) -> Share:
    """Share of the scores above a threshold: false alarms of what belongs."""
    return Share(int((scores > threshold).sum()), len(scores))


def share_not_above(scores: Scores, threshold: float) -> Share:
    """Share of the scores that are not above a threshold: misses of what does not belong."""
    return Share(int((scores <= threshold).sum()), len(scores))


def area_under_curve(belong: Scores, others: Scores) -> float:
    """Probability that another scores higher than what belongs, ties counting half: 0.5 is chance.

    The area under the receiver operating characteristic.

    Raises:
        ValueError: if one of them is empty.
    """
    if not len(belong) or not len(others):
        raise ValueError(f"scores of both are needed: got {len(belong)} and {len(others)}")
    belongs = np.repeat([0, 1], [len(belong), len(others)])
    return float(roc_auc_score(belongs, np.concatenate([belong, others])))
