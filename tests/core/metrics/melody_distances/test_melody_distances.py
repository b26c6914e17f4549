"""Every ear: 0 for the same, and in the order in which people hear likeness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synvae_core.metrics.melody_distances import MELODY_DISTANCES, paired_distances
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE

# By ear, time and pitch of a tune are worth the same wherever it lies.
MOVABLE = ("opti3", "pitch_edits")


def tune(pitches, length=2, steps=32):
    starts = range(0, length * len(pitches), length)
    pairs = zip(starts, pitches, strict=True)
    notes = [Note(start, start + length, pitch) for start, pitch in pairs]
    return ONE_VOICE.events(notes, steps=steps)


THEME = [62, 66, 69, 66, 67, 69, 71, 69, 74, 73, 71, 69, 67, 66, 64, 62]
ONE_NOTE_CHANGED = [*THEME[:5], 71, *THEME[6:]]
OTHER = [81, 81, 60, 84, 55, 79, 58, 80, 57, 77, 59, 82, 56, 78, 61, 83]


def test_pairs_beyond_one_block_are_each_compared():
    sizes = np.arange(100)[:, None]

    def difference(first, second):
        return np.abs(first - second.T).astype(float)

    found = paired_distances(difference, sizes, 2 * sizes)
    assert found.tolist() == sizes[:, 0].tolist()


@pytest.mark.parametrize("name", MELODY_DISTANCES)
class TestEveryEar:
    def test_the_same_melody_is_at_no_distance(self, name):
        events = np.stack([tune(THEME), tune(OTHER), tune(THEME)])
        distances = MELODY_DISTANCES[name](events)
        assert distances.shape == (3, 3)
        assert distances.diagonal() == pytest.approx(0, abs=1e-4)
        assert distances[0, 2] == pytest.approx(0, abs=1e-4)
        assert distances[0, 1] > 0

    def test_one_note_changes_less_than_another_melody(self, name):
        events = np.stack([tune(THEME), tune(ONE_NOTE_CHANGED), tune(OTHER)])
        distances = MELODY_DISTANCES[name](events)
        assert 0 < distances[0, 1] < 0.5 * distances[0, 2]

    def test_against_others_as_against_each_other(self, name):
        theirs = tune(OTHER, 1), tune(THEME[:8], 4), tune(THEME[:3], 1)
        events = np.stack([tune(THEME), *theirs])
        distances = MELODY_DISTANCES[name](events)
        assert distances == pytest.approx(distances.T, abs=1e-4)
        assert MELODY_DISTANCES[name](events[:3], events[1:]) == pytest.approx(
            distances[:3, 1:], abs=1e-4
        )
        twins = paired_distances(MELODY_DISTANCES[name], events, np.roll(events, 1, 0))
        assert twins == pytest.approx(distances[[0, 1, 2, 3], [3, 0, 1, 2]], abs=1e-4)

    def test_a_melody_without_a_note_has_a_distance(self, name):
        events = np.stack([np.zeros(32, np.int64), tune(THEME), tune([60], 1)])
        distances = MELODY_DISTANCES[name](events)
        assert np.isfinite(distances).all()
        assert distances[0, 1] > 0

    def test_a_transposed_melody(self, name):
        higher = [pitch + 3 for pitch in THEME]
        distance = MELODY_DISTANCES[name](np.stack([tune(THEME), tune(higher)]))[0, 1]
        assert (distance == 0) == (name in MOVABLE)


def test_opti3_of_a_kept_rhythm_with_other_pitches_has_the_rhythm_left():
    events = np.stack([tune(THEME), tune(OTHER)])
    # no trigram in common, all of the rhythm, and what the keys of two bars share
    left = 1 - MELODY_DISTANCES["opti3"](events)[0, 1] - (0.417 - 0.146)
    assert min(abs(left - 0.24 * share) for share in (0, 0.5, 1)) < 1e-9


def test_opti3_counts_trigrams_as_melsim_does():
    from synvae_core.metrics.melody_distances.notes import note_arrays
    from synvae_core.metrics.melody_distances.opti3 import rhythm_similarity, trigram_overlap

    first = note_arrays(np.stack([tune([60, 62, 64, 62, 64, 62, 64])]))
    second = note_arrays(np.stack([tune([60, 62, 64, 62, 60, 62, 64])]))
    # 2 2 -2, 2 -2 2, -2 2 -2, 2 -2 2 against 2 2 -2, 2 -2 -2, -2 -2 2, -2 2 2: one of four each
    assert trigram_overlap(first, second) == pytest.approx(2 / 8)
    slow = note_arrays(np.stack([tune([60, 62, 64, 62], 8), tune([60, 62, 64, 62], 1)]))
    assert rhythm_similarity(slow, slow) == pytest.approx(np.eye(2))


def test_earth_is_moved_as_far_as_the_notes():
    distances = MELODY_DISTANCES["earth_mover"](
        np.stack([tune([60], 4), tune([67], 4), np.roll(tune([60], 4), 2), tune([60], 2)])
    )
    assert distances[0] == pytest.approx([0, 7, 2, (2 * 0 + 2 * 12) / 4])


def test_pitch_edits_are_shares_of_the_longer_melody():
    events = np.stack([tune(THEME), tune(THEME[:8]), tune(ONE_NOTE_CHANGED)])
    distances = MELODY_DISTANCES["pitch_edits"](events)
    assert distances[0] == pytest.approx([0, 8 / 16, 1 / 16])


def brute_edits(first, second):
    """Wagner and Fischer's table, cell by cell."""
    table = np.add.outer(np.arange(len(first) + 1), np.arange(len(second) + 1))
    for i, one in enumerate(first, 1):
        for j, other in enumerate(second, 1):
            table[i, j] = min(
                table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (one != other)
            )
    return table[-1, -1]


pitches = st.lists(st.integers(55, 75), max_size=9)


@settings(max_examples=30)
@given(st.lists(pitches, min_size=2, max_size=4))
def test_pitch_edits_are_the_fewest_over_all_transpositions(melodies):
    distances = MELODY_DISTANCES["pitch_edits"](np.stack([tune(each, 1, 16) for each in melodies]))
    for i, one in enumerate(melodies):
        for j, other in enumerate(melodies):
            edits = min(
                brute_edits(one, [pitch + interval for pitch in other])
                for interval in range(-21, 22)
            )
            assert distances[i, j] == pytest.approx(edits / max(1, len(one), len(other)))
