"""The live page of notebook 42: translates a spoken digit to picture, melody and picture."""

from collections.abc import Mapping

import numpy as np

from synvae_core.models.speech.to_image import SpeechToImage
from synvae_core.models.synvae import SynVae
from synvae_workbench.evaluation.spoken_translation import translate_speech
from synvae_workbench.live.recorder import Answer, Recorder, Recording
from synvae_workbench.live.translation_steps import describe_translation, spoken_steps


def say_it_page(
    painter: SpeechToImage,
    synvae: SynVae,
    examples: Mapping[str, np.ndarray],
    *,
    program: int = 0,
) -> Recorder:
    """A recorder that answers with each recording's translation; models as in `translate_speech`.

    Args:
        examples: synthetic recordings at 8 kHz by the word that is said, for a button each.
        program: General MIDI instrument of the melodies, 0..127.
    """

    def hear(recording: Recording) -> Answer:
        translation = translate_speech(painter, synvae, [recording.waveform])
        page = spoken_steps(translation, [recording.name], program=program)
        return Answer(describe_translation(translation, recording.name), page.data)

    return Recorder(hear, examples)
