"""How far melodies lie apart, so that nobody wins by playing one pretty tune."""

import numpy as np
from jaxtyping import Integer

from synvae_core.metrics.melody import distinct
from synvae_core.music.melody import HOLD, canonical
from synvae_core.types import HIGHER, Measure

MOST = 2000  # melodies that are compared in pairs; of more, a draw

MEASURES = (
    Measure("distinct_share", HIGHER, 0, 1),
    Measure("within_classes", None, 0, 1),
    Measure("between_classes", None, 0, 1),
)


def sounding(events: Integer[np.ndarray, "n t"]) -> Integer[np.ndarray, "n t"]:
    """What is heard at each step: the event of the note that sounds, or 0 in silence."""
    events = canonical(events)
    step = np.arange(events.shape[1])
    latest = np.maximum.accumulate(np.where(events != HOLD, step, 0), axis=1)
    heard = np.take_along_axis(events, latest, axis=1)
    return np.where(heard == 1, 0, heard)  # a note-off and a hold before any note are silence


def melody_spread(
    events: Integer[np.ndarray, "n t"], classes: Integer[np.ndarray, "n"], *, seed: int = 0
) -> dict[str, float]:
    """How unlike melodies are: the mean share of steps at which two of them sound different.

    `distinct_share`, of melodies unlike all others; `within_classes` and `between_classes`, 0..1,
    over all pairs of a class and of different classes (of `MOST` melodies drawn at random, where
    there are more). Where there is no pair, as with classes of one, that share is left out.

    Raises:
        ValueError: with fewer than two melodies, or another number of classes.
    """
    if len(events) != len(classes):
        raise ValueError(f"each melody has a class: got {len(events)} and {len(classes)}")
    if len(events) < 2:
        raise ValueError(f"spread wants two melodies or more, got {len(events)}")
    share = distinct(events) / len(events)
    rows = np.random.default_rng(seed).permutation(len(events))[:MOST]
    heard, classes = sounding(events)[rows], np.asarray(classes)[rows]
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
