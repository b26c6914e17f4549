import io
import re

import mido
import note_seq
import numpy as np
import pretty_midi
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synvae_core.looks import Look
from synvae_core.music import midi, score
from synvae_core.music.accompaniment import Accompaniment
from synvae_core.music.coding import Note
from synvae_core.music.melody import FIRST_NOTE, ONE_VOICE
from synvae_core.music.midi import MidiError, midi_bytes
from synvae_core.music.performance import performance_of
from synvae_core.music.reading import read_melodies, read_opening, read_windows
from synvae_core.music.sound import Sound

SCALE = np.array([41, 0, 43, 0, 45, 1, 46, 46, 48, 0, 0, 0, 1, 0, 0, 0])
READERS = {
    "file": midi.read_midi,
    "NoteSequence": midi.note_sequence_to_events,
    "PrettyMIDI": midi.pretty_midi_to_events,
}


def song(*voices, drums=(), metres=(), tempo=120.0):
    """A PrettyMIDI of voices (name, notes) with notes (start, end, pitch) in sixteenths."""
    made = pretty_midi.PrettyMIDI(initial_tempo=tempo, resolution=480)
    for index, (name, notes) in enumerate([*voices, ("Drums", drums)]):
        instrument = pretty_midi.Instrument(index, is_drum=name == "Drums", name=name)
        seconds = 15 / tempo
        instrument.notes = [
            pretty_midi.Note(80, pitch, start * seconds, end * seconds)
            for start, end, pitch, *_ in notes
        ]
        made.instruments.append(instrument)
    for numerator, denominator in metres:
        made.time_signature_changes.append(pretty_midi.TimeSignature(numerator, denominator, 0))
    return made


def as_source(made, kind):
    if kind == "PrettyMIDI":
        return made
    buffer = io.BytesIO()
    made.write(buffer)
    return (
        buffer.getvalue() if kind == "file" else note_seq.midi_to_note_sequence(buffer.getvalue())
    )


def pad_to(events, steps):
    return [*events, *[0] * (steps - len(events))]


HALVES = [(0, 8, 60), (8, 16, 62)]
BASS = [(0, 16, 40)]
CHORDS = [(0, 8, 60), (0, 16, 48), (4, 6, 55), (8, 16, 62)]
HALVES_EVENTS = [41, *[0] * 7, 43, *[0] * 7]
DRUMS = [(0, 1, 36), (4, 5, 36)]

