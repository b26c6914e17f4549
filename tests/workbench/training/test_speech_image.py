"""Speech paired with pictures: by label, from its own split, alike from a seed; and its losses."""

import dataclasses

import pytest
import torch

from synvae_core.losses import normal_kl
from synvae_core.models.speech.config import speech_image_config
from synvae_core.models.speech.to_image import SpeechToImage
from synvae_workbench.training.loop import FitConfig, RunOptions, fit
from synvae_workbench.training.speech_image import (
    Speech,
    SpeechImageObjective,
    SpeechVariation,
    vary,
)

CONFIG = dataclasses.replace(
    speech_image_config("compact_vae"),
    encoder=((4, 4, 1), (6, 4, 1)),
    latent_dim=4,
    decoder_dense=(),
    decoder_input=(4, 7),
    decoder=((4, 4, 1), (1, 4, 1)),
    dropout=0.0,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def speech(n=20):
    """Recordings whose pixels are all their own number; two of each digit."""
    numbers = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1)
    return Speech(numbers.expand(n, 1, 48, 48).clone(), torch.arange(n) % 10)


def digits(n=30):
    labels = torch.arange(n) % 10
    return torch.randint(0, 256, (n, 1, 28, 28), dtype=torch.uint8, generator=seeded()), labels


def model():
    torch.manual_seed(0)
    return SpeechToImage(CONFIG)


def train(objective, **arguments):
    own = model()
    config = FitConfig(3, 10, 0.003, warmup_steps=0)
    history = fit(own, objective, digits(), config, RunOptions("test", **arguments))
    return own, history


def test_every_picture_has_a_recording_of_its_digit_and_each_recording_has_its_turn():
    labels = torch.randint(0, 10, (1000,), generator=seeded(1))
    rows = speech().draw_recordings(labels, seeded())[:, 0, 0, 0].long()
    assert torch.equal(rows % 10, labels)
    assert len(rows.unique()) == 20
    assert torch.equal(rows, speech().draw_recordings(labels, seeded())[:, 0, 0, 0].long())
    assert not torch.equal(rows, speech().draw_recordings(labels, seeded(1))[:, 0, 0, 0].long())


def test_a_digit_that_nobody_says_is_refused():
    with pytest.raises(ValueError, match="10"):
        speech().draw_recordings(torch.tensor([3, 10]), seeded())


@pytest.mark.parametrize("n", [0, 3])
def test_recordings_and_labels_must_be_equally_many(n):
    with pytest.raises(ValueError, match=f"got {n} spectrograms and {2 * n} labels"):
        Speech(torch.zeros(n, 1, 48, 48, dtype=torch.uint8), torch.zeros(2 * n, dtype=torch.long))


def test_speech_is_told_apart_by_its_content():
    other = speech()
    other = Speech(other.spectrograms.clone().index_fill_(0, torch.tensor(3), 9), other.labels)
    assert repr(speech()) == repr(speech()) != repr(other)
    moved = Speech(speech().spectrograms, speech().labels.flip(0))
    assert repr(moved) != repr(speech())


@pytest.mark.parametrize("likelihood", ["squared", "bernoulli"])
def test_the_loss_is_the_weighted_sum_of_its_terms_and_beta_warms_up(likelihood):
    objective = SpeechImageObjective(speech(), 2.0, 10, likelihood, augment=False)
    own, batch = model(), digits(8)
    for step, beta in ((0, 0.0), (5, 1.0), (10, 2.0), (99, 2.0)):
        losses = objective(own, batch, step, seeded())
        expected = losses["picture_error"] + beta * losses["kl_nats"]
        torch.testing.assert_close(losses["loss"], expected)
        assert losses["loss"].shape == (8,)


