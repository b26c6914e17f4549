import io
import os
import wave

import numpy as np
import pytest
import soundfile

from synvae_workbench.data.speech import recordings
from synvae_workbench.data.speech.recordings import (
    MAX_SECONDS,
    SPEECH_RATE,
    read_recording,
    resample_speech,
)

TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2000) / SPEECH_RATE)


def encoded(samples, rate=SPEECH_RATE, *, kind="WAV", subtype=None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "subtype", "tolerance"),
    [
        ("WAV", "PCM_U8", 1e-2),
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "PCM_32", 1e-6),
        ("WAV", "FLOAT", 1e-6),
        ("WAV", "DOUBLE", 1e-6),
        ("WAVEX", "PCM_16", 1e-4),
        ("FLAC", "PCM_16", 1e-4),
        ("OGG", "VORBIS", 0.1),
    ],
)
def test_formats_hold_the_same_sound(kind, subtype, tolerance):
    waveform = read_recording(encoded(TONE, kind=kind, subtype=subtype))
    assert waveform.dtype == np.float32
    np.testing.assert_allclose(waveform, TONE, atol=tolerance)


def test_an_ordinary_wav_is_read_as_libsndfile_reads_it(monkeypatch):
    content = encoded(np.stack([TONE, TONE**2], 1))
    quick = read_recording(content)
    monkeypatch.setattr(recordings, "_plain_samples", lambda content: None)
    np.testing.assert_array_equal(quick, read_recording(content))


def test_channels_are_averaged():
    stereo = encoded(np.stack([TONE, -TONE / 2], 1), subtype="FLOAT")
    np.testing.assert_allclose(read_recording(stereo), TONE / 4, atol=1e-6)


@pytest.mark.parametrize("rate", [4000, 11_025, 16_000, 44_100, 48_000, 96_000])
def test_any_rate_becomes_8_khz(rate):
    time = np.arange(rate // 2) / rate
    waveform = read_recording(encoded(0.5 * np.sin(2 * np.pi * 440 * time), rate, subtype="FLOAT"))
    assert len(waveform) == SPEECH_RATE // 2
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / SPEECH_RATE)
    np.testing.assert_allclose(waveform[200:-200], expected[200:-200], atol=0.01)


def test_what_is_too_high_for_8_khz_does_not_come_back_as_another_tone():
    time = np.arange(22_050) / 44_100
    mixed = 0.4 * np.sin(2 * np.pi * 1000 * time) + 0.4 * np.sin(2 * np.pi * 7000 * time)
    spectrum = np.abs(np.fft.rfft(read_recording(encoded(mixed, 44_100))))
    frequency = np.fft.rfftfreq(4000, 1 / SPEECH_RATE)
    assert frequency[spectrum.argmax()] == pytest.approx(1000, abs=5)
    assert spectrum[np.abs(frequency - 1000) > 100].max() < spectrum.max() / 100


def test_floats_beyond_full_scale_are_scaled_down():
    waveform = read_recording(encoded(TONE * 1e6, subtype="DOUBLE"))
    np.testing.assert_allclose(waveform, TONE / np.abs(TONE).max(), atol=1e-6)


def nan_at(place: int) -> np.ndarray:
    samples = TONE.copy()
    samples[place] = np.nan
    return samples


def header_that_promises(frames: int) -> bytes:
    """A WAV file as it is streamed: the size of the file is open, that of the sound is wrong."""
    content = bytearray(encoded(TONE))
    content[4:8] = b"\xff" * 4
    content[40:44] = (2 * frames).to_bytes(4, "little")
    return bytes(content)


def wav_of(rate: int = SPEECH_RATE, channels: int = 1, frames: int = 2000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(b"\x10\x20" * channels * frames)
    return file.getvalue()


FLAC = encoded(np.random.default_rng(0).normal(0, 0.1, 20_000), kind="FLAC")
BROKEN = {
    "empty": (b"", "is empty"),
    "text": (b"zero point wav\n" * 40, "cannot be read as sound"),
    "a header alone": (encoded(TONE)[:30], "is cut short: it has 30 of 4,044 bytes"),
    "a WAV cut short": (encoded(TONE)[:1000], "is cut short: it has 1,000 of 4,044 bytes"),
    "a FLAC cut short": (FLAC[: len(FLAC) // 2], "ends after|cannot be read as sound"),
    "fewer samples than promised": (header_that_promises(4000), "it has 4,044 of 8,044 bytes"),
    "silence": (encoded(np.zeros(4000)), "is silent"),
    "one bit of noise": (encoded(np.resize([0, 1 / 32768], 4000)), "is silent"),
    "a constant": (encoded(np.full(4000, 0.5)), "is silent"),
    "channels that cancel": (encoded(np.stack([TONE, -TONE], 1), subtype="FLOAT"), "is silent"),
    "one sample": (encoded(TONE[1:2]), r"lasts 0.0001 s \(1 samples\), too short"),
    "no sample": (encoded(TONE[:0]), "too short"),
    "NaN": (encoded(nan_at(7), subtype="FLOAT"), "NaN or infinite"),
    "infinity": (encoded(TONE * 1e300, subtype="DOUBLE"), "NaN or infinite"),
    "a low rate": (wav_of(rate=10), "rate of 10 Hz"),
    "a high rate": (wav_of(rate=1_000_000), "rate of 1,000,000 Hz"),
    "many channels": (wav_of(channels=300), "300 channels, more than 8"),
    "a long WAV": (wav_of(frames=(MAX_SECONDS * SPEECH_RATE) + 1), "too long for a digit"),
    "an hour of FLAC": (encoded(np.zeros(3600 * 8000), kind="FLAC"), "lasts 3,600.0 s, too long"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_digit_is_refused_by_name(name, tmp_path):
    content, reason = BROKEN[name]
    path = tmp_path / "3_anna_0.wav"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"3_anna_0.wav .*({reason}).*expected a spoken digit"):
        read_recording(path)
    with pytest.raises(ValueError, match=f"my take .*({reason})"):
        read_recording(content, name="my take")


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_a_file_that_is_too_long_is_not_decoded(kind, monkeypatch):
    def decoded(*_args, **_kwargs):
        raise AssertionError("read")

    content = encoded(np.zeros(11 * SPEECH_RATE), kind=kind)
    monkeypatch.setattr(soundfile.SoundFile, "read", decoded)
    monkeypatch.setattr(np, "frombuffer", decoded)
    with pytest.raises(ValueError, match=r"lasts 11.0 s, too long"):
        read_recording(content)


def test_a_huge_file_is_not_opened(tmp_path):
    path = tmp_path / "hours.wav"
    with path.open("wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(ValueError, match="hours.wav has 8,589,934,592 bytes, more than 67,108,864"):
        read_recording(path)


def test_what_is_no_file_is_refused_by_name(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    for name, reason in (("no.wav", "No such file"), ("pipe.wav", "no regular"), ("", "regular")):
        with pytest.raises(ValueError, match=f"{tmp_path / name} .*{reason}"):
            read_recording(str(tmp_path / name))
    with pytest.raises(ValueError, match="cannot be the path of a file"):
        read_recording("a\0b.wav")


def test_what_has_the_rate_of_speech_is_not_resampled():
    waveform = np.random.default_rng(0).normal(size=400)
    assert np.array_equal(resample_speech(waveform, SPEECH_RATE), waveform)
    assert len(resample_speech(waveform, 2 * SPEECH_RATE)) == 200
