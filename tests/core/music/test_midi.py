import io
import struct
import tracemalloc

import mido
import note_seq
import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from work import few_calls

from synvae_core.music import midi, midi_files
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import MidiError

# Calls of Python and C, with some room above what was counted.
CALLS_PER_MELODY, CALLS_PER_BYTE = 5_000, 24

SCALE = np.array([41, 0, 43, 0, 45, 1, 46, 46, 48, 0, 0, 0, 1, 0, 0, 0])

melodies = hnp.arrays(np.int64, st.integers(16, 64), elements=st.integers(0, 89))
performances = st.fixed_dictionaries(
    {
        "qpm": st.sampled_from([4.0, 60.0, 97.3, 120.0, 133.37, 960.0]) | st.floats(4, 960),
        "program": st.integers(0, 127),
        "velocity": st.integers(1, 127),
    }
)


def midi_file(*tracks, resolution=480, kind=1):
    """The bytes of a MIDI file; a track is a list of mido messages."""
    file = mido.MidiFile(type=kind, ticks_per_beat=resolution)
    file.tracks = [mido.MidiTrack(track) for track in tracks]
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def raw_file(body, *, header=(1, 1, 480)):
    """A file with one track of the given bytes, well formed or not."""
    return (
        b"MThd" + struct.pack(">IHHh", 6, *header) + b"MTrk" + struct.pack(">I", len(body)) + body
    )


def notes(*triples, channel=0):
    """Messages for (start tick, end tick, pitch), in the order of time, ends first."""
    events = [(start, 1, pitch) for start, _, pitch in triples]
    events += [(end, 0, pitch) for _, end, pitch in triples]
    messages, now = [], 0
    for tick, starts, pitch in sorted(events):
        kind = "note_on" if starts else "note_off"
        messages.append(mido.Message(kind, note=pitch, time=tick - now, channel=channel))
        now = tick
    return messages


@settings(max_examples=200, deadline=None)
@given(melodies, performances)
def test_every_event_sequence_survives_midi_in_canonical_form(events, performance):
    heard = midi.round_trip(events[None], **performance)
    assert heard.tolist() == [ONE_VOICE.canonical(events).tolist()]


@settings(max_examples=60, deadline=None)
@given(melodies, performances)
def test_note_seq_reads_the_same_melody_from_our_files(events, performance):
    sequence = note_seq.midi_to_note_sequence(midi.midi_bytes(events, **performance))
    steps = len(events)
    # note-seq does not keep the silence at the end.
    heard = midi.note_sequence_to_events(sequence, steps=steps, pad=True, allow_silence=True)
    assert heard.tolist() == ONE_VOICE.canonical(events).tolist()
    for note in sequence.notes:
        assert (note.program, note.velocity) == (performance["program"], performance["velocity"])


@settings(max_examples=60, deadline=None)
@given(melodies, performances)
def test_every_event_sequence_survives_a_note_sequence(events, performance):
    sequence = midi.events_to_note_sequence(events, **performance)
    assert sequence.total_time == pytest.approx(len(events) * 15 / performance["qpm"])
    heard = midi.note_sequence_to_events(sequence, steps=len(events), allow_silence=True)
    assert heard.tolist() == ONE_VOICE.canonical(events).tolist()


def test_known_events_are_known_notes_in_seconds():
    sequence = midi.events_to_note_sequence(np.array([1, 50, 0, 50, 1, 0, 2, 89]), qpm=60.0)
    found = [(note.start_time, note.end_time, note.pitch) for note in sequence.notes]
    assert found == [(0.25, 0.75, 69), (0.75, 1.0, 69), (1.5, 1.75, 21), (1.75, 2.0, 108)]
    assert sequence.total_time == 2.0


def test_files_in_a_folder_are_what_is_read(tmp_path):
    events = np.stack([SCALE, np.zeros_like(SCALE)])
    heard = midi.round_trip(events, folder=tmp_path / "new" / "folder", qpm=90.0)
    assert np.array_equal(heard, ONE_VOICE.canonical(events))
    files = sorted((tmp_path / "new" / "folder").iterdir())
    assert [path.name for path in files] == ["melody_00000.mid", "melody_00001.mid"]
    assert pretty_midi.PrettyMIDI(str(files[0])).get_tempo_changes()[1] == pytest.approx([90])


def test_a_melody_takes_little_work():
    rng = np.random.default_rng(0)
    events = np.where(rng.random((250, 32)) < 0.5, 0, rng.integers(0, 90, (250, 32)))
    with few_calls(250 * CALLS_PER_MELODY):
        heard = midi.round_trip(events)
    assert np.array_equal(heard, ONE_VOICE.canonical(events))