def test_the_objective_sees_the_paired_speech_and_nothing_of_the_labels():
    own, (pictures, labels) = model().eval(), digits(8)
    losses = SpeechImageObjective(speech(), augment=False)(own, (pictures, labels), 0, seeded())
    generator = seeded()
    spectrograms = speech().draw_recordings(labels, generator).float() / 255
    output = own(spectrograms, generator=generator)
    error = (output.reconstruction - pictures / 255).square().sum((1, 2, 3))
    torch.testing.assert_close(losses["picture_error"], error)
    torch.testing.assert_close(losses["kl_nats"], normal_kl(*output.posterior))


@pytest.mark.parametrize("make", [lambda name: SpeechImageObjective(speech(), likelihood=name)])
def test_an_unknown_likelihood_is_refused(make):
    with pytest.raises(ValueError, match="'gauss' is unknown; choose of squared, bernoulli"):
        make("gauss")


def test_varied_spectrograms_stay_in_range_differ_and_repeat_from_a_seed():
    spectrograms = torch.rand(40, 1, 48, 48, generator=seeded())
    first, again, other = (vary(spectrograms, seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == spectrograms.shape
    assert 0 <= first.min() and first.max() <= 1
    still = vary(spectrograms, seeded(), SpeechVariation(0.0, 0.0, 0.0, 0.0, 0.0))
    torch.testing.assert_close(still, spectrograms, atol=1e-4, rtol=0)


def test_the_silent_bands_are_no_wider_than_asked_and_silence_stays_silence():
    bands = vary(torch.ones(200, 1, 48, 48), seeded(), SpeechVariation(0.0, 0.0, 0.0, 0.25)) == 0
    for whole in (bands.all(2), bands.all(3)):
        assert 0 < whole.sum(-1).max() <= 0.25 * 48
    louder = vary(torch.zeros(20, 1, 48, 48), seeded())
    assert not louder.any()


def test_time_moves_along_the_columns_and_pitch_along_the_rows():
    line = torch.zeros(30, 1, 48, 48)
    line[:, :, 24] = 1.0  # a steady tone
    late = vary(line, seeded(), SpeechVariation(0.1, 0.0, 0.0, 0.0))
    assert (late[:, 0].sum(2).argmax(1) == 24).all()
    high = vary(line, seeded(), SpeechVariation(0.0, 0.1, 0.0, 0.0))
    assert len(high[:, 0].sum(2).argmax(1).unique()) > 3


def test_a_model_learns_from_pairs_and_a_resumed_run_has_the_same_ones(tmp_path):
    objective = SpeechImageObjective(speech(), beta=0.01)
    whole, history = train(objective)
    assert history[-1]["picture_error"] < history[0]["picture_error"]

    def interrupt(epoch):
        if epoch == 2:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        train(objective, folder=tmp_path, after_epoch=interrupt)
    resumed, resumed_history = train(objective, folder=tmp_path)
    assert resumed_history == history
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_run_with_other_speech_is_not_gone_on_with(tmp_path):
    train(SpeechImageObjective(speech()), folder=tmp_path)
    with pytest.raises(ValueError, match=r"objective\.speech: Speech\(20 recordings, .* there"):
        train(SpeechImageObjective(speech(10)), folder=tmp_path)


def test_clipped_words_lack_up_to_their_share_of_start_and_end():
    ramp = torch.linspace(0.1, 1, 48).expand(400, 1, 48, 48)
    varied = vary(ramp, seeded(), SpeechVariation(0.0, 0.0, 0.0, 0.0, 0.5))[:, 0]
    torch.testing.assert_close(varied[:, 0], varied[:, 20], atol=1e-4, rtol=0)
    first, last = (varied[:, 0, column] - ramp[0, 0, 0, column] for column in (0, -1))
    assert (first > 0.005).float().mean().item() == pytest.approx(0.35, abs=0.08)
    assert (last < -0.005).float().mean().item() == pytest.approx(0.5, abs=0.08)
    assert 0.15 < first.max() < 0.9 * 0.2 + 0.02
    assert -0.9 * 0.45 - 0.02 < last.min() < -0.35