# What is refused, the reason and the option that the refusal names, until it is read.
WALKS = {
    "other metre": (
        song(("", HALVES), metres=[(2, 4)]),
        16,
        [("in 2/4", {"ignore_metre": True})],
        HALVES_EVENTS,
    ),
    "several tracks, by number": (
        song(("Bass", BASS), ("Lead", HALVES), drums=DRUMS),
        16,
        [("2 tracks with notes.* 1: 'Lead'", {"track": 1})],
        HALVES_EVENTS,
    ),
    "several tracks, by name": (
        song(("Bass", BASS), ("Lead", HALVES)),
        16,
        [("2 tracks with notes, .*a name", {"track": "lead"})],
        HALVES_EVENTS,
    ),
    "several tracks, their highest notes": (
        song(("Bass", BASS), ("Lead", HALVES)),
        16,
        [("2 tracks with notes", {"top_line": True})],
        HALVES_EVENTS,
    ),
    "an unknown track": (
        song(("Bass", BASS), ("Lead", HALVES)),
        16,
        [("2 tracks", {"track": "Flute"}), ("no track 'Flute'.*0: 'Bass'", {"track": 1})],
        HALVES_EVENTS,
    ),
    "two tracks of one name": (
        song(("Lead", BASS), ("Lead", HALVES)),
        16,
        [("2 tracks", {"track": "Lead"}), ("2 tracks named 'Lead'", {"track": 1})],
        HALVES_EVENTS,
    ),
    "polyphonic": (
        song(("", CHORDS)),
        16,
        [
            (
                "polyphonic.*pitch 60 sounds from sixteenth 0 to 8, pitch 48 starts at 0",
                {"top_line": True},
            )
        ],
        HALVES_EVENTS,
    ),
    "off the grid": (
        song(("", [(0.05, 8.2, 60), (7.9, 15.6, 62)])),
        16,
        [("off the grid.*pitch 60 sounds from sixteenth 0.05", {"quantize": True})],
        HALVES_EVENTS,
    ),
    "out of range": (
        song(("", [(0, 8, 3), (8, 16, 110)])),
        16,
        [("pitch 3 at sixteenth 0", {"transpose_into_range": True})],
        [8, *[0] * 7, 79, *[0] * 7],
    ),
    "too long, from its first bar": (
        song(("", [*HALVES, (16, 20, 64)])),
        16,
        [("lasts 20 sixteenths", {"bar": 0})],
        HALVES_EVENTS,
    ),
    "too long, from a later bar": (
        song(("", [*HALVES, (16, 20, 64)])),
        16,
        [("lasts 20 sixteenths", {"bar": 1})],
        pad_to([45, 0, 0, 0, 1], 16),
    ),
    "too long, whole": (
        song(("", [*HALVES, (16, 20, 64)])),
        16,
        [("lasts 20 sixteenths", {"steps": None})],
        pad_to([*HALVES_EVENTS, 45, 0, 0, 0, 1], 32),
    ),
    "too short": (
        song(("", HALVES)),
        32,
        [("too short: from bar 0 it lasts 16", {"pad": True})],
        pad_to([*HALVES_EVENTS, 1], 32),
    ),
    "too short from a late bar, padded": (
        song(("", [*HALVES, (16, 20, 64)])),
        19,
        [("lasts 20", {"bar": 1}), ("too short: from bar 1 it lasts 4", {"pad": True})],
        pad_to([45, 0, 0, 0, 1], 19),
    ),
    "too short from a late bar, earlier": (
        song(("", [*HALVES, (16, 20, 64)])),
        19,
        [("lasts 20", {"bar": 1}), ("too short: from bar 1 it lasts 4", {"bar": 0})],
        [*HALVES_EVENTS, 45, 0, 0],
    ),
    "a bar that is not there": (
        song(("", [*HALVES, (16, 20, 64)])),
        16,
        [("lasts 20", {"bar": 2}), ("no bar 2; choose bar= from 0..1", {"bar": 0})],
        HALVES_EVENTS,
    ),
    "bars without notes": (
        song(("", [*HALVES, (32, 48, 64)])),
        16,
        [
            ("lasts 48", {"bar": 1}),
            ("no note that starts in sixteenths 16 to 32", {"allow_silence": True}),
        ],
        [0] * 16,
    ),
    "only percussion": (
        song(drums=DRUMS),
        16,
        [(r"only percussion \(2 notes\)", {"allow_silence": True})],
        [0] * 16,
    ),
    "only percussion, of no given length": (
        song(drums=DRUMS),
        None,
        [("only percussion", {"steps": 32, "allow_silence": True})],
        [0] * 32,
    ),
    "no notes": (song(), 16, [("no notes", {"allow_silence": True})], [0] * 16),
    "everything": (
        song(("Lead", [(0.1, 9, 12), (0, 8, 3), (8, 16, 10)]), ("Bass", BASS), metres=[(6, 8)]),
        48,
        [
            ("in 6/8", {"ignore_metre": True}),
            ("2 tracks", {"track": "Lead"}),
            ("off the grid", {"quantize": True}),
            ("too short", {"pad": True}),
            ("polyphonic", {"top_line": True}),
            ("pitch 12", {"transpose_into_range": True}),
        ],
        pad_to([5, *[0] * 8, 1], 48),
    ),
}


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("name", WALKS)
def test_each_refusal_names_the_reason_and_an_option_that_then_helps(name, kind):
    made, steps, refusals, expected = WALKS[name]
    source, options = as_source(made, kind), {"steps": steps}
    for reason, remedy in refusals:
        with pytest.raises(MidiError, match=rf"^the (MIDI data|{kind}) .*{reason}") as refused:
            READERS[kind](source, **options)
        for option in remedy:
            assert re.search(rf"\b{option}=", str(refused.value)), refused.value
        options |= remedy
    assert READERS[kind](source, **options).tolist() == expected


