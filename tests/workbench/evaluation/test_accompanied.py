"""Measures of melodies with chords, on melodies whose chords are known."""

import numpy as np
import pytest

from synvae_core.music.coding import Note
from synvae_core.music.harmony import NO_CHORD, TRIAD_TONES
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.data.melodies.pop909_chords import ChordedPieces
from synvae_workbench.evaluation.accompanied import (
    ROOT_POSITIONS,
    agreement_measures,
    annotated_measures,
    harmonised_measures,
    measures_table,
)

# C C G G, then F F C C: broken triads, a note to each quaver
TRIADS = np.array([[0, 0, 0, 0, 7, 7, 7, 7, 5, 5, 5, 5, 0, 0, 0, 0]])
NOTES = [
    Note(2 * at, 2 * at + 2, 60 + int(np.flatnonzero(TRIAD_TONES[triad])[at % 3]))
    for at, triad in enumerate(TRIADS[0].repeat(2))
]
EVENTS = ONE_VOICE.events(NOTES, steps=64)[None]
ONE = np.zeros(1, np.int64)
PIECES = ChordedPieces(EVENTS.astype(np.uint8), TRIADS, TRIAD_TONES[TRIADS], ONE, ONE, ONE)


def test_root_positions_are_the_triads():
    for triad, pitches in enumerate(ROOT_POSITIONS):
        assert set(pitches % 12) == set(np.flatnonzero(TRIAD_TONES[triad]))
        assert pitches[0] % 12 == triad % 12


def test_annotated_chords_are_measured_as_they_are():
    found = annotated_measures(PIECES)
    assert found["chord_tone_share"] == found["strong_chord_tone_share"] == 1
    assert found["clash_share"] == 0
    assert found["chord_changes"] == pytest.approx(3 / 7 * 2)
    assert found["root_position_leading"] == pytest.approx((7 + 2 + 5) / 3)
    assert found["voice_leading"] < found["root_position_leading"]


def test_a_style_that_finds_the_chords_measures_the_same():
    assert agreement_measures(PIECES, style="fiddle")["triad_agreement"] == 1
    assert harmonised_measures(EVENTS, style="fiddle") == annotated_measures(PIECES)


def test_silence_has_no_chord_and_no_figures():
    found = harmonised_measures(np.zeros((2, 32), np.int64), style="fiddle")
    assert np.isnan(list(found.values())).all()
    none = PIECES._replace(triads=np.full_like(TRIADS, NO_CHORD))
    assert np.isnan(agreement_measures(none, style="fiddle")["triad_agreement"])


def test_a_table_leaves_empty_what_a_set_has_not():
    lines = measures_table({"one": {"a_b": 0.5}, "two": {"c": 1.0}}).splitlines()
    assert [line.split() for line in lines] == [["one", "two"], ["a", "b", "0.500"], ["c", "1.000"]]
