"""The live page of notebook 42: translates a spoken digit to picture, melody and picture."""

from collections.abc import Mapping

import numpy as np

from synvae_core.models.speech.digit_check import DigitCheck
from synvae_core.models.speech.to_image import SpeechToImage
from synvae_core.models.synvae import SynVae
from synvae_workbench.data.speech.log_mel import log_mel
from synvae_workbench.evaluation.spoken_translation import translate_speech
from synvae_workbench.live.recorder import Answer, Recorder, Recording
from synvae_workbench.live.translation_steps import describe_translation, spoken_steps
from synvae_workbench.training.pictures import to_unit

NO_DIGIT = "did not hear a digit"


def say_it_page(
    painter: SpeechToImage,
    synvae: SynVae,
    examples: Mapping[str, np.ndarray],
    *,
    program: int = 0,
    check: DigitCheck | None = None,
) -> Recorder:
    """A recorder that answers with each recording's translation; models as in `translate_speech`.

    Args:
        examples: synthetic recordings at 8 kHz by the word that is said, for a button each.
        program: General MIDI instrument of the melodies, 0..127.
        check: where it hears no digit, that is said, and nothing is drawn; None draws all sounds.
    """

    def hear(recording: Recording) -> Answer:
        if check is not None and not hears_digit(check, recording.waveform):
            return Answer(describe_no_digit(recording.name))
        translation = translate_speech(painter, synvae, [recording.waveform])
        page = spoken_steps(translation, [recording.name], program=program)
        return Answer(describe_translation(translation, recording.name), page.data)

    return Recorder(hear, examples)


def hears_digit(check: DigitCheck, waveform: np.ndarray) -> bool:
    """Whether a check hears a digit in a recording at 8 kHz."""
    return bool(check.hears_digit(to_unit(log_mel([waveform])))[0])


def describe_no_digit(name: str) -> str:
    """A sentence to be read aloud, about a recording in which no digit was heard."""
    return (
        f"{name}: the model {NO_DIGIT}, and draws nothing. Say one digit from zero to nine, "
        "near the microphone, without music or voices around."
    )
