import base64
import io
import json

import numpy as np
import pytest
import soundfile
from spoken_models import spoken_tone

from synvae_core.music.render import decode_audio
from synvae_workbench.data.speech.recordings import SPEECH_RATE
from synvae_workbench.live.recorder import (
    BROKEN,
    WAITING,
    Answer,
    Recorder,
    Recording,
    parse_message,
)
from synvae_workbench.live.uploads import MAX_NAME, MAX_SOUND_BYTES

EXAMPLES = {"one": spoken_tone(seed=1), "two": spoken_tone(seed=2)}


def sound(kind="WAV", *, rate=SPEECH_RATE, channels=1, **options):
    buffer = io.BytesIO()
    waveform = np.repeat(spoken_tone()[:, None], channels, 1)
    soundfile.write(buffer, waveform, rate, format=kind, **options)
    return buffer.getvalue()


def upload(content, name="three.wav"):
    return parse_message({"kind": "recording", "name": name}, [content], {})


@pytest.fixture
def recorder():
    """One that hears whatever is sent to it; `answers` is what goes back to the page."""

    def hear(recording):
        made.heard.append(recording)
        if isinstance(made.result, Exception):
            raise made.result
        return made.result

    made = Recorder(hear, EXAMPLES)
    made.heard, made.result, made.answers = [], Answer("Heard.", "<p>page</p>"), []
    made.send = lambda content, buffers=None: made.answers.append(content)
    yield made
    made.close()


def send(recorder, content, buffers=()):
    """What the front end does: a custom message of the widget's channel."""
    recorder._handle_custom_msg(content, list(buffers))


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_a_recording_is_read_from_its_bytes(wrap):
    found = upload(wrap(sound()))
    assert found.name == "three.wav"
    assert np.abs(found.waveform - spoken_tone()).max() < 1e-3


@pytest.mark.parametrize(
    "content",
    [sound("FLAC"), sound("OGG", subtype="VORBIS"), sound(rate=48_000, channels=2)],
    ids=["flac", "ogg", "stereo at 48 kHz"],
)
def test_other_formats_rates_and_channels_are_heard_too(content):
    assert np.abs(upload(content).waveform).max() > 0.2


def test_a_recording_of_the_page_is_a_wav_of_16_bits():
    # The header that recorder.js writes, byte by byte, before three samples.
    samples = np.array([0, 16384, -32767] * 300, "<i2").tobytes()
    header = b"RIFF" + (36 + len(samples)).to_bytes(4, "little") + b"WAVEfmt "
    header += bytes([16, 0, 0, 0, 1, 0, 1, 0]) + (8000).to_bytes(4, "little")
    header += (16000).to_bytes(4, "little") + bytes([2, 0, 16, 0]) + b"data"
    found = upload(header + len(samples).to_bytes(4, "little") + samples)
    assert found.waveform[:3] == pytest.approx([0, 0.5, -1], abs=1e-3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "three.wav is no WAV, FLAC or Ogg file"),
        (b"ID3" + bytes(4000), "three.wav is no WAV, FLAC or Ogg file"),
        (b"\x1aE\xdf\xa3" + bytes(4000), "three.wav is no WAV, FLAC or Ogg file"),  # WebM
        (b"RIFF" + bytes(4000), "three.wav cannot be read as sound"),
        (b"OggS" + bytes(range(256)) * 9, "three.wav cannot be read as sound"),
        (sound()[:-500], "three.wav is cut short"),
        (sound(rate=100), "three.wav has a rate of 100 Hz"),
        (b"RIFF" + bytes(MAX_SOUND_BYTES), "three.wav has 4,194,308 bytes, more than 4,194,304"),
    ],
    ids=["empty", "mp3", "webm", "rubbish", "ogg rubbish", "cut", "rate", "large"],
)
def test_a_hostile_upload_is_refused_in_words(content, message):
    with pytest.raises(ValueError, match=message):
        upload(content)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("", "Your recording"),
        (" \n\t ", "Your recording"),
        ("a\u202efdp.wav\x00\x1b[31m", "afdp.wav[31m"),
        ("x" * 500, "x" * MAX_NAME + "…"),
    ],
)
def test_a_name_neither_hides_text_nor_fills_the_page(name, label):
    assert upload(sound(), name).name == label


@pytest.mark.parametrize(
    ("content", "buffers"),
    [
        (None, []),
        ("recording", [sound()]),
        ({}, []),
        ({"kind": "recording"}, [sound()]),
        ({"kind": "recording", "name": 3}, [sound()]),
        ({"kind": "recording", "name": "a"}, []),
        ({"kind": "recording", "name": "a"}, [sound(), sound()]),
        ({"kind": "example", "name": "eleven"}, []),
        ({"kind": "example", "name": ["one"]}, []),
        ({"kind": "shell", "name": "one"}, [sound()]),
    ],
)
def test_any_other_message_is_refused(content, buffers, recorder):
    with pytest.raises(ValueError, match="no recording"):
        parse_message(content, buffers, {"one": Recording("one", EXAMPLES["one"])})
    send(recorder, content, buffers)
    assert recorder.answers[-1]["said"].startswith("Not used: the page sent something")
    assert not recorder.heard


def test_an_example_is_heard_and_named_as_what_it_is(recorder):
    send(recorder, {"kind": "example", "name": "two"})
    (recording,) = recorder.heard
    assert recording.name == "“two” (synthetic voice)"
    assert recording.waveform is EXAMPLES["two"]
    assert recorder.answers == [
        {"said": WAITING, "page": "", "refused": False},
        {"said": "Heard.", "page": "<p>page</p>", "refused": False},
    ]


def test_a_refusal_is_said_and_the_next_recording_is_heard(recorder):
    send(recorder, {"kind": "recording", "name": "evil.wav"}, [b"RIFF" + bytes(100)])
    assert recorder.answers[-1]["said"].startswith("Not used: evil.wav cannot be read as sound")
    recorder.result = ValueError("it is no digit")
    send(recorder, {"kind": "example", "name": "one"})
    assert recorder.answers[-1] == {
        "said": "Not used: it is no digit.",
        "page": "",
        "refused": True,
    }
    recorder.result = Answer("Heard.")
    send(recorder, {"kind": "recording", "name": ""}, [sound()])
    assert recorder.answers[-1]["said"] == "Heard."
    assert recorder.heard[-1].name == "Your recording"


def test_a_fault_of_the_models_is_said_and_not_hidden(recorder):
    recorder.result = RuntimeError("out of memory")
    with pytest.raises(RuntimeError, match="out of memory"):
        recorder._receive(recorder, {"kind": "example", "name": "one"}, [])
    assert recorder.answers[-1] == {"said": BROKEN, "page": "", "refused": True}


def test_no_voice_is_in_the_state_that_a_notebook_saves(recorder):
    before = json.dumps(recorder.get_state(), default=str)
    send(recorder, {"kind": "recording", "name": "secret.wav"}, [sound()])
    assert json.dumps(recorder.get_state(), default=str) == before


def test_examples_play_in_the_page_as_they_are():
    recorder = Recorder(lambda _: Answer(""), EXAMPLES)
    assert list(recorder.sounds) == ["one", "two"]
    head, data = recorder.sounds["one"].split(",")
    assert head == "data:audio/mpeg;base64"
    waveform, rate = decode_audio(base64.b64decode(data))
    assert len(waveform) / rate == pytest.approx(0.4, abs=0.001)
    assert np.abs(waveform).max() == pytest.approx(np.abs(EXAMPLES["one"]).max(), rel=0.2)
    recorder.close()
