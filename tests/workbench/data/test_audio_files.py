"""Sound files as they come: every container and codec, headers of streams, and thousands broken."""

import io
import random
import struct

import numpy as np
import pytest
import soundfile

from synvae_workbench.data.audio_files import SUFFIXES, open_sound, sound_blocks
from synvae_workbench.data.files import BrokenFile
from synvae_workbench.data.registry import LoopOptions, load_loops
from synvae_workbench.data.riff import find_samples, rewritten
from synvae_workbench.data.speech.recordings import read_recording

RATE = 8000
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(1600) / RATE)
CONTAINERS = {
    **{"WAV": ".wav", "WAVEX": ".wav", "AIFF": ".aiff", "FLAC": ".flac", "OGG": ".ogg"},
    **{"MP3": ".mp3", "CAF": ".caf", "AU": ".au", "W64": ".w64", "RF64": ".rf64"},
}
PLACEHOLDERS = (0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x80000000, 0, 0x7FFFF024, 0xFFFFFFDB)
CODECS = ("PCM_16", "PCM_24", "FLOAT", "ULAW", "IMA_ADPCM", "MS_ADPCM", "GSM610", "NMS_ADPCM_16")


def encoded(kind="WAV", subtype=None, waveform=TONE):
    content = io.BytesIO()
    soundfile.write(content, waveform, RATE, format=kind, subtype=subtype)
    return content.getvalue()


def codecs_here():
    """Every container and codec that libsndfile writes here."""
    found = {}
    for kind in CONTAINERS:
        for subtype in soundfile.available_subtypes(kind):
            try:
                found[kind, subtype] = encoded(kind, subtype)
            except soundfile.LibsndfileError:  # which it can read alone
                continue
    return found


HERE = codecs_here()


def samples_of(content):
    with open_sound(content) as file:
        return np.concatenate([*sound_blocks(file)])


@pytest.mark.parametrize(("kind", "subtype"), HERE)
def test_every_codec_is_read_as_soundfile_reads_it(kind, subtype, tmp_path):
    content = HERE[kind, subtype]
    if subtype.startswith("DWVW"):  # after which soundfile cannot seek
        expected = np.float32(TONE)[:, None]
        np.testing.assert_allclose(samples_of(content), expected, atol=1e-4)
        return
    expected = soundfile.SoundFile(io.BytesIO(content)).read(1 << 20, "float32", always_2d=True)
    assert len(expected) >= len(TONE)
    np.testing.assert_array_equal(samples_of(content), expected)
    path = tmp_path / f"3_anna_0{CONTAINERS[kind]}"
    path.write_bytes(content)
    np.testing.assert_array_equal(samples_of(path), expected)
    assert CONTAINERS[kind] in SUFFIXES
    if np.ptp(expected) > 0.1:  # a speech codec may make nothing of a tone
        np.testing.assert_allclose(read_recording(path), expected[:, 0], atol=1e-6)


def with_sizes(content, *, riff=None, data=None):
    """A WAV file with other sizes in its header."""
    content = bytearray(content)
    at = content.index(b"data") + 4
    for where, size in ((4, riff), (at, data)):
        if size is not None:
            content[where : where + 4] = struct.pack("<I", size)
    return bytes(content)


def chunk(name, content, *, padded=True):
    return name + struct.pack("<I", len(content)) + content + b"\0" * (padded and len(content) % 2)


def with_chunk(content, extra, *, before=b"data"):
    at = content.index(before)
    return with_sizes(content[:at] + extra + content[at:], riff=len(content) + len(extra) - 8)


@pytest.mark.parametrize("size", PLACEHOLDERS)
@pytest.mark.parametrize("codec", CODECS)
def test_a_stream_is_read_to_its_end(codec, size, tmp_path):
    whole = HERE["WAV", codec]
    expected = samples_of(whole)
    for sizes in ({"riff": size, "data": size}, {"data": size}, {"riff": size}):
        stream = with_sizes(whole, **sizes)
        np.testing.assert_array_equal(samples_of(stream), expected)
        path = tmp_path / "stream.wav"
        path.write_bytes(stream)
        np.testing.assert_array_equal(samples_of(path), expected)
        assert len(read_recording(stream)) == len(expected)


@pytest.mark.parametrize("codec", CODECS)
def test_a_size_that_counts_the_header_is_no_truncation(codec):
    whole = HERE["WAV", codec]
    length = find_samples(io.BytesIO(whole), len(whole)).length
    for sizes in ({"riff": len(whole)}, {"data": length + 8}, {"riff": 20}):
        np.testing.assert_array_equal(samples_of(with_sizes(whole, **sizes)), samples_of(whole))


@pytest.mark.parametrize("before", [b"fmt ", b"data"])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("codec", CODECS)
def test_chunks_before_the_samples_are_stepped_over_padded_or_not(codec, padded, before):
    whole = HERE["WAV", codec]
    note = with_chunk(whole, chunk(b"LIST", b"INFOISFT\5\0\0\0Lavf", padded=padded), before=before)
    for content in (note, with_sizes(note, riff=0xFFFFFFFF, data=0xFFFFFFFF)):
        np.testing.assert_array_equal(samples_of(content), samples_of(whole))
        assert len(read_recording(content)) == len(samples_of(whole))


