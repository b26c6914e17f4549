"""Splits of recordings into training, validation and testing, without copies across them.

Recordings with the same samples, whatever they are called, are always in the same part.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from synvae_workbench.data.options import SpeechOptions

TEST_SHARE = 0.1  # of each digit's recordings: 90/10, as in arXiv 2109.13354
OWN_TEST = 5  # first recordings of each digit by each speaker, which FSDD is tested on


class RecordingFacts(NamedTuple):
    """Facts of each recording; `contents` tell those with different samples apart."""

    ids: Sequence[str]
    digits: Int[np.ndarray, " n"]
    speakers: Sequence[str]
    indices: Sequence[int | None]
    contents: Sequence[str]


def split_recordings(recordings: RecordingFacts, options: SpeechOptions) -> Int[np.ndarray, " n"]:
    """Part of each recording: 0 training, 1 validation, 2 test.

    Drawn digit by digit, in an order that only ids and seed decide: a recording more or less moves
    few others. Copies follow to the test, or else to validation.

    Raises:
        ValueError: if nothing is for testing, or a digit has nothing to train on.
    """
    ids, digits, speakers, indices, contents = recordings
    names = [f"{options.seed} {name}".encode("utf-8", "surrogateescape") for name in ids]
    keys = [hashlib.sha256(name).digest() for name in names]
    order = np.array(sorted(range(len(ids)), key=keys.__getitem__), int)
    groups = np.unique(np.array(contents, str), return_inverse=True)[1]
    if options.split == "published":
        test = _drawn(order, digits, TEST_SHARE, at_least=1)
    elif options.split == "own":
        test = _own(ids, indices)
    else:
        test = _spoken_by(options.speaker, speakers)
    test = np.isin(groups, groups[test])
    held_out = _drawn(order[~test[order]], digits, options.validation)
    held_out = np.isin(groups, groups[held_out])
    part = np.where(test, 2, held_out.astype(int))
    _check(part, digits, options.split)
    return part


def _drawn(
    order: Int[np.ndarray, " m"], digits: Int[np.ndarray, " n"], share: float, at_least: int = 0
) -> Bool[np.ndarray, " n"]:
    """The first of each digit in that order; always less than all of them."""
    chosen = np.zeros(len(digits), bool)
    for digit in range(10):
        rows = order[digits[order] == digit]
        count = min(max(round(share * len(rows)), at_least), len(rows) - 1)
        chosen[rows[: max(count, 0)]] = True
    return chosen


def _own(ids: Sequence[str], indices: Sequence[int | None]) -> Bool[np.ndarray, " n"]:
    for name, index in zip(ids, indices, strict=True):
        if index is None:
            raise ValueError(
                f"{name} has no index in its name, by which split='own' goes: name recordings "
                "{digit}_{speaker}_{index}, or take another split"
            )
    return np.array([index < OWN_TEST for index in indices], bool)


def _spoken_by(speaker: str, speakers: Sequence[str]) -> Bool[np.ndarray, " n"]:
    if speaker not in speakers:
        known = ", ".join(sorted(set(speakers)))
        raise ValueError(f"speaker is one of {known}; got {speaker!r}")
    return np.array([name == speaker for name in speakers], bool)


def _check(part: Int[np.ndarray, " n"], digits: Int[np.ndarray, " n"], split: str) -> None:
    if not (part == 2).any():
        raise ValueError(f"split={split!r} leaves no recording to test on: add more, or another")
    if empty := sorted(set(digits.tolist()) - set(digits[part == 0].tolist())):
        raise ValueError(
            f"split={split!r} leaves nothing to train on of {', '.join(map(str, empty))}: add "
            "recordings of other speakers or indices, or take another split"
        )
