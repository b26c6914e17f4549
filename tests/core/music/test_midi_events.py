"""MIDI files that players play are read, alike by every reader; torn ones are refused."""

import io
import struct
import tracemalloc
from itertools import takewhile

import mido
import music21
import numpy as np
import pretty_midi
import pytest
from no_checks import no_checks

from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import MidiError, midi_bytes, read_midi
from synvae_core.music.midi_files import MAX_BYTES, file_score, parse_midi
from synvae_core.music.performance import read_performed
from synvae_core.music.reading import read_opening
from synvae_workbench.data.melodies.midi_tracks import read_song

TUNE = np.array([41, 0, 43, 0, 45, 0, 46, 0, 48, 0, 50, 0, 52, 0, 53, 0] * 2)
END = b"\x00\xff\x2f\x00"


def chunk(kind, body, size=None):
    return kind + struct.pack(">I", len(body) if size is None else size) + body


def header(tracks=1, kind=0, resolution=480, extra=b""):
    return chunk(b"MThd", struct.pack(">HHh", kind, tracks, resolution) + extra)


NOTES = b"".join(
    bytes([0, 0x90, event + 19, 80, 0x81, 0x70, 0x80, event + 19, 0]) for event in TUNE[::2]
)
TRACK = chunk(b"MTrk", NOTES + END)


def before(*events):
    """The tune after what stands before its first note."""
    return header() + chunk(b"MTrk", b"".join(b"\0" + each for each in events) + NOTES + END)


def meta(kind, body):
    return bytes([0xFF, kind, *_size(len(body))]) + body


def _size(number):
    return [0x80 | number >> 7, number & 127] if number > 127 else [number]


HIGH = bytes(range(128, 256)) * 12

# What players play, though some of it is against the letter of the format.
READ = {
    "as it should be": before(),
    "key with 18 sharps": before(meta(0x59, b"\x12\x01")),
    "key of one byte": before(meta(0x59, b"\x12")),
    "tempo of two bytes": before(meta(0x51, b"\x07\xa1")),
    "tempo of four bytes": before(meta(0x51, b"\x07\xa1\x20\x00")),
    "tempo of nothing": before(meta(0x51, b"\0\0\0")),
    "metre of one byte": before(meta(0x58, b"\x03")),
    "metre of two bytes": before(meta(0x58, b"\x04\x02")),
    "metre of no beats": before(meta(0x58, b"\x00\x02\x18\x08")),
    "metre in 2^200ths": before(meta(0x58, b"\x03\xc8\x18\x08")),
    "SMPTE offset of one byte": before(meta(0x54, b"\xff")),
    "channel prefix, port and number of odd sizes": before(
        meta(0x20, b""), meta(0x21, b"\xff\xff"), meta(0x00, b"\x01")
    ),
    "unknown meta event": before(meta(0x4B, b"\x01\x02\x03")),
    "credit of 1,536 high bytes": before(meta(0x01, HIGH)),
    "sequencer block of 1,536 high bytes": before(meta(0x7F, HIGH)),
    "name of 1,536 high bytes": before(meta(0x03, HIGH)),
    "lyrics of karaoke": before(meta(0x01, b"@KMIDI KARAOKE FILE"), meta(0x05, b"\\La")),
    "exclusive data of 1,536 high bytes": before(bytes([0xF0, *_size(1536)]) + HIGH),
    "exclusive data in packets": before(b"\xf0\x02\x43\x12", b"\xf7\x01\xf7"),
    "system messages": before(b"\xf1\x05", b"\xf2\x05\x05", b"\xf3\x05", b"\xf6", b"\xfe"),
    "controller above 127": before(b"\xb0\x07\xff"),
    "program, pressure and bend above 127": before(b"\xc0\xff", b"\xd0\xf0", b"\xe0\xff\xff"),
    "note above 127": before(b"\x90\xff\x40", b"\x80\xff\x40"),
    "loudness above 127": before().replace(b"\x3c\x50", b"\x3c\xff", 1),
    "running status through a text": before(
        b"\xb0\x07\x40", meta(0x01, b"text"), b"\x07\x50", b"\x0a\x40"
    ),
    "chunk that is no track": header() + chunk(b"SEM1", b"abcdef") + TRACK,
    "chunk with a track inside": header() + chunk(b"XFIH", TRACK[:40]) + TRACK,
    "chunk behind the track": header() + TRACK + chunk(b"XFKM", HIGH),
    "chunk behind the track, cut off": header() + TRACK + chunk(b"XFKM", b"", 999),
    "odd chunk with its pad byte": header() + chunk(b"SEM1", b"abcde") + b"\0" + TRACK,
    "padding behind the track": header() + TRACK + bytes(128),
    "fewer tracks declared": header(1, 1) + chunk(b"MTrk", meta(3, b"t")[:0] + END) + TRACK,
    "no tracks declared": header(0, 1) + TRACK,
    "type 0 with two tracks": header(2, 0) + chunk(b"MTrk", END) + TRACK,
    "longer header": header(extra=b"\0\0\1\1") + TRACK,
    "no end of track": header() + chunk(b"MTrk", NOTES),
    "bytes behind the end of track": header() + chunk(b"MTrk", NOTES + END + b"\xff\xff\xff\xff"),
    "track that claims to be empty": header() + chunk(b"MTrk", NOTES + END, 0),
    "track that claims too little": header() + chunk(b"MTrk", NOTES + END, 30),
    "track that claims 4 GB": header() + chunk(b"MTrk", NOTES + END, 0xFFFFFFFF),
    "RIFF": chunk(b"RIFF", b"RMIDdata" + struct.pack("<I", len(before())) + before()),
    "MacBinary": b"\0\x08tune.mid" + bytes(118) + before(),
}
# What is dangerous, or would be other notes than were meant.
REFUSED = {
    "track cut off": (before()[:-20], "a track is cut off"),
    "track cut off before its end": (before()[:-4], "a track is cut off"),
    "header cut off": (before()[:12], "the header is cut off"),
    "no track": (header(), "0 of 1 tracks are there"),
    "more tracks declared": (header(3, 1) + TRACK + chunk(b"SEM1", b"ab"), "1 of 3 tracks"),
    "second track cut off": (header(2, 1) + TRACK + b"MTrk\0", "a track is cut off"),
    "text that claims 256 MB": (before(b"\xff\x01\xff\xff\xff\x7f"), "a track is cut off"),
    "number of five bytes": (before(b"\xff\x01\x80\x80\x80\x80\x01a"), "without an end"),
    "data without a status": (before(b"\x3c\x40"), "data without a status"),
    "ticks that are absurd": (
        header() + chunk(b"MTrk", b"\xff\xff\xff\x7f" + NOTES[1:] + END),
        "absurd tick",
    ),
    "type 2": (header(1, 2) + TRACK, "type 2.*export it again as type 1"),
    "time in frames": (header(1, 0, -6400) + TRACK, "time division -6400"),
    "larger than a song": (before() + bytes(MAX_BYTES), "more than 512 KB"),
    "header far behind": (bytes(300) + before(), "not a MIDI file"),
}


