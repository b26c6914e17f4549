import numpy as np
import pytest
import torch

from synvae_core.models.speech.digit_check import DigitCheck
from synvae_workbench.data.speech.log_mel import TRANSFORM_VERSION, log_mel
from synvae_workbench.data.speech.other_sounds import Sounds
from synvae_workbench.training.digit_check import calibrated, fit_check, train_digit_check

RNG = np.random.default_rng(0)
TIME = np.arange(3200) / 8000


def digits(count):
    """Steady tones, one pitch for each digit."""
    labels = [i % 10 for i in range(count)]
    return [np.sin(2 * np.pi * (300 + 300 * d) * TIME).astype(np.float32) for d in labels], labels


def others(count):
    """Noise."""
    return [RNG.standard_normal(3200).astype(np.float32) for _ in range(count)]


def test_it_learns_to_tell_digits_from_other_sounds():
    said, labels = digits(60)
    train = Sounds({"a": said}, {"a": labels}, {"noise": others(60)})
    tried = Sounds({"a": digits(20)[0]}, {"a": digits(20)[1]}, {})
    check = fit_check(train, tried, seed=0, epochs=6)
    assert check.config.front_end == TRANSFORM_VERSION
    assert not check.training
    heard = [check.hears_digit(log_mel(each).float() / 255) for each in (digits(20)[0], others(20))]
    assert heard[0].float().mean() >= 0.9
    assert not heard[1].any()


def test_the_threshold_is_that_of_the_share_that_is_asked_for():
    torch.manual_seed(0)
    shown = {"a": torch.randint(0, 256, (40, 1, 48, 48), dtype=torch.uint8)}
    check = calibrated(DigitCheck().eval(), shown, false_alarms=0.25)
    assert check.hears_digit(shown["a"].float() / 255).sum() == 30
    with pytest.raises(ValueError, match="needs groups"):
        calibrated(check, {})


@pytest.mark.parametrize(("number", "labels", "noises"), [(0, 0, 1), (2, 2, 0), (2, 1, 1)])
def test_nothing_to_learn_from_is_refused(number, labels, noises):
    with pytest.raises(ValueError, match=f"got {number} digits, {labels} labels, {noises} other"):
        train_digit_check(digits(number)[0], digits(labels)[1], others(noises), seed=0)