def test_length_is_whole_bars_or_what_is_asked():
    data = midi.midi_bytes(np.concatenate([SCALE, SCALE[:3]]))
    assert len(midi.read_midi(data)) == 32
    assert len(midi.read_midi(data, steps=19)) == 19
    with pytest.raises(MidiError, match=r"lasts 19 sixteenths.*steps=18.*bar=0.*larger steps="):
        midi.read_midi(data, steps=18)
    with pytest.raises(ValueError, match="steps is 1"):
        midi.read_midi(data, steps=0)


def test_silence_is_read_only_where_it_is_meant(tmp_path):
    path = tmp_path / "silent.mid"
    midi.write_midi(np.ones(32, np.int64), path)
    for options in ({}, {"steps": 32}, {"allow_silence": True}):
        with pytest.raises(
            MidiError, match=r"silent\.mid has no notes.*pass (steps= and )?allow_silence=True"
        ):
            midi.read_midi(path, **options)
    assert midi.read_midi(path, steps=32, allow_silence=True).tolist() == [0] * 32


def test_note_on_before_note_off_at_the_same_tick_is_a_repeated_note():
    track = [
        mido.Message("note_on", note=60, time=0),
        mido.Message("note_on", note=60, time=120),
        mido.Message("note_off", note=60, time=0),
        mido.Message("note_on", note=60, velocity=0, time=120),
    ]
    assert midi.read_midi(midi_file(track), steps=4).tolist() == [41, 41, 1, 0]


def test_a_note_without_end_lasts_as_long_as_its_track():
    track = [mido.Message("note_on", note=60), mido.MetaMessage("end_of_track", time=360)]
    assert midi.read_midi(midi_file(track), steps=4).tolist() == [41, 0, 0, 1]


def test_tempo_changes_do_not_move_notes_off_the_grid():
    tempo = [mido.MetaMessage("set_tempo", tempo=500_000)]
    tempo += [mido.MetaMessage("set_tempo", tempo=431_007, time=250)]
    data = midi_file(tempo, notes((0, 480, 60), (480, 600, 62)))
    expected = [41, 0, 0, 0, 43, 1, 0, 0]
    assert midi.read_midi(data, steps=8).tolist() == expected
    sequence = note_seq.midi_to_note_sequence(data)
    assert midi.note_sequence_to_events(sequence, steps=8).tolist() == expected


def test_percussion_is_left_out_and_tracks_are_chosen():
    drums = notes((0, 60, 36), (0, 60, 42), channel=9)
    lead = [mido.MetaMessage("track_name", name="Lead"), *notes((0, 480, 60))]
    bass = [mido.MetaMessage("track_name", name="Bass"), *notes((0, 480, 40), channel=1)]
    assert midi.read_midi(midi_file(lead, drums), steps=4).tolist() == [41, 0, 0, 0]
    with pytest.raises(MidiError, match=r"2 tracks with notes.*track=.*0: 'Lead'.*1: 'Bass'"):
        midi.read_midi(midi_file(lead, bass, drums))
    assert midi.read_midi(midi_file(lead, bass, drums), track=1, steps=4)[0] == 21
    one_track = midi_file(notes((0, 480, 60)) + notes((0, 480, 40), channel=1), kind=0)
    assert midi.read_midi(one_track, track=1)[4] == 21
    with pytest.raises(MidiError, match=r"has no track 2; choose.* 0:.*1:"):
        midi.read_midi(one_track, track=2)
    with pytest.raises(MidiError, match=r"only percussion \(2 notes\)"):
        midi.read_midi(midi_file(drums))


def test_quantize_rounds_to_sixteenths_and_keeps_every_note():
    played = midi_file(notes((7, 118, 60), (125, 131, 62), (235, 490, 64)))
    with pytest.raises(MidiError, match=r"off the grid.*quantize=True"):
        midi.read_midi(played)
    assert midi.read_midi(played, steps=6, quantize=True).tolist() == [41, 43, 45, 0, 1, 0]
    legato = midi_file(notes((0, 130, 60), (120, 240, 62)))
    with pytest.raises(MidiError, match=r"off the grid.*quantize=True"):
        midi.read_midi(legato)
    assert midi.read_midi(legato, steps=3, quantize=True).tolist() == [41, 43, 1]