@pytest.mark.parametrize("kind", READ)
def test_what_players_play_is_read_alike_by_every_reader(kind, tmp_path):
    path = tmp_path / "tune.kar"
    path.write_bytes(READ[kind])
    assert read_midi(path, steps=32).tolist() == TUNE.tolist()
    assert read_opening(path, steps=32).tolist() == TUNE.tolist()
    assert read_performed(path, steps=32)[0].tolist() == TUNE.tolist()
    song = read_song(path, bars=2)
    assert (song.refused, song.windows.tolist()) == ("", [TUNE.tolist()])


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_dangerous_or_torn_is_refused_alike_by_every_reader(kind, tmp_path):
    data, reason = REFUSED[kind]
    path = tmp_path / "tune.mid"
    path.write_bytes(data)
    for read in (read_midi, read_opening, read_performed):
        with pytest.raises(MidiError, match=rf"tune\.mid .*{reason}"):
            read(path, steps=32)
    assert read_song(path, bars=2).refused


def test_the_opening_begins_in_the_bar_of_the_first_note_and_its_notes_are_moved_into_range():
    count_in = header() + chunk(b"MTrk", b"\x9e\x00\xb0\x07\x40" + NOTES + END)
    assert read_opening(count_in, steps=32).tolist() == TUNE.tolist()
    low = header() + chunk(b"MTrk", b"\0\x90\x0c\x50\x83\x60\x80\x0c\x00" + END)
    assert ONE_VOICE.notes(read_opening(low, steps=16))[0][:3] == (0, 4, 24)
    with pytest.raises(MidiError, match="^mine has no notes") as refused:
        read_opening(header() + chunk(b"MTrk", END), steps=16, name="mine")
    assert "=" not in str(refused.value)


def random_file(rng):
    """A well formed file of several tracks, by mido, with whatever may stand in one."""
    tracks = []
    for _ in range(rng.integers(1, 4)):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name="Melodie é")])
        for _ in range(rng.integers(0, 12)):
            pitch, channel = int(rng.integers(128)), int(rng.integers(16))
            track += [
                mido.Message("note_on", note=pitch, channel=channel, time=int(rng.integers(300))),
                mido.Message(
                    "note_off", note=pitch, channel=channel, time=int(rng.integers(1, 300))
                ),
                *rng.choice(OTHER, rng.integers(3)).tolist(),
            ]
        tracks.append(track)
    buffer = io.BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=96, tracks=tracks).save(file=buffer)
    return buffer.getvalue()