def test_what_needs_no_option_is_read_without():
    for kind, read in READERS.items():
        source = as_source(song(("", HALVES), drums=DRUMS, metres=[(4, 4), (2, 2)]), kind)
        assert read(source).tolist() == read(source, steps=16).tolist() == HALVES_EVENTS


@pytest.mark.parametrize(
    ("options", "error"),
    [({"steps": 0}, ValueError), ({"bar": -1}, ValueError), ({"top": 1}, TypeError)],
)
def test_options_that_make_no_sense_are_refused(options, error):
    with pytest.raises(error, match=next(iter(options))):
        midi.read_midi(midi.midi_bytes(SCALE), **options)


polyphony = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20), st.integers(21, 108)), min_size=1, max_size=30
).map(lambda notes: np.array(sorted((start, start + length, p) for start, length, p in notes)))


@settings(max_examples=200, deadline=None)
@given(polyphony)
def test_the_top_line_is_the_highest_note_sounding_at_each_onset(notes):
    expected = []
    for onset in sorted({start for start, _, _ in notes.tolist()}):
        sounding = [(p, start, end) for start, end, p in notes.tolist() if start <= onset < end]
        pitch, start, end = max(sounding)
        if start == onset:
            expected = [(a, min(b, onset), p) for a, b, p in expected] + [(start, end, pitch)]
    assert [tuple(note) for note in score.top_line(notes).tolist()] == expected


@settings(max_examples=60, deadline=None)
@given(polyphony, st.integers(0, 5), st.integers(1, 40))
def test_reading_from_a_bar_gives_that_part_of_the_whole_melody(notes, bar, steps):
    made = song(("", notes.tolist()))
    whole = midi.pretty_midi_to_events(made, top_line=True, steps=200, pad=True)
    options = {"top_line": True, "steps": steps, "bar": bar, "pad": True, "allow_silence": True}
    bars = -(-int(notes[:, 1].max()) // 16)
    if bar >= bars:
        with pytest.raises(MidiError, match=rf"no bar {bar}; .*0\.\.{bars - 1}"):
            midi.pretty_midi_to_events(made, **options)
        return
    expected = ONE_VOICE.canonical(whole[16 * bar : 16 * bar + steps])
    assert midi.pretty_midi_to_events(made, **options).tolist() == expected.tolist()


def test_without_steps_all_bars_from_the_one_named_are_read():
    data = midi.midi_bytes(np.array([*SCALE, *SCALE, *SCALE[:2]]))
    assert midi.read_midi(data, bar=1).tolist() == [
        *ONE_VOICE.canonical(SCALE),
        41,
        0,
        *[1],
        *[0] * 13,
    ]
    assert midi.read_midi(data, bar=2).tolist() == pad_to([41, 0, 1], 16)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.int64, st.integers(16, 64), elements=st.integers(0, 89)), st.floats(20, 400))
def test_the_same_events_come_back_from_every_kind_of_source(events, qpm):
    data = midi.midi_bytes(events, qpm=qpm)
    made = song(("", ONE_VOICE.notes(events)), tempo=qpm)
    sources = [
        data,
        midi.events_to_note_sequence(events, qpm=qpm),
        made,
        pretty_midi.PrettyMIDI(io.BytesIO(data)),
        torch.from_numpy(ONE_VOICE.canonical(events)),
    ]
    heard = read_melodies(sources, steps=len(events), pad=True, allow_silence=True)
    assert heard.tolist() == [ONE_VOICE.canonical(events).tolist()] * len(sources)


