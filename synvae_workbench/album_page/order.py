"""Order of melodies in which neighbours sound alike.

A path through all melodies along short distances of blurred rolls: from each to the nearest one
that is left (Rosenkrantz, Stearns & Lewis 1977, "An Analysis of Several Heuristics for the
Traveling Salesman Problem"), and then with stretches of it turned round where that makes it
shorter (2-opt; Croes 1958).
"""

import numpy as np
from jaxtyping import Float32, Int, UInt8

from synvae_core.metrics.melody_distances.roll_tables import roll_norms, squared_distances

BLOCK = 3000  # melodies of which all distances are known at once: 36 MB
ROUNDS = 20  # of 2-opt at most


def order_by_ear(codes: UInt8[np.ndarray, "n t"]) -> Int[np.ndarray, " n"]:
    """Rows of melodies along a short path, from `roll_codes`.

    Of more than `BLOCK`, paths through groups of that size, of like height, one after the other.
    """
    heights = np.where(codes > 0, codes, np.nan)
    empty = ~(codes > 0).any(1)
    heights[empty] = 0
    along = np.nanmean(heights, axis=1).argsort(kind="stable") if len(codes) else np.arange(0)
    blocks = np.array_split(along, max(1, -(-len(codes) // BLOCK)))
    return np.concatenate([block[_path(_distances(codes[block]))] for block in blocks])


def neighbour_distance(codes: UInt8[np.ndarray, "n t"], order: Int[np.ndarray, " n"]) -> float:
    """Mean distance of blurred rolls of melodies that follow each other; 0 of fewer than two."""
    ordered = codes[order]
    norms = roll_norms(ordered)
    apart = [
        squared_distances(ordered[i], ordered[i + 1 : i + 2], norms[i + 1 : i + 2])[0]
        for i in range(len(ordered) - 1)
    ]
    return float(np.sqrt(apart).mean()) if apart else 0.0


def _distances(codes: UInt8[np.ndarray, "n t"]) -> Float32[np.ndarray, "n n"]:
    norms = roll_norms(codes)
    rows = [np.sqrt(squared_distances(each, codes, norms)) for each in codes]
    return np.stack(rows) if rows else np.zeros((0, 0), np.float32)


def _path(apart: Float32[np.ndarray, "n n"]) -> Int[np.ndarray, " n"]:
    """Path from the first item through all others."""
    n = len(apart)
    left, path = np.ones(n, bool), np.zeros(n, np.int64)
    for place in range(n):
        at = 0 if place == 0 else np.where(left, apart[path[place - 1]], np.inf).argmin()
        path[place], left[at] = at, False
    for _ in range(ROUNDS):
        if not _shortened(path, apart):
            break
    return path


def _shortened(path: Int[np.ndarray, " n"], apart: Float32[np.ndarray, "n n"]) -> bool:
    """Turns round, in place, for each start the stretch that saves most; whether any saved."""
    saved = False
    for start in range(1, len(path) - 1):
        before, first = path[start - 1], path[start]
        ends = path[start + 1 :]
        after = np.append(path[start + 2 :], -1)
        # An end of the path has no edge behind it.
        behind = np.where(after < 0, 0, apart[ends, after])
        new_behind = np.where(after < 0, 0, apart[first, after])
        gain = apart[before, first] + behind - apart[before, ends] - new_behind
        best = int(gain.argmax())
        if gain[best] > 1e-4:
            end = start + 1 + best
            path[start : end + 1] = path[start : end + 1][::-1].copy()
            saved = True
    return saved
