"""Training of the check of whether a digit is spoken, and the choice of its threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from synvae_core.metrics.detection import threshold_for
from synvae_core.models.speech.digit_check import OTHER, DigitCheck, DigitCheckConfig
from synvae_workbench.data.speech.distortion import distorted_copies
from synvae_workbench.data.speech.log_mel import TRANSFORM_VERSION, log_mel
from synvae_workbench.data.speech.other_sounds import Sounds
from synvae_workbench.training.loop import FitConfig, RunOptions, fit
from synvae_workbench.training.objectives import ClassifierObjective
from synvae_workbench.training.pictures import to_unit

COPIES = 2  # distorted ones of each sound: what is no digit comes from fewer rooms than life has
EPOCHS = 8
FALSE_ALARMS = 0.05  # share of validation digits in which no digit is heard
Waveform = Float32[np.ndarray, " _"]


def train_digit_check(
    digits: Sequence[Waveform],
    labels: Sequence[int],
    others: Sequence[Waveform],
    *,
    seed: int,
    epochs: int = EPOCHS,
) -> DigitCheck:
    """Trains a check on digits, their labels and other sounds, and on distorted copies of all.

    Its threshold is 0 as yet. The result is on the CPU.

    Raises:
        ValueError: unless there are some of both, and a label for each digit.
    """
    if not len(digits) or not len(others) or len(digits) != len(labels):
        raise ValueError(
            f"a check needs digits with a label each, and other sounds: got {len(digits)} digits, "
            f"{len(labels)} labels, {len(others)} other sounds"
        )
    sounds = [*digits, *others]
    spectrograms = [log_mel(sounds)]
    for copy in range(COPIES):
        spectrograms.append(log_mel(distorted_copies(sounds, copies=1, seed=seed + copy)))
    classes = torch.tensor([*labels, *[OTHER] * len(others)]).repeat(1 + COPIES)
    torch.manual_seed(seed)
    check = DigitCheck(DigitCheckConfig(front_end=TRANSFORM_VERSION))
    objective = ClassifierObjective(augment=False)
    config = FitConfig(epochs, 128, 0.004, weight_decay=0.01, seed=seed)
    options = RunOptions("digit check")
    fit(check, objective, (torch.cat(spectrograms), classes), config, options)
    return check.cpu().eval()


def fit_check(train: Sounds, validation: Sounds, *, seed: int, epochs: int = EPOCHS) -> DigitCheck:
    """A check that is trained on some sounds and has its threshold from others' digits.

    Raises:
        ValueError: as `train_digit_check` and `calibrated`.
    """
    said, labels, others = (list(chain(*each.values())) for each in train)
    check = train_digit_check(said, labels, others, seed=seed, epochs=epochs)
    return calibrated(check, {who: log_mel(each) for who, each in validation.digits.items()})


def calibrated(
    check: DigitCheck,
    digits: Mapping[str, UInt8[Tensor, "_ 1 side side"]],
    *,
    false_alarms: float = FALSE_ALARMS,
) -> DigitCheck:
    """A check with the threshold that so many digits exceed, each group of them counting as much.

    Args:
        digits: spectrograms for validation, by who says them.

    Raises:
        ValueError: if there are none.
    """
    scores = [check.scores(to_unit(each)).double().numpy() for each in digits.values()]
    threshold = threshold_for(scores, false_alarms=false_alarms)
    check.config = replace(check.config, threshold=threshold)
    return check
