"""Corpora of melodies: deduplication, split by tune, and caching.

Of windows that are transpositions of each other one is kept, and held-out windows that nearly
duplicate one of training are left out.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from synvae_core.small_files import parse_json
from synvae_workbench.data.cache import cached_arrays
from synvae_workbench.data.melodies.near_duplicates import near_any
from synvae_workbench.data.melodies.windows import first_in_any_key

MAX_DIFFERENT = 3  # steps, of 32, on which near-duplicates may differ
HELD_OUT = 0.05  # of the windows, in validation and in test each


class Corpus(NamedTuple):
    """Windows of melodies as event ids, in canonical form, in three splits, each with its tune."""

    train: UInt8[np.ndarray, "train t"]
    validation: UInt8[np.ndarray, "validation t"]
    test: UInt8[np.ndarray, "test t"]
    train_tunes: np.ndarray
    validation_tunes: np.ndarray
    test_tunes: np.ndarray
    tunes: Sequence[str]  # "collection/file X title" or a file's path, by tune id
    statistics: dict

    @property
    def left_out(self) -> dict[str, int]:
        """Number of files in the user's folder that are no part of the corpus, by reason."""
        return self.statistics.get("left_out", {})


def distinct_in_tune(windows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Windows of all tunes, without a tune's repetitions in any key, and the tune of each."""
    events = np.concatenate(windows)
    owner = np.repeat(np.arange(len(windows)), [len(part) for part in windows])
    kept = [first_in_any_key(part) for part in windows]
    keep = np.repeat(np.cumsum([0, *map(len, windows)])[:-1], list(map(len, kept)))
    keep += np.concatenate(kept)
    return events[keep], owner[keep]


def collect(
    windows: list[UInt8[np.ndarray, "_ t"]],
    part: Int[np.ndarray, " tunes"],
    names: list[str],
    statistics: dict,
) -> Corpus:
    """Builds a corpus of the tunes' windows without duplicates in any key.

    Held-out windows that nearly duplicate one of training are left out.

    Args:
        windows: of each tune.
        part: of each tune: 0 training, 1 validation, 2 test.
        statistics: to which the numbers of windows left out are added.
    """
    events, owner = distinct_in_tune(windows)
    total = sum(map(len, windows))
    statistics |= {"windows": total, "repeated_within_tune": total - len(events)}
    part = part[owner]
    order = np.argsort(part, kind="stable")  # a window of several parts is kept in training
    order = order[first_in_any_key(events[order])]
    statistics["repeated_between_tunes"] = len(events) - len(order)
    events, owner, part = events[order], owner[order], part[order]
    leaks = np.zeros(len(events), bool)
    for held_out in (1, 2):
        leaks[part == held_out] = near_any(
            events[part == held_out],
            events[part < held_out],
            max_different=near_steps(events.shape[1]),
        )
    statistics["held_out_near_training"] = int(leaks.sum())
    events, owner, part = events[~leaks], owner[~leaks], part[~leaks]
    statistics["tunes_with_windows"] = len(np.unique(owner))
    return Corpus(
        *(events[part == index] for index in range(3)),
        *(owner[part == index] for index in range(3)),
        names,
        statistics,
    )


def near_steps(steps: int) -> int:
    """Number of steps, of so many, on which near-duplicates may differ."""
    return MAX_DIFFERENT * steps // 32


def split_tunes(
    group: Int[np.ndarray, " tunes"],
    names: list[str],
    owner: Int[np.ndarray, " n"],
    *,
    seed: int,
) -> Int[np.ndarray, " tunes"]:
    """Split of tunes by group: 0 training, 1 validation, 2 test.

    Tunes are ordered by a hash of their names, so that one more or less moves few others. No part
    is empty where there are three groups.

    Args:
        owner: the tune of each window; parts are 90/5/5 in windows.
    """
    sizes = np.bincount(group[owner], minlength=group.max() + 1)
    hashes = [hashlib.sha256(f"{seed} {name}".encode()).hexdigest() for name in names]
    order = list(dict.fromkeys(group[index] for index in np.argsort(hashes)))
    share = (np.cumsum(sizes[order]) - sizes[order] / 2) / sizes.sum()
    part = np.zeros(len(sizes), int)
    part[order] = np.select([share < HELD_OUT, share < 2 * HELD_OUT], [1, 2], 0)
    there = [index for index in order if sizes[index]]
    part[there] = fill_parts(part[there])
    return part[group]


def fill_parts(part: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Split without an empty part where there are three items or more: the largest part gives one.

    Args:
        part: of each item, in the order of the hash that has drawn the split: 0 training, 1
            validation, 2 test.
    """
    part = part.copy()
    for empty in range(3):
        counts = np.bincount(part, minlength=3)
        if not counts[empty] and counts.max() > 1:
            part[np.flatnonzero(part == counts.argmax())[0 if empty else -1]] = empty
    return part


_ARRAYS = ("train", "validation", "test", "train_tunes", "validation_tunes", "test_tunes")


def cached_corpus(path: Path, build: Callable[[], Corpus]) -> Corpus:
    """Loads a corpus from a file of the cache, or builds and stores it."""
    names = (*_ARRAYS, "tunes", "statistics")
    stored = cached_arrays(path, names, lambda: _to_arrays(build()), compressed=True)
    arrays = [stored[name] for name in _ARRAYS]
    return Corpus(*arrays, stored["tunes"].tolist(), parse_json(str(stored["statistics"])))


def _to_arrays(corpus: Corpus) -> dict[str, np.ndarray]:
    return {name: getattr(corpus, name) for name in _ARRAYS} | {
        "tunes": np.array(corpus.tunes),
        "statistics": np.array(json.dumps(corpus.statistics)),
    }
