import numpy as np
import pytest
import torch

from synvae_workbench.data.speech.distortion import (
    SHARES,
    SPEED,
    distort,
    distorted_copies,
    move_formants,
)
from synvae_workbench.data.speech.log_mel import log_mel
from synvae_workbench.data.speech.more import HEARD_AT_MOST, MoreSpeech, add_speech, unheard_voices
from synvae_workbench.data.speech.types import RecordingFile, Recordings, SpeechSet
from synvae_workbench.data.speech.voices import RESPELT, VARIANTS, voice_names


def tone(frequency, seconds=0.4):
    time = np.arange(int(8000 * seconds)) / 8000
    return (np.sin(2 * np.pi * frequency * time) * np.hanning(len(time))).astype(np.float32)


WAVEFORMS = [tone(f) for f in (300, 500, 900)]


class TestDistortion:
    def test_copies_are_of_full_scale_and_like_nothing_before(self):
        copies = distorted_copies(WAVEFORMS, copies=4, seed=0)
        assert len(copies) == 12
        assert all(np.abs(copy).max() == pytest.approx(1) for copy in copies)
        assert len({copy.tobytes() for copy in copies}) == 12

    def test_a_copy_depends_on_the_seed_and_its_place_alone(self):
        one, two = (distorted_copies(WAVEFORMS, copies=2, seed=3) for _ in range(2))
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
        other = distorted_copies([tone(2000), *WAVEFORMS[1:]], copies=2, seed=3)
        assert all(np.array_equal(one[i], other[i]) for i in (1, 2, 4, 5))

    def test_pitch_and_length_change_together_within_the_limits(self, monkeypatch):
        monkeypatch.setitem(SHARES, "formants", 0)
        ratios = []
        for seed in range(40):
            copy = distort(tone(600), np.random.default_rng(seed))
            peak = np.abs(np.fft.rfft(copy, 1 << 16))[400:].argmax() + 400
            ratios.append(peak * 8000 / (1 << 16) / 600)
        assert SPEED[0] * 0.98 < min(ratios) < 0.9
        assert 1.1 < max(ratios) < SPEED[1] * 1.02

    @pytest.mark.parametrize("ratio", [0.8, 1.25])
    def test_formants_move_and_the_pitch_stays(self, ratio):
        time = np.arange(8000) / 8000
        harmonics = np.arange(1, 34) * 120
        levels = np.exp(-(((harmonics - 1500) / 300) ** 2)) + 1e-3
        sung = (levels[:, None] * np.sin(2 * np.pi * harmonics[:, None] * time)).sum(0)
        level = np.abs(np.fft.rfft(move_formants(sung, ratio)))
        loud = np.flatnonzero(level > 0.1 * level.max())
        assert np.abs(loud - 120 * np.round(loud / 120)).max() <= 12
        power = np.square(level)
        centre = (np.arange(4001) * power).sum() / power.sum()
        assert centre == pytest.approx(1500 * ratio, rel=0.08)
        np.testing.assert_allclose(move_formants(sung, 1.0), sung, atol=1e-6)


class TestVoices:
    def test_names_are_unique_and_any_first_ones_are_mixed(self):
        names = voice_names()
        assert len(names) == len(set(names)) == 498
        languages = {name.split("+")[0] for name in names[:100]}
        assert len(languages & set(RESPELT)) > 8
        assert len(languages - set(RESPELT)) > 6
        assert {name.split("+")[1] for name in names} <= set(VARIANTS)

    def test_every_language_has_ten_words(self):
        assert {
            language: len(words.split()) for language, words in RESPELT.items()
        } == dict.fromkeys(RESPELT, 10)


@pytest.fixture
def train():
    return Recordings(
        log_mel(WAVEFORMS), torch.tensor([3, 5, 9]), ("a", "b", "b"), ("3_a_0", "5_b_0", "9_b_1")
    )


@pytest.fixture
def voices():
    names = voice_names()[:3]
    files = [
        RecordingFile(f"{digit}_{name}_0", digit, name, 0) for name in names for digit in (0, 1)
    ]
    said = [tone(200 + 100 * place) for place in range(len(files))]
    return SpeechSet("voices", "here", files, said.__getitem__, "", {}, synthetic=True)


class TestAddSpeech:
    def test_what_was_there_stays_first_and_everything_is_copied(self, train, voices):
        added = add_speech(train, WAVEFORMS, voices, MoreSpeech(voices=2, copies=2))
        assert len(added.spectrograms) == len(added.labels) == len(added.ids) == 3 * (3 + 2 * 2)
        assert torch.equal(added.spectrograms[:3], train.spectrograms)
        assert added.labels.tolist() == [3, 5, 9, 0, 1, 0, 1] * 3
        assert added.speakers[:7] == (*train.speakers, *np.repeat(voice_names()[:2], 2))
        assert len(set(added.ids)) == len(added.ids)
        assert added.ids[7] == "3_a_0~1"

    def test_copies_are_heard_as_distorted(self, train, voices):
        added = add_speech(train, WAVEFORMS, voices, MoreSpeech(copies=1))
        assert len(added.spectrograms) == 6
        assert not any(
            torch.equal(*pair) for pair in zip(*added.spectrograms.chunk(2), strict=True)
        )


def test_voices_for_tests_are_none_to_train_with(train):
    names = voice_names()
    files = [RecordingFile(f"7_{name}_0", 7, name, 0) for name in names]
    voices = SpeechSet("voices", "here", files, lambda i: tone(200 + i), "", {}, synthetic=True)
    others = unheard_voices(voices)
    heard = add_speech(train, WAVEFORMS, voices, MoreSpeech(voices=HEARD_AT_MOST))
    assert sorted((*others.speakers, *heard.speakers[3:])) == sorted(names)
    assert len(others.spectrograms) == len(others.labels) == 98
    assert others.labels.unique().tolist() == [7]


@pytest.mark.parametrize("wrong", [{"voices": 401}, {"voices": -1}, {"copies": -1}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="or more|0 to 400"):
        MoreSpeech(**wrong)
