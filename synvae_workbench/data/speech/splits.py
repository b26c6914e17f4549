"""Splits of recordings into training, validation and test, with equal recordings in one split."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from synvae_workbench.data.options import SpeechOptions

TEST_SHARE = 0.1  # of each digit's recordings: 90/10, as in arXiv 2109.13354
OWN_TEST = 5  # first recordings of each digit and speaker, FSDD's test set


class RecordingFacts(NamedTuple):
    """Id, digit, speaker and index of each recording; `contents` are digests of the samples."""

    ids: Sequence[str]
    digits: Int[np.ndarray, " n"]
    speakers: Sequence[str]
    indices: Sequence[int | None]
    contents: Sequence[str]


def split_recordings(recordings: RecordingFacts, options: SpeechOptions) -> Int[np.ndarray, " n"]:
    """Split of each recording: 0 training, 1 validation, 2 test.

    Stratified by digit and drawn by a hash of ids and seed: one recording more or less moves few
    others. Recordings of equal samples go together, to test before validation.

    Raises:
        ValueError: if nothing is for testing, or a digit has nothing to train on.
    """
    ids, digits, speakers, indices, contents = recordings
    names = [f"{options.seed} {name}".encode("utf-8", "surrogateescape") for name in ids]
    keys = [hashlib.sha256(name).digest() for name in names]
    order = np.array(sorted(range(len(ids)), key=keys.__getitem__), int)
    groups = np.unique(np.array(contents, str), return_inverse=True)[1]
    if options.split == "published":
        test = _draw(order, digits, TEST_SHARE, at_least=1)
    elif options.split == "own":
        test = _test_by_index(ids, indices)
    else:
        test = _test_by_speaker(options.speaker, speakers)
    test = np.isin(groups, groups[test])
    least = 1 if options.validation else 0
    held_out = _draw(order[~test[order]], digits, options.validation, at_least=least)
    held_out = np.isin(groups, groups[held_out])
    part = np.where(test, 2, held_out.astype(int))
    _check(part, digits, options.split)
    return part


def _draw(
    order: Int[np.ndarray, " m"], digits: Int[np.ndarray, " n"], share: float, at_least: int = 0
) -> Bool[np.ndarray, " n"]:
    """True for the first share of each digit in an order; never for all of a digit."""
    chosen = np.zeros(len(digits), bool)
    for digit in range(10):
        rows = order[digits[order] == digit]
        count = min(max(round(share * len(rows)), at_least), len(rows) - 1)
        chosen[rows[: max(count, 0)]] = True
    return chosen


def _test_by_index(ids: Sequence[str], indices: Sequence[int | None]) -> Bool[np.ndarray, " n"]:
    for name, index in zip(ids, indices, strict=True):
        if index is None:
            raise ValueError(
                f"{name} has no index in its name, by which the split 'own' goes: name recordings "
                "{digit}_{speaker}_{index}, or take another split"
            )
    return np.array([index < OWN_TEST for index in indices], bool)


def _test_by_speaker(speaker: str, speakers: Sequence[str]) -> Bool[np.ndarray, " n"]:
    if speaker not in speakers:
        known = ", ".join(sorted(set(speakers)))
        raise ValueError(f"speaker is one of {known}; got {speaker!r}")
    return np.array([name == speaker for name in speakers], bool)


def _check(part: Int[np.ndarray, " n"], digits: Int[np.ndarray, " n"], split: str) -> None:
    if not (part == 2).any():
        raise ValueError(
            f"the split {split!r} leaves no recording to test on: expected 3 or more of each digit"
        )
    if empty := sorted(set(digits.tolist()) - set(digits[part == 0].tolist())):
        raise ValueError(
            f"the split {split!r} leaves nothing to train on of {', '.join(map(str, empty))}: add "
            "recordings of other speakers or indices, or take another split"
        )
