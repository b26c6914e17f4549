import pytest
import torch

from synvae_core.models.speech.digit_check import DigitCheck, DigitCheckConfig, load_digit_check
from synvae_core.models.storage import WeightsError, save_model


def check(**config):
    torch.manual_seed(0)
    return DigitCheck(DigitCheckConfig(**config)).eval()


def test_the_score_is_the_log_odds_of_no_digit():
    made, spectrograms = check(), torch.rand(7, 1, 48, 48)
    with torch.no_grad():
        chances = made(spectrograms).softmax(1)[:, -1]
    assert torch.allclose(made.scores(spectrograms), torch.logit(chances), atol=1e-5)
    assert made.scores(spectrograms[:0]).shape == (0,)


def test_a_digit_is_heard_up_to_the_threshold():
    spectrograms = torch.rand(5, 1, 48, 48)
    scores = check().scores(spectrograms).sort().values
    heard = check(threshold=scores[2].item()).hears_digit(spectrograms)
    assert heard.sum() == 3


def test_it_comes_back_from_its_folder_with_its_threshold(tmp_path):
    made = check(threshold=1.5, front_end=7)
    save_model(made, tmp_path, half=True)
    found = load_digit_check(tmp_path)
    assert found.config == made.config
    assert not found.training
    spectrograms = torch.rand(3, 1, 48, 48)
    assert torch.allclose(found.scores(spectrograms), made.scores(spectrograms), atol=0.01)


def test_sizes_that_do_not_halve_are_refused(tmp_path):
    with pytest.raises(ValueError, match="40 bands are halved 4 times"):
        DigitCheckConfig(speech_size=40)
    with pytest.raises(WeightsError, match="missing"):
        load_digit_check(tmp_path)
