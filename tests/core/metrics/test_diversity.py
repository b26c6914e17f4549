"""Spread of melodies, against a count pair by pair."""

from itertools import combinations

import numpy as np
import pytest
from no_checks import no_checks

from synvae_core.metrics.diversity import melody_spread
from synvae_core.music.melody import ONE_VOICE


def random_events(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random((n, 32)) < 0.3, rng.integers(0, 90, (n, 32)), 0)


def test_what_sounds_is_what_the_notes_say():
    events = random_events(50)
    for row, heard in zip(events, ONE_VOICE.sounding(events), strict=True):
        expected = np.zeros(32, int)
        for note in ONE_VOICE.notes(row):
            expected[note.start : note.end] = note.pitch
        assert np.array_equal(heard, expected)


def test_spread_agrees_with_a_count_pair_by_pair():
    events, classes = random_events(30), np.arange(30) % 3
    heard = ONE_VOICE.sounding(events)
    unlike = {True: [], False: []}
    for a, b in combinations(range(30), 2):
        unlike[classes[a] == classes[b]].append((heard[a] != heard[b]).mean())
    spread = melody_spread(events, classes)
    assert spread["within_classes"] == pytest.approx(np.mean(unlike[True]))
    assert spread["between_classes"] == pytest.approx(np.mean(unlike[False]))
    assert spread["distinct_share"] == 1


def test_one_tune_for_each_class_has_no_spread_within():
    events, classes = np.repeat(random_events(4), 25, axis=0), np.repeat(np.arange(4), 25)
    spread = melody_spread(events, classes)
    assert spread["distinct_share"] == 0.04
    assert spread["within_classes"] == 0 < spread["between_classes"]
    assert "within_classes" not in melody_spread(events[:1].repeat(2, 0), np.arange(2))
    assert "between_classes" not in melody_spread(events, np.zeros(100, int))


def test_one_melody_has_no_spread():
    with pytest.raises(ValueError, match="got 1"):
        melody_spread(random_events(1), np.zeros(1, int))
    with no_checks(), pytest.raises(ValueError, match="got 3 and 2"):
        melody_spread(random_events(3), np.zeros(2, int))
