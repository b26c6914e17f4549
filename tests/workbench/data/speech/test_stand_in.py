import subprocess
import sys

import numpy as np
import pytest

from synvae_workbench.data.sources import checksum
from synvae_workbench.data.speech import espeak
from synvae_workbench.data.speech import stand_in as stand_in_module
from synvae_workbench.data.speech.espeak import Utterance, speak
from synvae_workbench.data.speech.stand_in import ESPEAK_DIGITS, SPEAKERS


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def stand_in(cache):
    return stand_in_module.load_stand_in(takes=2, cache=cache)


def test_everybody_says_every_digit(stand_in):
    assert len(stand_in.names) == len(set(stand_in.names)) == 2 * 10 * len(SPEAKERS)
    assert len(stand_in.lengths) == len(stand_in.names)
    assert stand_in.lengths.sum() == len(stand_in.samples)
    for place in range(len(stand_in.names)):
        waveform = stand_in.waveform(place)
        assert 0.1 < len(waveform) / 8000 < 1.2
        assert 0.05 < np.abs(waveform).max() <= 1
    assert stand_in.names[:2] == ["0_america-m1_0", "1_america-m1_0"]
    assert not any("_" in speaker for speaker in SPEAKERS)


def test_no_two_recordings_are_the_same(stand_in):
    waveforms = {stand_in.waveform(place).tobytes() for place in range(len(stand_in.names))}
    assert len(waveforms) == len(stand_in.names)


def test_the_cache_is_used_and_a_broken_one_is_not(stand_in, cache, monkeypatch):
    (path,) = cache.iterdir()
    asked = []
    real = stand_in_module.speak
    monkeypatch.setattr(stand_in_module, "speak", lambda plan: asked.append(plan) or real(plan))
    again = stand_in_module.load_stand_in(takes=2, cache=cache)
    assert not asked
    np.testing.assert_array_equal(again.samples, stand_in.samples)
    path.write_bytes(path.read_bytes()[:5000])
    anew = stand_in_module.load_stand_in(takes=2, cache=cache)
    assert len(asked) == 1
    np.testing.assert_array_equal(anew.samples, stand_in.samples)  # spoken again, and the same
    assert list(cache.iterdir()) == [path]


def test_fewer_takes_are_the_first_ones(stand_in, tmp_path):
    fewer = stand_in_module.load_stand_in(takes=1, cache=tmp_path)
    np.testing.assert_array_equal(fewer.samples, stand_in.samples[: len(fewer.samples)])
    assert fewer.names == stand_in.names[: len(fewer.names)]


def test_a_cache_that_cannot_be_written_costs_only_time(stand_in, tmp_path):
    (tmp_path / "file").touch()
    spoken = stand_in_module.load_stand_in(takes=1, cache=tmp_path / "file")
    np.testing.assert_array_equal(spoken.lengths, stand_in.lengths[: len(spoken.lengths)])


def test_takes_are_at_least_one():
    with pytest.raises(ValueError, match="takes of each digit are 1 or more, got 0"):
        stand_in_module.load_stand_in(takes=0)


def test_the_data_of_the_package_is_the_one_that_was_measured():
    assert checksum(*(path.read_bytes() for path in ESPEAK_DIGITS.files())) == ESPEAK_DIGITS.sha256


def test_settings_are_heard():
    plain = Utterance("seven", "en-us+m3")
    others = [plain._replace(rate=300), plain._replace(pitch=90), plain._replace(voice="en+f1")]
    (first, fast, high, another), rate = speak([plain, *others])
    assert rate == 22_050
    assert len(fast) < 0.8 * len(first)
    assert spectral_peak(high) > 1.2 * spectral_peak(first)
    assert another.tobytes() != first.tobytes()


def spectral_peak(samples) -> float:
    """The pitch: where the sound repeats itself most, in Hz, of 60 to 400."""
    middle = samples[len(samples) // 4 :][:8192].astype(float)
    repeats = np.fft.irfft(np.abs(np.fft.rfft(middle, 1 << 15)) ** 2)
    shortest = 22_050 // 400
    return 22_050 / (repeats[shortest : 22_050 // 60].argmax() + shortest)


def test_speaking_prints_nothing_and_leaves_no_file(tmp_path):
    program = (
        "from synvae_workbench.data.speech.espeak import Utterance, speak\n"
        "speak([Utterance('one', 'en')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        cwd=tmp_path,
        env={"TMPDIR": str(tmp_path), "PATH": ""},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not list(tmp_path.iterdir())


def test_a_voice_that_there_is_not_is_named():
    with pytest.raises(ValueError, match=r"eSpeak NG did not speak .*has no voice tlh-nope"):
        speak([Utterance("one", "tlh-nope")])


@pytest.mark.parametrize(
    ("library", "data", "reason"),
    [
        ("/nowhere/lib.so", "/tmp", "lib.so"),
        (None, "/nowhere", "/nowhere"),
        (None, "empty", "cannot be read"),
        ("text", None, "invalid ELF|not a mach-o|file too short"),
    ],
)
def test_a_broken_package_is_a_sentence(library, data, reason, tmp_path, monkeypatch):
    real = espeak._paths()
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no library\n" * 99, encoding="utf-8")
    data = str(tmp_path / "empty") if data == "empty" else data or real[1]
    library = str(tmp_path / "text") if library == "text" else library or real[0]
    monkeypatch.setattr(espeak, "_paths", lambda: (library, data))
    with pytest.raises(ValueError, match=f"did not speak.*({reason}).*force-reinstall"):
        speak([Utterance("one", "en")])


def test_a_crash_of_the_library_is_a_sentence(monkeypatch):
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    real = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda _, **kw: real([sys.executable, "-c", killed], **kw)
    )
    with pytest.raises(ValueError, match="did not speak .it ended with status -11"):
        speak([Utterance("one", "en")])


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ValueError, match="run `pip install espeakng-loader`"):
        speak([Utterance("one", "en")])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="run `pip install espeakng-loader`"):
        stand_in_module.load_stand_in(takes=1, cache=tmp_path)
