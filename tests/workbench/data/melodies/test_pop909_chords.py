"""Annotated chords on their beats: names, made-up songs, and the real ones where they are."""

from pathlib import Path

import numpy as np
import pytest
from no_checks import no_checks

from synvae_core.music.coding import Note
from synvae_core.music.harmony import NO_CHORD, TRIAD_TONES
from synvae_workbench.data.melodies.pop909 import Song
from synvae_workbench.data.melodies.pop909_chords import (
    chord_of,
    chorded_windows,
    load_chorded_pieces,
    read_chords,
    read_key,
)
from synvae_workbench.data.registry import CorpusOptions


@pytest.mark.parametrize(
    ("name", "triad", "tones"),
    [
        ("C:maj", 0, {0, 4, 7}),
        ("Bb:min7/b7", 22, {10, 1, 5, 8}),
        ("C#:maj/3", 1, {1, 5, 8}),
        ("Cb:7", 11, {11, 3, 6, 9}),
        ("F:sus4(b7)", NO_CHORD, {5, 10, 0, 3}),
        ("B:hdim7", NO_CHORD, {11, 2, 5, 9}),
        ("N", NO_CHORD, set()),
    ],
)
def test_names_of_chords(name, triad, tones):
    found, classes = chord_of(name)
    assert (found, set(classes)) == (triad, tones)
    if triad != NO_CHORD:
        assert set(np.flatnonzero(TRIAD_TONES[triad])) <= tones


@pytest.mark.parametrize("name", ["H:maj", "C:major", "C", ""])
def test_what_is_no_chord_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"chord '{name}' is unknown"):
        chord_of(name)


def test_a_beat_has_the_chord_of_its_middle():
    times = 0.5 * np.arange(8)
    text = b"0.0\t0.9\tC:maj\n0.9\t2.3\tG:7\n2.3\t3.0\tN\n3.0\t9.0\tA:min\n"
    triads, tones = read_chords(text, times)
    assert triads.tolist() == [0, 0, 7, 7, 7, NO_CHORD, 21, 21]
    assert tones.sum(1).tolist() == [3, 3, 4, 4, 4, 0, 3, 3]


def test_a_song_has_one_key_or_none():
    assert read_key(b"0.0 100.0 Gb:maj\n") == 6
    assert read_key(b"0.0 50.0 A:min\n50.0 90.0 A:min\n") == 21
    assert read_key(b"0.0 50.0 A:min\n50.0 90.0 B:min\n") == NO_CHORD
    assert read_key(b"") == NO_CHORD


def test_windows_do_not_overlap_and_skip_other_bars():
    notes = [Note(start, start + 4, 60) for start in range(0, 112, 4)]
    song = Song(notes, np.array([0, 16, 32, 52, 68, 84]))  # the third bar has five beats
    triads = np.arange(28) % 24
    tones = TRIAD_TONES[triads]
    events, found, _ = chorded_windows(song, triads, tones, bars=2)
    assert events.shape == (2, 32)
    assert found[:, 0].tolist() == [0, 13]
    assert not len(chorded_windows(song, triads, tones, bars=8)[0])


@pytest.mark.data
@pytest.mark.slow
def test_the_real_songs_have_chords_that_fit_their_melodies(data_folder):
    folder = Path(data_folder) / "midi" / "pop909" / "POP909"
    with no_checks():  # of each of thousands of windows
        pieces = load_chorded_pieces(CorpusOptions(folder=folder, bars=8))
    assert len(pieces.events) == 6537
    assert np.bincount(pieces.parts).tolist() == [5897, 303, 337]
    assert not set(pieces.of(0).songs) & set(pieces.of(2).songs)
