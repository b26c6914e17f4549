"""Diversity of melodies, within and between classes, which one good tune for all would not have."""

import numpy as np
from jaxtyping import Integer

from synvae_core.metrics.melody import count_distinct
from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE
from synvae_core.types import HIGHER, Measure, TooFewError

MOST = 2000  # melodies that are compared in pairs; of more, a random subset

MEASURES = (
    Measure("distinct_share", HIGHER, 0, 1),
    Measure("within_classes", None, 0, 1),
    Measure("between_classes", None, 0, 1),
)


def melody_spread(
    events: Integer[np.ndarray, "n t"],
    classes: Integer[np.ndarray, " n"],
    *,
    seed: int = 0,
    coding: Coding = ONE_VOICE,
) -> dict[str, float]:
    """Diversity of melodies: the mean share of steps at which two of them sound different.

    `distinct_share`, of melodies unlike all others; `within_classes` and `between_classes`, 0..1,
    over all pairs of a class and of different classes (of `MOST` melodies drawn at random, where
    there are more). Where there is no pair, as with classes of one, that share is left out.

    Raises:
        ValueError: with fewer than two melodies, or another number of classes.
    """
    if len(events) != len(classes):
        raise ValueError(f"each melody has a class: got {len(events)} and {len(classes)}")
    if len(events) < 2:
        raise TooFewError(f"spread wants two melodies or more, got {len(events)}")
    share = count_distinct(events, coding=coding) / len(events)
    rows = np.random.default_rng(seed).permutation(len(events))[:MOST]
    heard, classes = coding.sounding(events)[rows], np.asarray(classes)[rows]
    unlike = np.zeros((len(heard), len(heard)))
    for step in heard.T:
        unlike += step[:, None] != step
    unlike /= heard.shape[1]
    same = classes[:, None] == classes
    apart = ~np.eye(len(heard), dtype=bool)
    means = {"within_classes": unlike[same & apart], "between_classes": unlike[~same]}
    return {"distinct_share": share} | {
        name: float(values.mean()) for name, values in means.items() if len(values)
    }