def test_other_metres_are_refused_unless_ignored():
    def bar(numerator, denominator):
        metre = mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)
        return midi_file([metre, *notes((0, 480, 60))])

    assert midi.read_midi(bar(2, 2), steps=4).tolist() == [41, 0, 0, 0]
    for numerator, denominator in [(3, 4), (6, 8), (2, 4)]:
        data = bar(numerator, denominator)
        with pytest.raises(MidiError, match=rf"in {numerator}/{denominator}.*ignore_metre=True"):
            midi.read_midi(data)
        assert midi.read_midi(data, steps=4, ignore_metre=True).tolist() == [41, 0, 0, 0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a MIDI file.*export"),
        (b"RIFF\x00\x00\x00\x00RMID", "not a MIDI file"),
        (b"\x89PNG and more", "not a MIDI file"),
        (midi_file(notes((0, 480, 60), (0, 480, 64))), "two voices at once.*top_line=True"),
        (midi_file(notes((0, 480, 60), (240, 480, 60))), "two voices at once"),
        (midi_file(notes((0, 480, 20))), r"pitch 20 .*21\.\.108.*transpose_into_range=True"),
        (midi_file(notes((0, 480, 109))), r"pitch 109 .*21\.\.108"),
        (midi_file([]), "has no notes"),
        (midi_file(), "has no notes"),
        (midi_file(notes((0, 0xFFFFFFF, 60))), "absurd tick"),
        (midi_file(notes((0, 9_000_000, 60)), resolution=1), "absurd tick"),
        (midi_file(notes((0, 480, 60)), kind=2), "type 2.*export it again as type 1"),
        (raw_file(b"\x00\x90\x3c\x40", header=(1, 1, -6400)), "time division -6400"),
        (raw_file(b"\x00\x90\x3c\x40", header=(1, 1, 0)), "time division 0"),
    ],
)
def test_what_is_not_one_melody_is_refused_with_the_file_and_a_way_out(data, message, tmp_path):
    path = tmp_path / "given.mid"
    path.write_bytes(data)
    with pytest.raises(MidiError, match=rf"given\.mid .*{message}"):
        midi.read_midi(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.mid"):
        with pytest.raises(MidiError, match="is not a file; expected the path"):
            midi.read_midi(path)


def test_every_truncation_is_refused():
    data = midi.midi_bytes(SCALE)
    for length in range(4, len(data)):
        with pytest.raises(MidiError, match=r"truncated or corrupt.*again"):
            midi.read_midi(data[:length])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_corrupted_files_are_read_or_refused_but_never_crash(data):
    corrupt = bytearray(midi.midi_bytes(SCALE))
    for _ in range(data.draw(st.integers(1, 6))):
        corrupt[data.draw(st.integers(4, len(corrupt) - 1))] = data.draw(st.integers(0, 255))
    try:
        events = midi.read_midi(bytes(corrupt))
    except MidiError:
        return
    assert events.tolist() == ONE_VOICE.canonical(events).tolist()


FULL = midi_files.MAX_BYTES - 64
HOSTILE = {
    "running status": b"\x00\xc0\x01" + b"\x00\x01" * (FULL // 2 - 2),
    "notes": b"\x00\x90\x40\x40" + b"\x00\x40\x40" * (FULL // 3),
    "notes never ended": b"\x00\x90\x40\x40" + b"\x01\x40\x40" * (FULL // 3),
    "metres": b"\x00\xff\x58\x04\x03\x02\x18\x08" * (FULL // 8),
    "endless number": b"\xff" * FULL,
    "endless numbers": (b"\xff" * 1020 + b"\x00\xc0\x00") * (FULL // 1023),
    "huge text": b"\x00\xff\x01\xff\xff\xff\x7f" + b"a" * (FULL - 8),
    "absurd ticks": b"\xff\xff\xff\x7f\xc0\x00" * (FULL // 6),
    "nothing": b"",
    "zeros": bytes(FULL),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_of_the_largest_size_takes_work_in_proportion(name):
    data = raw_file(HOSTILE[name])
    with few_calls(CALLS_PER_BYTE * max(len(data), 1000)), pytest.raises(MidiError):
        midi.read_midi(data)


@pytest.mark.slow
def test_the_highest_of_as_many_notes_as_a_file_may_have_takes_work_in_proportion():
    data = raw_file(HOSTILE["notes never ended"])
    with few_calls(CALLS_PER_BYTE * len(data)):
        assert midi.read_midi(data, top_line=True, quantize=True).max() == 45


NOISE = st.sampled_from(
    [
        mido.Message("control_change", control=64, value=127),
        mido.Message("pitchwheel", pitch=-8192),
        mido.Message("aftertouch", value=1),
        mido.Message("polytouch", note=60, value=1),
        mido.Message("program_change", program=5),
        mido.Message("sysex", data=[0x10, 0x3C, 0x40] * 50),
        mido.MetaMessage("text", text="x" * 200),
        mido.MetaMessage("set_tempo", tempo=400_000),
        mido.MetaMessage("key_signature", key="F#m"),
    ]
)


@settings(max_examples=100, deadline=None)
@given(melodies, st.lists(st.tuples(st.integers(0, 200), NOISE), max_size=20))
def test_what_stands_between_the_notes_changes_nothing(events, noise):
    file = mido.MidiFile(file=io.BytesIO(midi.midi_bytes(events)))
    for place, message in noise:
        file.tracks[0].insert(place % len(file.tracks[0]), message)
    buffer = io.BytesIO()
    file.save(file=buffer)
    heard = midi.read_midi(buffer.getvalue(), steps=len(events), allow_silence=True)
    assert heard.tolist() == ONE_VOICE.canonical(events).tolist()


@pytest.mark.parametrize("content", ["Mélodie".encode(), "Mélodie".encode("latin-1")])
def test_names_of_tracks_are_read_as_they_were_written(content):
    body = b"\x00\xff\x03" + bytes([len(content)]) + content + b"\x00\x90\x3c\x40\x83\x60\x3c\x00"
    assert midi.read_midi(raw_file(body), steps=4, track="mélodie").tolist() == [41, 0, 0, 0]


def test_hostile_headers_and_sizes_are_refused_before_much_is_done(tmp_path):
    empty_tracks = b"MThd" + struct.pack(">IHHh", 6, 1, 16_000, 480) + b"MTrk\0\0\0\0" * 16_000
    many_parts = midi_file(*[notes((0, 480, 60))] * 1000)
    sparse = tmp_path / "sparse.mid"
    with sparse.open("wb") as file:
        file.write(b"MThd")
        file.truncate(1 << 40)
    for source, message in (
        (empty_tracks, "no notes"),
        (many_parts, "1000 tracks with notes"),
        (sparse, r"sparse\.mid has more than 512 KB"),
    ):
        with few_calls(), pytest.raises(MidiError, match=message) as refused:
            midi.read_midi(source)
        assert len(str(refused.value)) < 2000


def test_an_absurd_tick_costs_no_memory_and_pretty_midi_keeps_its_guard():
    data = midi_file(notes((0, 200_000_000, 60)), resolution=480)
    tracemalloc.start()
    with pytest.raises(MidiError, match="absurd tick"):
        midi.read_midi(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6
    assert pretty_midi.pretty_midi.MAX_TICK == 1e7
    with pytest.raises(ValueError, match="corrupt"):
        pretty_midi.PrettyMIDI(io.BytesIO(data))


@pytest.mark.parametrize(
    ("times", "qpm", "message"),
    [
        ((0.0, 1e12), 120, "expected it to end"),
        ((0.0, float("inf")), 120, "expected it to end"),
        ((float("nan"), 1.0), 120, "expected it to end"),
        ((1.0, 1.0), 120, "expected it to end"),
        ((-1.0, 1.0), 120, "expected it to end"),
        ((0.0, 1.0), 0, "tempo"),
        ((0.0, 1.0), float("nan"), "tempo"),
    ],
)
def test_note_sequences_with_absurd_times_are_refused(times, qpm, message):
    sequence = midi.NoteSequence()
    sequence.tempos.add(qpm=qpm)
    sequence.notes.add(start_time=times[0], end_time=times[1], pitch=60, velocity=80)
    with pytest.raises(MidiError, match=f"the NoteSequence has a .*{message}"):
        midi.note_sequence_to_events(sequence)


def test_tracks_of_a_note_sequence_are_its_instruments():
    sequence = midi.events_to_note_sequence(SCALE)
    sequence.notes.add(start_time=0, end_time=0.5, pitch=40, velocity=80, instrument=1)
    sequence.notes.add(start_time=0, end_time=0.5, pitch=36, velocity=80, is_drum=True)
    with pytest.raises(MidiError, match=r"2 tracks.*0: .*instrument 0.*1: .*instrument 1"):
        midi.note_sequence_to_events(sequence)
    heard = midi.note_sequence_to_events(sequence, track=0)
    assert heard.tolist() == ONE_VOICE.canonical(SCALE).tolist()


@pytest.mark.parametrize(
    "performance", [{"qpm": 0.0}, {"qpm": float("nan")}, {"program": 128}, {"velocity": 0}]
)
def test_performances_outside_midi_are_refused(performance):
    for write in (midi.midi_bytes, midi.events_to_note_sequence):
        with pytest.raises(ValueError, match=next(iter(performance))):
            write(SCALE, **performance)
