"""A melody comes back from a file with its accompaniment, whatever a program did to the file."""

import io

import mido
import music21
import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synvae_core.music.accompaniment import CEILINGS, STYLES, Accompaniment
from synvae_core.music.coding import Note
from synvae_core.music.ensemble import PLAYERS, players_note_sequence, players_of
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import (
    MidiError,
    note_sequence_to_events,
    pretty_midi_to_events,
    read_midi,
)
from synvae_core.music.sound import Sound

events = st.integers(0, 1) | st.integers(2, 89)
HIGH = st.just(0) | st.just(0) | st.integers(CEILINGS[0] + 1 - 19, 75)
lengths = st.integers(2, 16).map(lambda bars: 16 * bars)
melodies = hnp.arrays(np.int64, lengths, elements=events, fill=st.just(0))
high_melodies = hnp.arrays(np.int64, lengths, elements=HIGH, fill=st.just(0))
TUNE = ONE_VOICE.canonical(np.tile([43, 0, 45, 47, 48, 0, 50, 1, 52, 0, 50, 48, 47, 0, 45, 0], 4))


def piece(melody=TUNE, *, style="fiddle", qpm=120.0, program=0):
    """A melody's MIDI file with its accompaniment."""
    return Sound(qpm, program, accompaniment=Accompaniment(style)).midi(melody)


def edited(data, change, *, kind=1, keep_names=True):
    """A file after `change` of the list of its tracks, which returns another."""
    file = mido.MidiFile(file=io.BytesIO(data))
    tracks = [mido.MidiTrack(track) for track in change(file.tracks)]
    if not keep_names:
        tracks = [mido.MidiTrack(m for m in t if m.type != "track_name") for t in tracks]
    buffer = io.BytesIO()
    mido.MidiFile(type=kind, ticks_per_beat=file.ticks_per_beat, tracks=tracks).save(file=buffer)
    return buffer.getvalue()


def each(change):
    """A change of tracks that changes each message of a note."""
    return lambda tracks: [[change(m) if "note" in m.type else m for m in t] for t in tracks]


def merged(tracks):
    return [mido.merge_tracks(tracks)]


def on_one_channel(tracks):
    return [[m.copy(channel=0) if hasattr(m, "channel") else m for m in merged(tracks)[0]]]


def transposed(semitones):
    return each(lambda m: m.copy(note=m.note + semitones))


@settings(max_examples=40)
@given(melodies, st.floats(4, 960), st.sampled_from(STYLES))
def test_any_melody_comes_back_from_the_whole_file(melody, qpm, style):
    melody = ONE_VOICE.canonical(melody)
    heard = read_midi(piece(melody, qpm=qpm, style=style), steps=len(melody), allow_silence=True)
    assert heard.tolist() == melody.tolist()


@settings(max_examples=30)
@given(high_melodies, st.integers(-24, 24), st.sampled_from(STYLES))
def test_a_file_that_was_transposed_as_a_whole_is_read_as_it_was(melody, semitones, style):
    if ONE_VOICE.starts(melody).any():
        data = edited(piece(melody, style=style), transposed(semitones), keep_names=False)
        assert read_midi(data).tolist() == melody.tolist()


@settings(max_examples=30)
@given(high_melodies, st.sampled_from(STYLES))
def test_a_melody_above_its_chords_comes_back_from_a_single_channel(melody, style):
    if ONE_VOICE.starts(melody).any():
        data = edited(piece(melody, style=style), on_one_channel, kind=0)
        assert read_midi(data).tolist() == melody.tolist()


