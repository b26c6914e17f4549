"""Smoothness of interpolations between melodies, and a baseline in the space of events.

Distances are Hamming distances of canonical melodies as shares of their steps, as in section 5.2
of Roberts et al. 2018, arXiv 1803.05428, and so is the baseline that interpolates the events
themselves. That baseline is smooth by construction: what it lacks is music between its ends, which
`two_sample.two_sample_auc` measures.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer

from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE
from synvae_core.types import HIGHER, LOWER, Measure

MEASURES = (
    Measure("length", LOWER, 1),
    Measure("{path}_length", LOWER, 1),
    Measure("{path}_largest_step", LOWER, 0),
    Measure("{path}_monotone", HIGHER, 0, 1),
    Measure("{path}_distinct", HIGHER, 0, 1),
)


class PathSmoothness(NamedTuple):
    """Smoothness of `p` paths of `n` melodies; ratios to the distance of equal ends are NaN."""

    to_first: Float[np.ndarray, "p n"]  # share of steps that differ from the path's first melody
    to_last: Float[np.ndarray, "p n"]  # and from its last
    steps: Float[np.ndarray, "p n-1"]  # and of each melody from the one before
    length: Float[np.ndarray, " p"]  # sum of the steps over the ends' distance; 1 is the least
    largest_step: Float[np.ndarray, " p"]  # over the ends' distance; 1 jumps from end to end
    monotone: Float[np.ndarray, " p"]  # share of the steps that lead from the first and to the last
    distinct: Float[np.ndarray, " p"]  # share of the melodies that differ from all before them

    def summary(self) -> dict[str, float]:
        """Means of the last four over the paths whose ends differ; NaN where none do."""
        differ = np.isfinite(self.length)
        names = ("length", "largest_step", "monotone", "distinct")
        values = {name: getattr(self, name)[differ] for name in names}
        return {name: float(v.mean()) if v.size else np.nan for name, v in values.items()}


def path_smoothness(
    paths: Integer[np.ndarray, "p n t"], *, coding: Coding = ONE_VOICE
) -> PathSmoothness:
    """Smoothness of paths, whose ends are their first and last melody.

    Raises:
        ValueError: if the paths have fewer than two melodies, or an event id is unknown.
    """
    if paths.shape[1] < 2:
        raise ValueError(f"a path has two ends: got paths of {paths.shape[1]} melodies")
    paths = coding.canonical(paths)
    to_first, to_last = (_hamming(paths, paths[:, [end]]) for end in (0, -1))
    steps = _hamming(paths[:, 1:], paths[:, :-1])
    ends = np.where(to_last[:, 0] > 0, to_last[:, 0], np.nan)
    onward = (np.diff(to_first, axis=1) >= 0) & (np.diff(to_last, axis=1) <= 0)
    return PathSmoothness(
        to_first=to_first,
        to_last=to_last,
        steps=steps,
        length=steps.sum(1) / ends,
        largest_step=steps.max(1) / ends,
        monotone=onward.mean(1),
        distinct=np.array([len(np.unique(path, axis=0)) / len(path) for path in paths]),
    )


def mixed_paths(
    first: Integer[np.ndarray, "p t"],
    second: Integer[np.ndarray, "p t"],
    *,
    n: int,
    rng: np.random.Generator,
    coding: Coding = ONE_VOICE,
) -> Int[np.ndarray, "p n t"]:
    """Baseline paths: every event is that of the first or the second melody, at random.

    The probability of the second rises linearly along the path, and events are drawn anew for each
    melody of it; the result is canonical.

    Raises:
        ValueError: if the shapes differ, n < 2, or an event id is unknown.
    """
    if first.shape != second.shape or n < 2:
        raise ValueError(f"paths need pairs and two ends: {first.shape}, {second.shape}, n = {n}")
    way = np.linspace(0, 1, n)[:, None]
    coin = rng.random((len(first), n, first.shape[1])) < way
    return coding.canonical(np.where(coin, second[:, None], first[:, None]))


def _hamming(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first != second).mean(-1)
