import numpy as np
import pytest
import torch
from spoken_models import painter, small_synvae, spoken_tone

from synvae_core.models.speech.config import speech_image_config
from synvae_core.models.speech.to_image import SpeechToImage
from synvae_core.music.midi import read_midi
from synvae_workbench.data.speech.log_mel import log_mel
from synvae_workbench.evaluation.spoken_translation import translate_speech

PAINTER, SYNVAE = painter(), small_synvae()
WAVEFORMS = [spoken_tone(0.3 + 0.1 * i, seed=i) for i in range(3)]


def test_each_step_is_made_from_the_one_before_and_nothing_else():
    found = translate_speech(PAINTER, SYNVAE, WAVEFORMS)
    assert all(given is kept for given, kept in zip(WAVEFORMS, found.waveforms, strict=True))
    assert torch.equal(found.spectrograms, log_mel(WAVEFORMS))
    drawn = PAINTER.draw(found.spectrograms.float() / 255)
    assert found.pictures.dtype == torch.uint8
    assert (found.pictures.float() / 255 - drawn).abs().max() <= 0.5 / 255 + 1e-6
    # Of the picture only its bytes go on, and of the melody only its notes.
    assert np.array_equal(found.heard, SYNVAE.listen(found.pictures.float() / 255).numpy())
    assert torch.equal(found.rebuilt, SYNVAE.hear(torch.from_numpy(found.heard))[1])


def test_a_recording_becomes_the_same_whatever_it_is_translated_with():
    together = translate_speech(PAINTER, SYNVAE, WAVEFORMS)
    for i, waveform in enumerate(WAVEFORMS):
        alone = translate_speech(PAINTER, SYNVAE, [waveform])
        assert torch.equal(alone.spectrograms[0], together.spectrograms[i])
        # a batch may round otherwise in its last bit, so in a byte by one
        assert (alone.pictures[0].int() - together.pictures[i].int()).abs().max() <= 1


def test_loudness_makes_no_difference():
    quiet = translate_speech(PAINTER, SYNVAE, [0.25 * WAVEFORMS[0]])
    loud = translate_speech(PAINTER, SYNVAE, WAVEFORMS[:1])
    assert torch.equal(quiet.pictures, loud.pictures)
    assert np.array_equal(quiet.heard, loud.heard)


def test_the_midi_files_are_those_that_were_heard(tmp_path):
    found = translate_speech(PAINTER, SYNVAE, WAVEFORMS, folder=tmp_path)
    files = sorted(tmp_path.rglob("*.mid"))
    assert len(files) == len(WAVEFORMS)
    for path, melody in zip(files, found.heard, strict=True):
        assert np.array_equal(read_midi(path, allow_silence=True), melody)


@pytest.mark.parametrize(
    ("waveforms", "message"),
    [
        ([], "there is no recording"),
        ([WAVEFORMS[0], np.zeros(4000, np.float32)], "recording 1: .*not silent"),
        ([np.full(4000, np.nan, np.float32)], "recording 0: .*finite"),
        ([np.zeros((2, 4000), np.float32)], "recording 0: a waveform is"),
        ([np.zeros(0, np.float32)], "recording 0: a waveform is"),
        ([np.ones(4000, np.int16)], "recording 0: a waveform is"),
    ],
)
def test_what_is_no_recording_is_refused_by_its_place(waveforms, message):
    with pytest.raises(ValueError, match=message):
        translate_speech(PAINTER, SYNVAE, waveforms)


def test_models_that_do_not_fit_are_refused_before_anything_is_drawn():
    with pytest.raises(ValueError, match="draws 1 channel of 28 pixels, the SynVAE reads 3 of 32"):
        translate_speech(PAINTER, small_synvae(32), WAVEFORMS)
    config = vars(speech_image_config("compact_vae")) | {"speech_size": 64}
    other = SpeechToImage(speech_image_config("compact_vae").__class__(**config)).eval()
    with pytest.raises(ValueError, match="spectrograms of 64 bands, expected 48"):
        translate_speech(other, SYNVAE, WAVEFORMS)
