"""Voicings against a search of all, figures that tell the key, notes that stay in their place."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synvae_core.music.accompaniment import (
    BASS_FIGURES,
    CEILINGS,
    CHORD_FIGURES,
    LOWEST_BASS,
    LOWEST_CHORD,
    STYLES,
    Accompaniment,
    accompany,
    voice,
)
from synvae_core.music.harmony import TRIAD_TONES
from synvae_core.music.melody import ONE_VOICE

melodies = hnp.arrays(
    np.int64, st.sampled_from([32, 36, 128]), elements=st.integers(0, 1) | st.integers(2, 89)
)


@pytest.mark.parametrize("ceiling", CEILINGS)
def test_no_other_voicing_moves_less(ceiling):
    chords = np.array([0, 21, 5, 7])
    found = voice(chords, ceiling=ceiling)
    pitches = range(LOWEST_CHORD, ceiling + 1)
    options = [
        [
            triple
            for triple in product(pitches, repeat=3)
            if list(triple) == sorted(set(triple))
            and triple[2] - triple[0] < 12
            and {pitch % 12 for pitch in triple} == set(np.flatnonzero(TRIAD_TONES[chord]))
        ]
        for chord in chords
    ]
    least = min(np.abs(np.diff(path, axis=0)).sum() for path in product(*options))
    assert np.abs(np.diff(found, axis=0)).sum() == least
    assert all(tuple(row) in several for row, several in zip(found, options, strict=True))


def test_every_triad_has_a_voicing_below_the_lowest_ceiling():
    assert voice(np.arange(24), ceiling=CEILINGS[0]).max() <= CEILINGS[0]
    with pytest.raises(ValueError, match="ceiling"):
        voice(np.arange(24), ceiling=CEILINGS[0] - 1)


def test_no_two_keys_or_styles_have_one_rhythm():
    rhythms = {
        (
            tuple(note[:2] for note in CHORD_FIGURES[tonic % len(CHORD_FIGURES)]),
            tuple(note[:2] for note in BASS_FIGURES[style][tonic % len(BASS_FIGURES[style])]),
        )
        for tonic in range(12)
        for style in STYLES
    }
    assert len(rhythms) == 24


@given(melodies, st.sampled_from(STYLES))
def test_chords_and_bass_keep_to_their_registers_and_to_the_melody_s_length(melody, style):
    chords, bass, harmony = accompany(melody, style=style)
    lowest = min((note.pitch for note in ONE_VOICE.notes(melody)), default=0)
    if not lowest:
        assert not chords and not bass
        return
    assert {note.pitch for note in bass} <= set(range(LOWEST_BASS, LOWEST_BASS + 12))
    assert max(note.pitch for note in chords) <= max(lowest - 1, CEILINGS[0])
    assert min(note.pitch for note in chords) >= LOWEST_CHORD
    assert max(note.end for note in bass) == len(melody)
    for note in chords:
        assert TRIAD_TONES[harmony.chords[note.start // 8], note.pitch % 12]
        assert note.start < note.end <= len(melody)


@pytest.mark.parametrize(
    "options",
    [{"style": "jazz"}, {"chord_program": 128}, {"bass_program": -1}, {"bass_level": 0}],
)
def test_options_out_of_range_are_refused_by_name(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Accompaniment(**options)
