"""The search for near-duplicates against a comparison of all pairs in all transpositions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synvae_core.music.melody import FIRST_NOTE
from synvae_workbench.data.melodies.near_duplicates import (
    near_any,
    near_pairs,
    relative_to_first_note,
)


def all_near_pairs(events: np.ndarray, max_different: int) -> list[list[int]]:
    """By definition: some shift that makes two notes agree leaves few steps different."""
    pairs = []
    for i, one in enumerate(events.astype(int)):
        for j, other in enumerate(events[i + 1 :].astype(int), i + 1):
            both = (one >= FIRST_NOTE) & (other >= FIRST_NOTE)
            shifts = set((other - one)[both].tolist())
            moved = [np.where(one >= FIRST_NOTE, one + shift, one) for shift in shifts]
            if any((row != other).sum() <= max_different for row in moved):
                pairs.append([i, j])
    return pairs


def melodies(rng: np.random.Generator, count: int, *, share: float) -> np.ndarray:
    """Random events, and of each a transposed copy with a few steps changed."""
    events = np.where(
        rng.random((count, 32)) < share, rng.integers(40, 52, (count, 32)), rng.integers(0, 2)
    )
    copies = np.where(events >= FIRST_NOTE, events + rng.integers(-9, 10, (count, 1)), events)
    for row in copies:
        row[rng.permutation(32)[: rng.integers(0, 7)]] = rng.integers(30, 60)
    return np.concatenate([events, copies]).astype(np.uint8)


@pytest.mark.parametrize("share", [0.08, 0.3, 0.7])  # 0.08 leaves whole segments without a note
@pytest.mark.parametrize("max_different", [0, 3, 5])
def test_near_pairs_are_those_of_the_definition(share, max_different):
    events = melodies(np.random.default_rng(3), 40, share=share)
    expected = all_near_pairs(events, max_different)
    assert near_pairs(events, max_different=max_different).tolist() == expected
    assert 3 < len(expected) < len(events) ** 2 / 8


@pytest.mark.parametrize("share", [0.3, 0.7])
@pytest.mark.parametrize(("max_different", "repeats"), [(0, 1), (3, 1), (5, 1), (6, 2)])
def test_near_any_is_that_of_the_definition(share, max_different, repeats):
    events = np.tile(melodies(np.random.default_rng(4), 40, share=share), repeats)
    pairs = np.array(all_near_pairs(events, max_different))
    for first, second in ((40, 80), (25, 55)):
        across = pairs[(pairs[:, 0] < first) & (pairs[:, 1] >= first) & (pairs[:, 1] < second), 1]
        found = near_any(events[first:second], events[:first], max_different=max_different)
        assert np.array_equal(np.flatnonzero(found), np.unique(across) - first)
        assert 0 < found.sum() < len(found)
    assert not near_any(events, events[:0], max_different=max_different).any()
    assert near_any(events[:0], events, max_different=max_different).shape == (0,)


def test_of_nothing_there_are_no_pairs():
    assert near_pairs(np.zeros((0, 32), np.uint8)).shape == (0, 2)
    assert near_pairs(np.zeros((5, 32), np.uint8)).shape == (0, 2)  # no note, no transposition


@given(st.lists(st.integers(0, 60), min_size=32, max_size=32), st.integers(0, 29))
def test_transpositions_are_equal_relative_to_the_first_note(events, shift):
    one = np.array([events], np.uint8)
    other = np.where(one >= FIRST_NOTE, one + shift, one).astype(np.uint8)
    relative = relative_to_first_note(one)
    assert np.array_equal(relative, relative_to_first_note(other))
    assert np.array_equal(relative >= FIRST_NOTE, one >= FIRST_NOTE)
    notes = relative[relative >= FIRST_NOTE]
    assert not len(notes) or notes[0] == 128