@pytest.mark.parametrize(
    "change",
    [
        merged,
        lambda tracks: tracks[::-1],
        lambda tracks: [tracks[0], mido.merge_tracks(tracks[1:])],
        lambda tracks: [mido.merge_tracks(tracks[::2]), tracks[1]],
        each(lambda m: m.copy(velocity=1) if m.type == "note_on" else m),
        lambda tracks: [[m for m in t if m.type != "program_change"] for t in tracks],
        lambda tracks: [[m for m in t if m.type != "set_tempo"] for t in tracks],
    ],
    ids=["type 0", "order", "two tracks", "two channels in one", "soft", "programs", "tempo"],
)
@pytest.mark.parametrize("keep_names", [True, False])
def test_what_programs_do_to_files_is_understood(change, keep_names):
    data = edited(piece(), change, keep_names=keep_names)
    assert read_midi(data).tolist() == TUNE.tolist()
    assert read_midi(data, steps=64).tolist() == TUNE.tolist()


def test_a_melody_among_its_chords_on_one_channel_is_refused_in_words():
    low = ONE_VOICE.transpose(TUNE, -14)
    data = piece(low)
    assert read_midi(data).tolist() == low.tolist()
    with pytest.raises(MidiError, match="polyphonic"):
        read_midi(edited(data, on_one_channel, kind=0))


@pytest.mark.parametrize(
    "change",
    [
        lambda tracks: tracks[:2],
        lambda tracks: [tracks[0], *transposed(12)(tracks[1:])],
        lambda tracks: [tracks[0], tracks[1], tracks[2][:-3] + tracks[2][-1:]],
    ],
    ids=["no bass", "accompaniment alone transposed", "a bass note less"],
)
def test_an_edited_accompaniment_is_refused_in_words(change):
    data = edited(piece(), change)
    with pytest.raises(MidiError, match="not those of its melody.*track='melody'"):
        read_midi(data)
    assert read_midi(data, track="melody").tolist() == TUNE.tolist()
    with pytest.raises(MidiError, match="tracks with notes, expected one melody"):
        read_midi(edited(data, lambda tracks: tracks, keep_names=False))


def test_off_the_grid_it_asks_for_quantize_as_a_melody_does():
    late = edited(
        piece(),
        lambda tracks: [
            [m.copy(time=m.time + 3 * (i == 9)) for i, m in enumerate(t)] for t in tracks
        ],
    )
    with pytest.raises(MidiError, match="off the grid.*quantize=True"):
        read_midi(late)
    assert read_midi(late, quantize=True).tolist() == TUNE.tolist()


@pytest.mark.parametrize("qpm", [60.0, 97.3, 133.37])
def test_pretty_midi_and_note_sequences_bring_the_same(qpm):
    data = piece(qpm=qpm)
    midi = pretty_midi.PrettyMIDI(io.BytesIO(data))
    assert pretty_midi_to_events(midi).tolist() == TUNE.tolist()
    buffer = io.BytesIO()
    midi.write(buffer)
    assert read_midi(buffer.getvalue()).tolist() == TUNE.tolist()
    players = players_of(TUNE, Accompaniment())
    sequence = players_note_sequence(players, steps=len(TUNE), qpm=qpm)
    assert note_sequence_to_events(sequence).tolist() == TUNE.tolist()


def test_music21_writes_what_is_still_understood(tmp_path):
    (tmp_path / "piece.mid").write_bytes(piece())
    score = music21.converter.parse(tmp_path / "piece.mid")
    score.write("midi", tmp_path / "again.mid")
    assert read_midi(tmp_path / "again.mid").tolist() == TUNE.tolist()


def test_the_file_has_named_tracks_with_channels_and_programs_of_their_own():
    file = mido.MidiFile(file=io.BytesIO(piece(program=40)))
    assert file.type == 1
    assert tuple(track.name for track in file.tracks) == PLAYERS
    programs = [m for t in file.tracks for m in t if m.type == "program_change"]
    assert [(m.channel, m.program) for m in programs] == [(0, 40), (1, 0), (2, 32)]
    ends = [sum(m.time for m in track) for track in file.tracks]
    assert ends == [64 * 120] * 3


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("pitch", [36, 60, 84])
def test_a_melody_of_less_than_half_a_bar_is_the_part_of_its_name(steps, style, pitch):
    melody = ONE_VOICE.events([Note(0, steps, pitch)], steps=steps)
    assert read_midi(piece(melody, style=style), steps=steps).tolist() == melody.tolist()