def test_silence_at_the_end_of_our_files_and_note_sequences_needs_no_pad():
    events = np.array(pad_to([41, 1], 64))
    sources = [midi.midi_bytes(events), midi.events_to_note_sequence(events)]
    assert read_melodies(sources, steps=64).tolist() == [events.tolist()] * 2
    with pytest.raises(MidiError, match="item 0 of 2: the MIDI data is too short.*pad=True"):
        read_melodies([midi.midi_bytes(events[:48]), events], steps=64)


def test_arrays_tensors_paths_and_lists_of_them_are_read_in_order(tmp_path):
    midi.write_midi(SCALE, tmp_path / "scale.mid")
    known = ONE_VOICE.canonical(SCALE)
    two = np.stack([known, known[::-1]])
    assert read_melodies(SCALE.astype(np.uint8), steps=16).tolist() == [SCALE.tolist()]
    assert read_melodies(torch.tensor(two), steps=16).tolist() == two.tolist()
    mixed = (str(tmp_path / "scale.mid"), [torch.tensor(two), tmp_path / "scale.mid"], two[1])
    heard = read_melodies(mixed, steps=16)
    assert heard.tolist() == [*known[None].tolist(), *two.tolist(), known.tolist(), two[1].tolist()]
    assert heard.dtype == np.int64


def test_what_is_read_is_no_view_of_what_was_given():
    given_events = np.zeros((1, 16), np.int64)
    read_melodies(given_events, steps=16)[:] = 5
    assert not given_events.any()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros(31, np.int64), "have 31 steps, expected steps=32"),
        (torch.zeros(2, 33, dtype=torch.int64), "have 33 steps, expected steps=32"),
        (np.zeros(32), "event ids are integers, got float64"),
        (np.zeros(32, bool), "event ids are integers, got bool"),
        (np.full(32, 90), r"event ids are 0\.\.89"),
        (np.zeros((1, 1, 32), np.int64), r"shape .* got \(1, 1, 32\)"),
        (np.int64(3), "cannot be read from int64"),
        ({"events": 1}, "cannot be read from dict; expected the path.*tensor"),
        ([], "the list of melodies is empty"),
        ([np.zeros(32, np.int64), np.zeros(31, np.int64)], "item 1 of 2: .*31 steps"),
        ([[0, 0]], "item 0 of 1: item 0 of 2: a melody cannot be read from int"),
        (["none.mid"], r"item 0 of 1: \S*none\.mid is not a file"),
        ([b"RIFF"], "item 0 of 1: the MIDI data is not a MIDI file"),
    ],
)
def test_what_is_no_melody_is_refused_with_its_place(source, message):
    with pytest.raises(ValueError, match=message):
        read_melodies(source, steps=32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda made: setattr(made.instruments[0].notes[0], "end", float("inf")),
            "has a note from",
        ),
        (
            lambda made: setattr(made.instruments[0].notes[0], "start", float("nan")),
            "has a note from",
        ),
        (lambda made: setattr(made.instruments[0].notes[0], "start", -1.0), "has a note from"),
        (lambda made: made.lyrics.append(pretty_midi.Lyric("la", 1e9)), "ends at sixteenth 8e"),
    ],
)
def test_pretty_midi_with_absurd_times_is_refused(change, message):
    made = song(("", HALVES))
    change(made)
    with pytest.raises(MidiError, match=f"the PrettyMIDI {message}"):
        midi.pretty_midi_to_events(made)


