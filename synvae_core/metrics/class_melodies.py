"""Differences of melodies by the class of their picture: analysis of variance, and spread.

Features are those of `melody_features`, one at a time, by the F-test of a one-way analysis of
variance. The spread within and between classes is that of `diversity`, the share of the steps at
which two melodies sound different.
"""

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Integer

from synvae_core.metrics.diversity import MOST
from synvae_core.metrics.melody import FEATURE_NAMES, melody_features
from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE
from synvae_core.types import Measure, TooFewError

MEASURES = (Measure("class_features/{feature}", None, 0, 1),)  # variance between classes


class ClassFeatures(NamedTuple):
    """Features of melodies by class, in the order of `FEATURE_NAMES`.

    `f` and `p` are of the F-test that the classes have one mean; `share`, 0..1, is how much of the
    feature's variance lies between the classes (eta squared). A feature that never varies has an
    F of 0; one that varies between the classes alone has an infinite one.
    """

    classes: Integer[np.ndarray, " c"]
    counts: Integer[np.ndarray, " c"]
    means: Float[np.ndarray, "c 18"]
    mean: Float[np.ndarray, "18"]  # over all melodies
    deviation: Float[np.ndarray, "18"]  # standard deviation over all melodies
    f: Float[np.ndarray, "18"]
    p: Float[np.ndarray, "18"]
    share: Float[np.ndarray, "18"]

    @property
    def effects(self) -> Float[np.ndarray, "c 18"]:
        """Means of the classes in standard deviations from that of all melodies."""
        varies = self.deviation > 0
        return np.where(varies, self.means - self.mean, 0) / np.where(varies, self.deviation, 1)

    def only(self, classes: Integer[np.ndarray, " some"]) -> "ClassFeatures":
        """Results of some of the classes; those over all melodies stay.

        Raises:
            ValueError: if there is no class of such an id.
        """
        missing = np.setdiff1d(classes, self.classes)
        if len(missing):
            raise ValueError(f"no melody is of the classes {missing.tolist()}")
        kept = np.searchsorted(self.classes, classes)
        return self._replace(
            classes=self.classes[kept], counts=self.counts[kept], means=self.means[kept]
        )

    def ranked(self) -> list[str]:
        """Names of the features, by falling share of variance between the classes."""
        return [FEATURE_NAMES[i] for i in np.argsort(-self.share, kind="stable")]


class ClassSpread(NamedTuple):
    """Spread within and between classes.

    `unlike` (a, b): mean share of steps, 0..1, at which melodies of classes a and b differ.
    """

    classes: Integer[np.ndarray, " c"]
    unlike: Float[np.ndarray, "c c"]


def class_features(
    events: Integer[np.ndarray, "n t"],
    classes: Integer[np.ndarray, " n"],
    *,
    coding: Coding = ONE_VOICE,
) -> ClassFeatures:
    """One-way analysis of variance of the 18 features of melodies by class.

    Raises:
        ValueError: unless each melody has a class, there are two classes or more, and more
            melodies than classes; or if an event id is unknown.
    """
    from sklearn.feature_selection import f_classif  # slow to import

    found, index, counts = _classes(events, classes)
    if len(events) <= len(found):
        raise TooFewError(
            f"differences between classes want more melodies than classes: got {len(events)} "
            f"melodies of {len(found)} classes"
        )
    features = melody_features(events, coding=coding)
    mean, deviation = features.mean(0), features.std(0)
    varies = np.ptp(features, axis=0) > 0
    f, p = np.zeros(len(FEATURE_NAMES)), np.ones(len(FEATURE_NAMES))
    # scikit-learn subtracts sums of squares: of standard scores, few digits are lost
    scores = ((features - mean) / np.where(varies, deviation, 1))[:, varies]
    if varies.any():
        with warnings.catch_warnings(), np.errstate(divide="ignore"):
            warnings.simplefilter("ignore", UserWarning)  # constant within classes: F is infinite
            f[varies], p[varies] = f_classif(scores, index)
    of_class = np.eye(len(found))[index]
    means = of_class.T @ features / counts[:, None]
    between = (counts[:, None] * (means - mean) ** 2).sum(0)
    total = np.where(varies, len(events) * deviation**2, 1)
    share = np.where(varies, np.minimum(between / total, 1), 0)
    return ClassFeatures(found, counts, means, mean, np.where(varies, deviation, 0), f, p, share)


def class_spread(
    events: Integer[np.ndarray, "n t"],
    classes: Integer[np.ndarray, " n"],
    *,
    seed: int = 0,
    coding: Coding = ONE_VOICE,
) -> ClassSpread:
    """Spread of the melodies within each class, and between each two classes.

    Over all pairs of different melodies; of many, over those of `MOST` drawn at random, with as
    near as can be the same number of each class.

    Raises:
        ValueError: unless each melody has a class and each class has two melodies or more.
    """
    found, index, counts = _classes(events, classes)
    if counts.min() < 2:
        raise TooFewError(
            f"within a class, spread is between two melodies: classes "
            f"{found[counts < 2].tolist()} have one each; leave them out"
        )
    rng = np.random.default_rng(seed)
    each = max(2, MOST // len(found))
    rows = [rng.permutation(np.flatnonzero(index == i))[:each] for i in range(len(found))]
    sounding = coding.sounding(events)
    heard = [sounding[row] for row in rows]
    unlike = np.zeros((len(found), len(found)))
    for a, first in enumerate(heard):
        for b, second in enumerate(heard[: a + 1]):
            different = sum(
                (one[:, None] != other).sum() for one, other in zip(first.T, second.T, strict=True)
            )
            pairs = len(first) * (len(second) - (a == b))
            unlike[a, b] = unlike[b, a] = different / pairs / first.shape[1]
    return ClassSpread(found, unlike)


def _classes(events: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    classes = np.asarray(classes)
    if classes.shape != (len(events),):
        raise ValueError(
            f"each melody has one class: got {len(events)} melodies, classes of shape "
            f"{classes.shape}"
        )
    found, index, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if len(found) < 2:
        raise TooFewError(
            f"classes are compared with each other, two or more: got {len(found)} of them"
        )
    return found, index, counts
