"""Sounds to tell digits from others by, the place of the check that does, and other scores."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from synvae_core.models.classifiers import LeNet5
from synvae_core.models.speech.digit_check import DigitCheck, load_digit_check
from synvae_core.models.speech.to_image import SpeechToImage
from synvae_core.models.storage import CONFIG_FILE, WeightsError, find_folder
from synvae_workbench.data.registry import SpeechOptions, load_corpus, speech_waveforms
from synvae_workbench.data.speech.log_mel import TRANSFORM_VERSION
from synvae_workbench.data.speech.other_sounds import (
    NINE,
    TIMES,
    Sounds,
    other_sounds,
    synthetic_digits,
)
from synvae_workbench.data.speech.types import SpokenDigits

CHECK = "digit_check"  # folder of the check, in that of a model or of a run
OWN, VOICES = "recordings", "synthetic voices"
TRAINED, TRIED = 800, 200  # sounds of each kind


def sounds_to_tell_apart(
    name: str, speech: SpokenDigits, options: SpeechOptions, part: str, *, count: int
) -> Sounds:
    """Digits of a part of a set and of synthetic voices, and sounds that are none.

    In a folder of one's own may be digits of any language; then synthetic voices are left out.

    Args:
        name, speech, options: of `load_speech`.
        part: "train", "validation" or "test".
        count: of each kind; in training three times as many words, and at most as many digits.
    """
    own = getattr(speech, part)
    most = TIMES * count if part == "train" else count
    rows = np.random.default_rng(0).permutation(len(own.ids))[:most]
    recorded = speech_waveforms(name, [own.ids[i] for i in rows], options)
    said = own.labels[rows].tolist()
    digits, labels = {OWN: recorded}, {OWN: said}
    if name != "folder":
        digits[VOICES], labels[VOICES] = synthetic_digits(part, count=most)
    turned = [sound for sound, digit in zip(recorded, said, strict=True) if digit != NINE]
    others = other_sounds(part, load_corpus("abc"), turned, count=count)
    return Sounds(digits, labels, others)


def check_of(model: str | Path) -> DigitCheck | None:
    """The check that lies beside a model or in a run, in evaluation mode; None where there is none.

    Raises:
        WeightsError: if it cannot be loaded, or was made for other spectrograms.
    """
    folder = find_folder(model) / CHECK
    if not (folder / CONFIG_FILE).is_file():
        return None
    check = load_digit_check(folder)
    if check.config.front_end != TRANSFORM_VERSION:
        raise WeightsError(
            f"{folder} was trained on spectrograms of version {check.config.front_end}, and these "
            f"are of version {TRANSFORM_VERSION}: let notebook 28 train a new one"
        )
    return check


@torch.no_grad()
def scores_beside(
    painter: SpeechToImage,
    judge: LeNet5,
    known: UInt8[Tensor, "_ 1 side side"],
    asked: UInt8[Tensor, "n 1 side side"],
) -> dict[str, Float[np.ndarray, " n"]]:
    """Scores of a model and of what it drew, by name; higher of what it does not know.

    The distance of the posterior mean to the tenth nearest of the known recordings; the spread of
    the posterior, as its mean log variance; and the judge's doubt about the picture, as one minus
    the probability of its answer.

    Args:
        known: spectrograms that the model was trained on.
    """
    codes = painter.encode(known.float() / 255).mu
    found = painter.encode(asked.float() / 255)
    apart = torch.cdist(found.mu, codes).kthvalue(min(10, len(codes)), dim=1).values
    sure = judge(painter.decode(found.mu)).softmax(1).amax(1)
    scores = {
        "distance of the code": apart,
        "spread of the posterior": found.logvar.mean(1),
        "doubt of the judge": 1 - sure,
    }
    return {name: each.double().numpy() for name, each in scores.items()}
