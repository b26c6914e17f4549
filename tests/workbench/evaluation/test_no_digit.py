import pytest
import torch
from spoken_models import painter

from synvae_core.models.classifiers import LeNet5, LeNet5Config
from synvae_core.models.speech.digit_check import DigitCheck, DigitCheckConfig
from synvae_core.models.storage import WeightsError, save_model
from synvae_workbench.data.registry import SpeechOptions, load_speech
from synvae_workbench.data.speech.log_mel import TRANSFORM_VERSION
from synvae_workbench.evaluation.no_digit import (
    CHECK,
    OWN,
    VOICES,
    check_of,
    scores_beside,
    sounds_to_tell_apart,
)


def test_digits_of_the_set_and_of_voices_stand_beside_what_is_none():
    options = SpeechOptions(takes=1)
    speech = load_speech("espeak", options)
    found = sounds_to_tell_apart("espeak", speech, options, "test", count=3)
    assert [*found.digits] == [*found.labels] == [OWN, VOICES]
    for who, waveforms in found.digits.items():
        assert len(waveforms) == len(found.labels[who]) == 3
    assert len(found.others["other words"]) == 3
    nines = found.labels[OWN].count(9)
    assert len(found.others["digits backwards"]) == 3 - nines


def test_a_model_without_a_check_has_none(tmp_path):
    assert check_of(tmp_path) is None


def test_the_check_beside_a_model_is_found_and_one_for_other_spectrograms_is_not_used(tmp_path):
    save_model(DigitCheck(DigitCheckConfig(front_end=TRANSFORM_VERSION)), tmp_path / CHECK)
    assert check_of(tmp_path).config.front_end == TRANSFORM_VERSION
    save_model(DigitCheck(DigitCheckConfig(front_end=99)), tmp_path / CHECK)
    with pytest.raises(WeightsError, match="version 99.*notebook 28"):
        check_of(tmp_path)


def test_what_a_model_was_trained_on_is_nearer_than_noise():
    torch.manual_seed(0)
    known = torch.randint(0, 256, (1, 1, 48, 48), dtype=torch.uint8).repeat(12, 1, 1, 1)
    asked = torch.cat([known[:3], torch.zeros(3, 1, 48, 48, dtype=torch.uint8)])
    scores = scores_beside(painter(), LeNet5(LeNet5Config()).eval(), known, asked)
    apart = scores["distance of the code"]
    assert apart[:3].max() < apart[3:].min()
    assert all(len(each) == 6 for each in scores.values())
    assert ((scores["doubt of the judge"] >= 0) & (scores["doubt of the judge"] < 1)).all()
