"""Harmony of melodies with chords: answers that are known by hand."""

import math

import numpy as np
import pytest

from synvae_core.metrics.harmony import (
    chord_agreement,
    chord_changes,
    melody_over_chords,
    voice_leading,
)
from synvae_core.music.coding import Note
from synvae_core.music.harmony import NO_CHORD, TRIAD_TONES
from synvae_core.music.melody import ONE_VOICE


def over(notes, triads):
    """Measures of a melody of one bar, each half of it over a triad (None: no chord)."""
    events = ONE_VOICE.events([Note(*note) for note in notes], steps=16)[None]
    tones = np.zeros((1, 16, 12), bool)
    for half, triad in enumerate(triads):
        if triad is not None:
            tones[0, 8 * half : 8 * half + 8] = TRIAD_TONES[triad]
    return melody_over_chords(events, tones)


def test_a_melody_of_chord_tones_has_no_clash():
    found = over([(0, 8, 64), (8, 16, 71)], [0, 7])
    assert found == {"chord_tone_share": 1, "strong_chord_tone_share": 1, "clash_share": 0}


@pytest.mark.parametrize("pitch", [59, 61, 63, 65, 66, 68, 71, 73])
def test_a_semitone_beside_a_tone_of_c_major_clashes_in_any_octave(pitch):
    found = over([(0, 16, pitch)], [0, 0])
    assert found["chord_tone_share"] == 0 and found["clash_share"] == 1


@pytest.mark.parametrize("pitch", [62, 69, 70])
def test_a_whole_tone_beside_does_not(pitch):
    found = over([(0, 16, pitch)], [0, 0])
    assert found["chord_tone_share"] == 0 and found["clash_share"] == 0


def test_each_share_counts_its_own_steps():
    # C for a quarter, then F over C major; in the second half D for three quarters, no chord
    found = over([(0, 4, 60), (4, 8, 65), (8, 14, 62)], [0, None])
    assert found["chord_tone_share"] == 0.5
    assert found["strong_chord_tone_share"] == 1
    assert found["clash_share"] == 0.5


def test_nothing_together_is_no_number():
    for notes, triads in (([], [0, 0]), ([(0, 16, 60)], [None, None])):
        assert all(map(math.isnan, over(notes, triads).values()))


def test_voice_leading_counts_changes_alone():
    one = np.array([[48, 52, 55], [48, 52, 55], [48, 53, 57], [47, 50, 55]])
    assert voice_leading([one]) == pytest.approx((0 + 1 + 2 + 1 + 3 + 2) / 6)
    assert voice_leading([one, one[:1]]) == voice_leading([one])
    assert math.isnan(voice_leading([one[:2]]))
    assert math.isnan(voice_leading([]))


def test_changes_in_a_bar():
    assert chord_changes(np.array([[0, 7, 0, 7]]), steps_per_chord=8) == 2
    assert chord_changes(np.array([[0, 0, 7, 7, NO_CHORD]]), steps_per_chord=8) == pytest.approx(
        2 / 3
    )


def test_agreement_leaves_out_what_is_no_triad():
    annotated = np.array([[0, 12, 7, NO_CHORD]])
    assert chord_agreement(annotated, annotated) == {"triad_agreement": 1, "root_agreement": 1}
    found = chord_agreement(annotated, np.array([[0, 0, 5, 3]]))
    assert found == {
        "triad_agreement": pytest.approx(1 / 3),
        "root_agreement": pytest.approx(2 / 3),
    }
    silent = chord_agreement(annotated, np.full((1, 4), NO_CHORD))
    assert silent == {"triad_agreement": 0, "root_agreement": 0}
