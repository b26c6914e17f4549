import io
import struct
import zlib

import mido
import numpy as np
import pytest
import soundfile
from PIL import ExifTags, Image
from work import few_calls, no_large_pictures

from synvae_core.music.coding import Note
from synvae_core.music.melody import HOLD, ONE_VOICE
from synvae_core.music.midi import midi_bytes
from synvae_workbench.live.uploads import (
    LONGEST_SHOWN,
    MAX_MIDI_BYTES,
    MAX_PICTURE_BYTES,
    MAX_SOUND_BYTES,
    printable_name,
    read_midi_upload,
    read_picture_upload,
    read_sound_upload,
)

RNG = np.random.default_rng(0)


def encoded(pixels, kind="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def upload(content, name="a.png"):
    return read_picture_upload(name, content)


PHOTO = RNG.integers(0, 256, (90, 150, 3), np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_every_usual_format_is_shown_in_its_own_shape(kind):
    found = upload(memoryview(encoded(PHOTO, kind)))
    assert found.shape == PHOTO.shape
    assert found.dtype == np.uint8


def test_what_is_small_stays_as_it_is_and_what_is_large_keeps_its_shape():
    assert np.array_equal(upload(encoded(PHOTO)), PHOTO)
    wide = upload(encoded(RNG.integers(0, 256, (300, 1500, 3), np.uint8)))
    assert wide.shape == (round(300 * LONGEST_SHOWN / 1500), LONGEST_SHOWN, 3)
    line = upload(encoded(np.zeros((1, 5000, 3), np.uint8)))
    assert line.shape == (1, LONGEST_SHOWN, 3)


def test_grey_and_transparent_pictures_become_colours_on_white():
    grey = upload(encoded(PHOTO[..., 0]))
    assert np.array_equal(grey, np.repeat(PHOTO[..., :1], 3, axis=2))
    clear = upload(encoded(np.dstack([PHOTO, np.zeros(PHOTO.shape[:2], np.uint8)])))
    assert (clear == 255).all()


def test_a_telephone_picture_is_set_upright():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    shown = upload(encoded(PHOTO, "JPEG", exif=exif, quality=95))
    assert shown.shape == (150, 90, 3)
    assert np.abs(shown.astype(int) - np.rot90(PHOTO, -1)).mean() < 60


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, *extra):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1 << 20), 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) + body


HOSTILE = {
    "has 4,000,000,000 pixels|too large": png(200_000, 20_000),
    "has 16,000,000 pixels, more than": png(4000, 4000),
    "cannot be read": png(64, 64, chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(1 << 26), 9))),
    "is broken": b"GIF89a" + bytes(5),
    "is no PNG": b"<svg xmlns='x'><script>alert(1)</script></svg>",
    "is no PNG, JPEG": b"%!PS-Adobe-3.0 EPSF-3.0",
    "more than 8,388,608": bytes(MAX_PICTURE_BYTES + 1),
    "is no PNG, JPEG, WebP": b"",
    "a.png cannot be read as a picture": encoded(PHOTO, "JPEG")[:400],
}


@pytest.mark.parametrize(("reason", "content"), HOSTILE.items(), ids=range(len(HOSTILE)))
def test_a_bomb_a_stranger_or_a_torso_is_refused_before_much_is_done(reason, content):
    with few_calls(), no_large_pictures(), pytest.raises(ValueError, match=reason):
        upload(content)


def test_the_guard_sees_a_large_picture_that_is_decoded():
    large = io.BytesIO(encoded(np.zeros((2000, 2000), np.uint8)))
    with pytest.raises(AssertionError, match="4,000,000 pixels was decoded"), no_large_pictures():
        Image.open(large).load()


def test_a_refusal_names_the_file_as_text_to_print():
    with pytest.raises(ValueError, match=r"^\.\./<b>\.png is no PNG"):
        upload(b"?", name="../<b>\n\u202e.png")
    assert printable_name("\u202e\n ") == "Your file"
    assert printable_name("x" * 99) == "x" * 60 + "…"


NOTES = [Note(0, 4, 60), Note(4, 8, 64), Note(16, 20, 67)]


def tune(offset=0, steps=32):
    moved = [Note(n.start + offset, n.end + offset, n.pitch) for n in NOTES]
    return ONE_VOICE.events(moved, steps=steps)


