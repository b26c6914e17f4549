"""Chords of melodies: known progressions, any key, weights that come back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synvae_core.music.accompaniment import STYLES, harmoniser_of
from synvae_core.music.chord_rules import rule_tables
from synvae_core.music.coding import Note
from synvae_core.music.harmony import (
    BAR,
    NO_CHORD,
    PHRASE_END,
    PIECE_END,
    TRIAD_TONES,
    WITHIN,
    ChordTables,
    Harmoniser,
    load_harmoniser,
    pitch_class_profile,
    place_of,
    save_harmoniser,
    transpose_triads,
)
from synvae_core.music.melody import ONE_VOICE

melodies = hnp.arrays(
    np.int64, st.sampled_from([32, 40, 64]), elements=st.integers(0, 1) | st.integers(30, 60)
)


def broken(chords, *, octave=60):
    """A melody that breaks each triad (root, third, fifth, third in quavers) in half a bar."""
    notes = []
    for span, tones in enumerate(chords):
        for at, tone in enumerate((*tones, tones[1])):
            notes.append(Note(8 * span + 2 * at, 8 * span + 2 * at + 2, octave + tone))
    return ONE_VOICE.events(notes, steps=8 * len(chords))


C, F, G, AM = (0, 4, 7), (5, 9, 12), (7, 11, 14), (9, 12, 16)


@pytest.mark.parametrize("style", STYLES)
def test_a_broken_progression_is_heard_as_what_it_is(style):
    melody = broken([C, C, AM, AM, F, F, G, G, C, C, F, F, G, G, C, C])
    found = harmoniser_of(style).harmonise(melody)
    expected = [0, 0, 21, 21, 5, 5, 7, 7, 0, 0, 5, 5, 7, 7, 0, 0]
    assert found.chords.tolist() == expected
    assert found.tonic == 0


@given(melodies, st.integers(-9, 28), st.sampled_from(STYLES))
def test_chords_of_a_transposed_melody_are_transposed(melody, semitones, style):
    harmoniser = harmoniser_of(style)
    one, other = map(harmoniser.harmonise, (melody, ONE_VOICE.transpose(melody, semitones)))
    if ONE_VOICE.starts(melody).any():
        assert other.chords.tolist() == transpose_triads(one.chords, semitones).tolist()
        assert (other.tonic - one.tonic - semitones) % 12 == 0
    else:
        assert set(one.chords.tolist()) == {NO_CHORD}
    assert len(one.chords) == -(-len(melody) // 8)


def test_the_path_is_the_best_of_all():
    rng = np.random.default_rng(0)
    tables = ChordTables(
        rng.normal(size=(1, 24, 12)), rng.normal(size=(1, 4, 24, 24)), rng.normal(size=(1, 24))
    )
    melody = broken([C, F, G])
    found = Harmoniser(tables, weight=1.0).harmonise(melody)
    emission, transition, initial = (table[0] for table in tables)
    profile = pitch_class_profile(melody, onset_weight=3.0)
    scores = []
    for tonic in range(12):
        heard = np.roll(profile, -tonic, axis=1) @ emission.T
        first = initial + heard[0]
        second = transition[place_of(1, 3)] + heard[1]
        third = transition[place_of(2, 3)] + heard[2]
        scores.append(first[:, None, None] + second[:, :, None] + third)
    tonic, *path = np.unravel_index(np.argmax(scores), np.shape(scores))
    assert found.chords.tolist() == transpose_triads(np.array(path), int(tonic)).tolist()


def test_places_of_two_phrases():
    places = [place_of(span, 16) for span in range(16)]
    assert places[:8] == [BAR, WITHIN, BAR, WITHIN, BAR, WITHIN, BAR, PHRASE_END]
    assert places[8:] == [BAR, WITHIN, BAR, WITHIN, BAR, WITHIN, BAR, PIECE_END]


def test_rules_take_the_chords_of_their_mode_alone():
    rng = np.random.default_rng(1)
    modes = [{0, 5, 7, 14, 21}, {0, 10, 5, 19}, {12, 10, 5, 3, 19}, {12, 7, 10, 17, 8, 3}]
    for _ in range(20):
        found = harmoniser_of("fiddle").harmonise(rng.integers(30, 60, 64))
        relative = set(transpose_triads(found.chords, -found.tonic).tolist())
        assert relative <= modes[found.mode]
    assert len(rule_tables().initial) == len(modes)


def test_a_harmoniser_comes_back_from_its_folder(tmp_path):
    harmoniser = Harmoniser(rule_tables(), weight=1.5)
    save_harmoniser(harmoniser, tmp_path)
    again = load_harmoniser(tmp_path)
    assert again.weight == 1.5
    for table, other in zip(harmoniser.tables, again.tables, strict=True):
        np.testing.assert_allclose(table, other, atol=1e-6)
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="holds no harmoniser"):
        load_harmoniser(tmp_path)


def test_triads():
    assert np.flatnonzero(TRIAD_TONES[0]).tolist() == [0, 4, 7]
    assert np.flatnonzero(TRIAD_TONES[12 + 9]).tolist() == [0, 4, 9]
    assert (TRIAD_TONES.sum(1) == 3).all()