def test_chunks_behind_the_samples_are_no_samples():
    whole = encoded()
    for extra in (chunk(b"LIST", b"INFO" + bytes(4000)), bytes(40)):
        content = with_sizes(whole + extra, riff=len(whole) + len(extra) - 8)
        np.testing.assert_array_equal(samples_of(content), samples_of(whole))
    cut = whole + chunk(b"LIST", bytes(4000))[:100]  # what is missing is no sound
    assert len(samples_of(with_sizes(cut, riff=len(whole) + 4000))) == len(TONE)
    empty = with_sizes(encoded(waveform=TONE[:0]) + chunk(b"LIST", bytes(4000)), riff=4044)
    with pytest.raises(ValueError, match="0 samples"):
        read_recording(empty)


def test_a_truncated_file_is_refused_by_what_is_missing():
    whole = encoded()
    for end in (len(whole) - 9, 100, 44, 30):
        with pytest.raises(BrokenFile, match=f"cut short: it has {end:,} of 3,244 bytes"):
            samples_of(whole[:end])
    with pytest.raises(BrokenFile, match="cut short: it has 3,244 of 6,444 bytes"):
        samples_of(with_sizes(whole, riff=0xFFFFFFFF, data=6400))


def test_what_holds_is_left_to_libsndfile():
    for (kind, _), content in HERE.items():
        found = find_samples(io.BytesIO(content), len(content))
        assert (found is None) == (kind not in ("WAV", "WAVEX"))
        assert found is None or found.as_declared


def test_a_flood_of_chunks_is_refused():
    flood = with_chunk(encoded(), chunk(b"JUNK", b"") * 2000)
    with pytest.raises(ValueError, match="flood.wav has more than 1,024 chunks"):
        read_recording(flood, name="flood.wav")


def test_a_rewritten_file_is_read_from_any_place():
    whole = with_chunk(encoded(), chunk(b"LIST", bytes(100)))
    found = find_samples(io.BytesIO(whole), len(whole))
    file = rewritten(io.BytesIO(whole), found)
    reference = file.read()
    assert reference == encoded()
    rng = random.Random(0)
    for _ in range(200):
        at, count = rng.randrange(len(reference) + 10), rng.randrange(200)
        assert file.seek(at) == file.tell() == at
        assert file.read(count) == reference[at : at + count]
    assert file.seek(-10, io.SEEK_END) == len(reference) - 10


def flac_of_open_length(content):
    """A FLAC file as it is streamed: the 36 bits of its number of samples are zero."""
    content = bytearray(content)
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    return bytes(content)


def test_flac_of_open_length_is_read_to_its_end(tmp_path):
    stream = flac_of_open_length(encoded("FLAC"))
    np.testing.assert_array_equal(samples_of(stream), samples_of(encoded("FLAC")))
    assert len(read_recording(stream)) == len(TONE)
    hour = flac_of_open_length(encoded("FLAC", waveform=np.zeros(600 * RATE)))
    with pytest.raises(ValueError, match="lasts more than 10 s, too long"):
        read_recording(hour)
    with pytest.raises(ValueError, match=r"lasts 0\.0001 s \(1 samples\), too short"):
        read_recording(flac_of_open_length(encoded("FLAC", waveform=TONE[:1])))


def test_a_folder_of_every_codec_is_a_set_and_what_is_none_is_named(tmp_path):
    folder = tmp_path / "loops"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for (kind, subtype), _ in HERE.items():
        wave = np.convolve(rng.normal(0, 0.2, 4000), np.ones(8) / 8, "same")
        name = f"{kind}_{subtype}{CONTAINERS[kind]}"
        (folder / name).write_bytes(encoded(kind, subtype, wave))
    (folder / "stream.wav").write_bytes(with_sizes(encoded(waveform=wave[::-1]), riff=0, data=0))
    (folder / "stream.flac").write_bytes(flac_of_open_length(encoded("FLAC", waveform=-wave)))
    (folder / "cut.wav").write_bytes(encoded(waveform=wave)[:2000])
    (folder / "other.wav").write_bytes(b"RIFF" + bytes(200))
    options = LoopOptions(folder=folder, rate=RATE, cache=tmp_path / "cache")
    with pytest.raises(ValueError, match="2 of .*cut.wav is cut short.*other.wav cannot be read"):
        load_loops("folder", options)
    options = LoopOptions(folder=folder, rate=RATE, cache=tmp_path / "cache", broken="skip")
    loops = load_loops("folder", options)
    assert len(loops.train.names) + len(loops.held_out.names) == len(HERE) + 2
    assert loops.skipped.keys() == {"cut.wav", "other.wav"}


def broken_header(content, rng):
    """A file with one to three changes to the first 96 bytes."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        at, kind = rng.randrange(min(len(content), 96)), rng.random()
        if kind < 0.4:
            content[at] = rng.randrange(256)
        elif kind < 0.7:
            size = rng.choice((*PLACEHOLDERS, 1, 7, 8, 0xFFFFFFFE))
            content[at : at + 4] = struct.pack(rng.choice("<>") + "I", size)
        elif kind < 0.8:
            del content[at]
        elif kind < 0.9:
            content.insert(at, rng.randrange(256))
        else:
            content = content[: rng.randrange(len(content))] or bytearray(b"R")
    return bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_any_header_ends_in_sound_or_in_a_sentence_with_the_name(seed):
    rng, read = random.Random(seed), 0
    sounds = [*HERE.values()]
    for i in range(1000):
        try:
            waveform = read_recording(broken_header(sounds[i % len(sounds)], rng), name="a.wav")
        except ValueError as error:
            assert str(error).startswith("a.wav "), error
            assert "()" not in str(error), error
        else:
            assert np.isfinite(waveform).all()
            assert len(waveform)
            read += 1
    assert 100 < read < 900