OTHER = np.array(
    [
        mido.Message("control_change", control=64, value=127, time=5),
        mido.Message("pitchwheel", pitch=-8192),
        mido.Message("program_change", program=40, channel=2),
        mido.Message("sysex", data=[0x10, 0x3C, 0x40] * 20),
        mido.MetaMessage("lyrics", text="la" * 70, time=200),
        mido.MetaMessage("set_tempo", tempo=400_000),
        mido.MetaMessage("time_signature", numerator=4, denominator=2),
        mido.MetaMessage("key_signature", key="F#m"),
    ],
    dtype=object,
)


def damaged(data, rng):
    """The file with bytes changed, left out, put in, repeated or cut off."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        place = int(rng.integers(len(data) + 1))
        length = int(rng.integers(1, 9))
        some = rng.integers(0, 256, length, np.uint8).tobytes()
        removed, added = (
            (1, some[:1]),
            (length, b""),
            (0, some),
            (0, data[place : place + 20]),
            (4, b"\xff\xff\xff\x7f"),
        )[rng.integers(5)]
        data[place : place + removed] = added
    return bytes(data[: rng.integers(len(data) + 1)] if rng.random() < 0.1 else data)


LENIENT = {"top_line": True, "quantize": True, "ignore_metre": True}


def read_or_refusal(read, path, **options):
    """What is read, or None after a sentence that begins with the path."""
    try:
        return read(path, **options)
    except MidiError as error:
        assert str(error).startswith(f"{path} ")
        return None


def heard_by_mido(data):
    """Notes of each track up to its end, as mido reads them, or None where it refuses."""
    try:
        file = mido.MidiFile(file=io.BytesIO(data))
    except Exception:  # mido raises whatever the bytes provoke
        return None
    found = []
    for track in file.tracks:
        tick, notes = 0, []
        for message in takewhile(lambda message: message.type != "end_of_track", track):
            tick += message.time
            if message.type in ("note_on", "note_off"):
                loud = message.velocity if message.type == "note_on" else 0
                notes.append((tick, message.channel, message.note, loud))
        found.append(notes)
    return found


@pytest.mark.slow
def test_damaged_files_become_notes_or_a_sentence_and_what_mido_reads_is_read_alike(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "tune.mid"
    sound = [random_file(rng) for _ in range(20)] + [midi_bytes(TUNE)]
    counts = {"read": 0, "refused": 0, "as mido": 0}
    with no_checks():
        for index in range(1600):
            sources = sound if index % 8 == 0 else list(READ.values())
            data = damaged(sources[rng.integers(len(sources))], rng)
            path.write_bytes(data)
            found = read_or_refusal(parse_midi, path)
            counts["read" if found else "refused"] += 1
            if not found:
                continue
            read_or_refusal(read_opening, path, steps=32)
            if index % 8:
                continue
            read_or_refusal(read_performed, path, **LENIENT)
            assert read_song(path, bars=2).refused != "truncated or corrupt"
            if (expected := heard_by_mido(data)) is not None:
                # where the size of a track is wrong, mido reads but its beginning
                for track, notes in zip(found.tracks, expected, strict=False):
                    assert track.notes[: len(notes)] == notes
                counts["as mido"] += 1
    assert min(counts.values()) > 15, counts


def test_notes_are_those_that_pretty_midi_and_music21_read():
    rng = np.random.default_rng(1)
    for _ in range(6):
        data = random_file(rng)
        score = file_score(data)
        ours = sorted(
            (round(start * 24), round(end * 24), int(pitch))
            for part in score.parts
            for start, end, pitch in part.spans.tolist()
        )
        other = pretty_midi.PrettyMIDI(io.BytesIO(data))
        theirs = sorted(
            (other.time_to_tick(note.start), other.time_to_tick(note.end), note.pitch)
            for instrument in other.instruments
            if not instrument.is_drum
            for note in instrument.notes
        )
        assert ours == theirs
        parsed = music21.midi.MidiFile()
        parsed.readstr(data)
        pitches = sorted(
            event.pitch
            for track in parsed.tracks
            for event in track.events
            if event.isNoteOn() and event.channel != 10
        )
        assert [pitch for *_, pitch in sorted(ours, key=lambda note: note[2])] == pitches


def test_memory_is_in_proportion_to_the_size_which_is_bounded():
    data = header() + chunk(b"MTrk", b"\x00\x90\x40\x40" + b"\x01\x40\x40" * 5000 + END)
    tracemalloc.start()
    with no_checks():
        assert len(file_score(data).parts[0].spans) == 5000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * len(data), peak / len(data)