@pytest.mark.data
def test_songs_of_pop909_are_refused_with_a_reason_and_read_with_the_options_it_names(data_folder):
    songs = sorted((data_folder / "midi" / "pop909" / "POP909").glob("*/*.mid"))[:12]
    for path in songs:
        with pytest.raises(MidiError, match=rf"{path.name} (is in ./4|has . tracks)"):
            midi.read_midi(path)
        options = {"track": "MELODY", "quantize": True, "ignore_metre": True, "top_line": True}
        whole = midi.read_midi(path, **options)
        same = midi.pretty_midi_to_events(pretty_midi.PrettyMIDI(str(path)), **options)
        assert whole.tolist() == same.tolist()
        onsets = (whole >= FIRST_NOTE).reshape(-1, 16).sum(1)
        bar = int(np.argmax(onsets[:-1]))
        heard = read_melodies(path, steps=32, bar=bar, **options)
        assert heard.tolist() == [ONE_VOICE.canonical(whole[16 * bar :][:32]).tolist()]
        assert read_melodies(path, steps=32, bar=bar, **(options | {"track": 0})).tolist() == (
            heard.tolist()
        )
    first = songs[0]
    assert first.name == "001.mid"
    plain = {"track": "MELODY", "quantize": True, "ignore_metre": True, "steps": 32}
    for bar in (8, 16, 32):
        found = ONE_VOICE.notes(midi.read_midi(first, bar=bar, **plain))
        assert len(found) >= 4 and all(50 <= note.pitch <= 90 for note in found)


def test_a_melody_of_that_length_is_one_window_as_it_stands_with_its_look():
    late = ONE_VOICE.events([Note(20, 22, 60)], steps=32)
    look = Look(5, 0, 1, 2)
    windows, found = read_windows(midi_bytes(late, **performance_of(look)._asdict()), steps=32)
    assert (windows.tolist(), found) == ([late.tolist()], look)


@pytest.mark.parametrize("seed", range(5))
def test_windows_hold_every_note_from_the_bar_of_the_first_one_on(seed):
    rng = np.random.default_rng(seed)
    starts = np.flatnonzero(rng.random(200) < 0.2) + 37
    notes = [
        Note(start, min(start + int(rng.integers(1, 40)), *later, 300), int(rng.integers(30, 90)))
        for start, *later in zip(starts.tolist(), [*starts[1:].tolist(), 300], strict=True)
    ]
    tune = midi_bytes(ONE_VOICE.events(notes, steps=300))
    windows, look = read_windows(tune, steps=48)
    assert look is None
    first = notes[0].start // 16 * 16
    found = [
        note._replace(start=note.start + 48 * i + first)
        for i, window in enumerate(windows)
        for note in ONE_VOICE.notes(window)
    ]
    assert [(n.start, n.pitch) for n in found] == [(n.start, n.pitch) for n in notes]
    assert np.array_equal(windows[0], read_opening(tune, steps=48))
    assert len(windows) == -(-(notes[-1].end - first) // 48)


@pytest.mark.parametrize("steps", [32, 128])
def test_of_an_accompanied_melody_the_melody_alone_is_opened(steps):
    rests = [Note(start, start + 4, 72) for start in range(4, steps, 12)]
    events = ONE_VOICE.events(rests, steps=steps)
    alone, accompanied = Sound().midi(events), Sound(accompaniment=Accompaniment()).midi(events)
    assert np.array_equal(read_opening(accompanied, steps=32), read_opening(alone, steps=32))
    assert np.array_equal(read_windows(accompanied, steps=16)[0], read_windows(alone, steps=16)[0])


def test_of_two_tempos_at_one_time_the_last_one_counts():
    file = mido.MidiFile(ticks_per_beat=480)
    tempos = [mido.MetaMessage("set_tempo", tempo=tempo) for tempo in (250_000, 1_000_000)]
    played = [("on", 0), ("off", 960), ("on", 0), ("off", 480)]
    notes = [mido.Message(f"note_{kind}", note=60, time=time) for kind, time in played]
    file.tracks.append(mido.MidiTrack([*tempos, *notes]))
    buffer = io.BytesIO()
    file.save(file=buffer)
    events = read_melodies(buffer.getvalue(), steps=16, pad=True)
    made = pretty_midi.PrettyMIDI(io.BytesIO(buffer.getvalue()))
    assert np.array_equal(read_melodies(made, steps=16, pad=True), events)
    sequence = note_seq.midi_to_note_sequence(buffer.getvalue())
    assert np.array_equal(read_melodies(sequence, steps=16, pad=True), events)
    assert [note.start for note in ONE_VOICE.notes(events[0])] == [0, 8]