def test_a_midi_file_becomes_a_melody_of_so_many_steps():
    events = read_midi_upload("a.mid", memoryview(midi_bytes(tune())), steps=32)
    assert np.array_equal(events, tune())
    short = read_midi_upload("a.mid", midi_bytes(tune()), steps=16)
    assert ONE_VOICE.notes(short) == NOTES[:2]
    long = read_midi_upload("a.mid", midi_bytes(tune()), steps=64)
    assert ONE_VOICE.notes(long) == NOTES
    assert (long[21:] == HOLD).all()


def test_a_note_that_ends_with_the_last_bar_ends_there_in_a_longer_melody():
    ends = [Note(0, 4, 60), Note(12, 16, 62)]
    source = midi_bytes(ONE_VOICE.events(ends, steps=16))
    assert ONE_VOICE.notes(read_midi_upload("a.mid", source, steps=32)) == ends


def test_bars_of_rest_before_the_first_note_are_left_out():
    rests = midi_bytes(tune(offset=32, steps=96))
    assert np.array_equal(read_midi_upload("a.mid", rests, steps=32), tune())


def test_chords_other_metres_and_high_notes_are_made_to_fit():
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=3, denominator=4)])
    for time_, kind, note in [
        (0, "note_on", 60),
        (7, "note_on", 120),
        (470, "note_off", 60),
        (0, "note_off", 120),
    ]:
        track.append(mido.Message(kind, note=note, velocity=64, time=time_))
    buffer = io.BytesIO()
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(file=buffer)
    (note,) = ONE_VOICE.notes(read_midi_upload("a.mid", buffer.getvalue(), steps=32))
    assert note == Note(0, 4, 108)


def track_of(body):
    head = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)
    return head + b"MTrk" + struct.pack(">I", len(body)) + body


HOSTILE_MIDI = {
    "x.mid is not a MIDI file": b"RIFFxxxx",
    f"x.mid has {MAX_MIDI_BYTES + 1:,} bytes": bytes(MAX_MIDI_BYTES + 1),
    "x.mid is truncated or corrupt": b"MThd" + bytes(20),
    "x.mid has no notes": track_of(b"\x00\xff\x2f\x00"),
    "absurd tick": track_of(b"\xff\xff\xff\x7f\x90\x3c\x40\x10\xff\x2f\x00"),
    "a number without an end": track_of(b"\xff" * 60_000),
}


@pytest.mark.parametrize(("reason", "content"), HOSTILE_MIDI.items(), ids=range(len(HOSTILE_MIDI)))
def test_a_hostile_midi_file_is_refused_before_much_is_done(reason, content):
    with few_calls(), pytest.raises(ValueError, match=reason):
        read_midi_upload("x.mid", content, steps=32)


def test_refusals_speak_no_python():
    with pytest.raises(ValueError, match="no notes") as refused:
        read_midi_upload("x.mid", track_of(b"\x00\xff\x2f\x00"), steps=32)
    assert "=" not in str(refused.value)


def sound(waveform, kind="WAV", rate=8000, **options):
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform, rate, format=kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
def test_a_sound_becomes_mono_without_its_mean_at_its_own_rate(kind):
    tone = 0.2 * np.sin(np.arange(8000) / 7) + 0.1
    stereo = np.stack([tone, np.full(8000, 0.1)], 1)
    found, rate = read_sound_upload("a", sound(stereo, kind), seconds=(0.5, 2))
    assert rate == 8000 and found.shape == (8000,)
    assert abs(found.mean()) < 1e-3 and np.abs(found).max() == pytest.approx(1)
    assert np.corrcoef(found, tone)[0, 1] > 0.99


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"GIF89a", "b.wav is no WAV, FLAC or Ogg file"),
        (b"RIFF" + bytes(MAX_SOUND_BYTES), "more than 4,194,304: cut it shorter"),
        (b"RIFF" + bytes(90), "b.wav cannot be read as sound"),
        (sound(np.ones(2000)), "at least 0.5 s are needed"),
        (sound(np.full(9000, 0.3)), "b.wav is silent"),
        (sound(np.zeros(8000 * 600), "FLAC"), "lasts more than 2 s"),  # ten minutes in few bytes
        (sound(np.r_[np.ones(9000), np.nan], subtype="FLOAT"), "NaN or infinite"),
    ],
)
def test_a_sound_that_cannot_be_used_is_refused_by_name_and_reason(content, reason):
    with pytest.raises(ValueError, match=reason):
        read_sound_upload("b.wav", content, seconds=(0.5, 2))
