"""The language model as a code: its prior is its language, and every melody decodes to itself."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.melody.couplings import one_hot, softmax, straight_through
from synvae_core.models.melody.language import LanguageMelodyConfig
from synvae_core.models.melody.quantiles import cumulative, cut_normal, interval_of
from synvae_core.models.melody.vae import MelodyVae, reconfigure
from synvae_core.models.storage import PRETRAINED, save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_core.music.melody import NOTE_OFF, ONE_VOICE

SMALL = LanguageMelodyConfig(channels=16, blocks=2, heads=2, hidden_channels=24)


def language_vae(**changes):
    torch.manual_seed(0)
    return MelodyVae(replace(SMALL, **changes)).eval()


def melodies(n, seed=0, steps=32):
    generator = torch.Generator().manual_seed(seed)
    return ONE_VOICE.canonical(torch.randint(ONE_VOICE.size, (n, steps), generator=generator))


@pytest.mark.parametrize("steps_per_latent", [1, 2])
@pytest.mark.parametrize("surprise", [0.7, 1.0, 1.5])
def test_melodies_decode_to_themselves(steps_per_latent, surprise):
    model = language_vae(steps_per_latent=steps_per_latent, surprise=surprise)
    played = model.sample(200, generator=torch.Generator().manual_seed(1))
    for events in (played, melodies(200)):
        assert torch.equal(model.decode(model.encoder(events).mu), events)


def test_melodies_decode_to_themselves_under_autocast_too():
    model = language_vae()
    with torch.autocast("cpu", torch.bfloat16):
        played = model.decode(torch.randn(8, 16))
        assert torch.equal(model.decode(model.encoder(played).mu), played)


def test_the_posterior_is_where_z_was():
    model = language_vae(steps_per_latent=1)
    z = torch.randn(2000, 32, generator=torch.Generator().manual_seed(0))
    posterior = model.encoder(model.decode(z))
    standard = (z - posterior.mu) / (0.5 * posterior.logvar).exp()
    assert standard.mean().abs() < 0.02
    assert standard.square().mean() == pytest.approx(1.0, abs=0.02)  # calibrated, all in all


@pytest.mark.slow
def test_draws_of_the_prior_are_draws_of_the_language():
    """The share of each first event, and of each second one after the commonest first one."""
    model = language_vae()
    with torch.no_grad():
        model.decoder.language.place_bias[:2] = torch.randn(2, ONE_VOICE.size) * 2
    events = model.sample(20_000, generator=torch.Generator().manual_seed(0))
    first = torch.bincount(events[:, 0], minlength=ONE_VOICE.size)
    common = events[events[:, 0] == first.argmax()]
    logits = model.decoder.teacher_forced(torch.empty(1, 16), common[:1])
    for step, counted in ((0, events), (1, common)):
        share = torch.bincount(counted[:, step], minlength=ONE_VOICE.size) / len(counted)
        expected = logits[0, step].softmax(-1)
        allowed = 5 * (expected * (1 - expected) / len(counted)).sqrt() + 2e-3
        assert ((share - expected).abs() < allowed).all()


def test_playing_step_by_step_sees_what_the_whole_melody_shows():
    model = language_vae()
    played = model.decoder.play(torch.randn(50, 16))
    torch.testing.assert_close(
        model.decoder.teacher_forced(torch.empty(50, 16), played.events), played.logits
    )


def test_what_comes_later_changes_no_earlier_logits():
    model = language_vae()
    events = melodies(4)
    changed = events.clone()
    changed[:, 20:] = melodies(4, seed=1)[:, 20:]
    before, after = (model.decoder.language(x)[:, :21] for x in (events, changed))
    assert torch.equal(before[:, :20], after[:, :20])
    assert torch.equal(before[:, 20], after[:, 20])  # step 20 reads events 0..19


def test_no_note_off_is_played_in_silence():
    model = language_vae(surprise=5.0)
    with torch.no_grad():
        model.decoder.language.place_bias[:, NOTE_OFF] = 5.0
    played = model.decoder.play(torch.randn(200, 16)).events
    assert (played == NOTE_OFF).any()
    assert torch.equal(played, ONE_VOICE.canonical(played))


def test_higher_surprise_narrows_the_posterior():
    model = language_vae()
    with torch.no_grad():
        model.decoder.language.output.weight *= 8
    events = model.sample(200, generator=torch.Generator().manual_seed(0))
    wild = reconfigure(model, surprise=2.0)
    assert wild.config.surprise == 2.0
    heard = wild.sample(200, generator=torch.Generator().manual_seed(0))
    assert wild.encoder(heard).logvar.exp().mean() < model.encoder(events).logvar.exp().mean()
    with pytest.raises(ValueError, match="no_such_field"):
        reconfigure(model, no_such_field=1)


def test_cut_normals_agree_with_scipy():
    low = torch.tensor([0.0, 0.3, 0.5, 0.999, 1e-9, 0.2], dtype=torch.float64)
    high = torch.tensor([0.4, 0.301, 1.0, 1.0, 2e-9, 0.9], dtype=torch.float64)
    reference = stats.truncnorm(stats.norm.ppf(low), stats.norm.ppf(high))
    mu, logvar = cut_normal(low, high)
    np.testing.assert_allclose(mu, reference.mean(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logvar.exp(), reference.var(), rtol=2e-2)


def test_an_interval_that_float64_cannot_tell_is_still_a_point():
    low = torch.tensor([1.0, 0.0, 1 - 1e-16], dtype=torch.float64)
    mu, logvar = cut_normal(low, low)
    assert mu.isfinite().all() and logvar.isfinite().all()


def test_the_kl_of_the_code_is_close_to_its_length():
    """KL of the cut normal from N(0, 1) is -log of the interval's mass, the length of the code."""
    model = language_vae(steps_per_latent=1)
    events = model.sample(300, generator=torch.Generator().manual_seed(0))
    logits = model.decoder.language(events)
    length = -logits.log_softmax(-1).gather(-1, events[..., None]).sum((1, 2))
    mu, logvar = model.encoder(events)
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)
    # A normal of the same variance has 0.5 ln(2 pi e / 12) = 0.18 nats more entropy than a
    # uniform distribution, at each of 32 numbers.
    assert (length - kl).mean().item() / 32 == pytest.approx(
        0.5 * math.log(2 * math.pi * math.e / 12), abs=0.05
    )


def test_synvae_speaks_and_hears_it(tmp_path):
    music = language_vae()
    save_model(music, tmp_path)
    music = load_melody_model(tmp_path)
    model = SynVae(SynVaeConfig(visual_config(28, latent_dim=16)), music)
    images = torch.rand(5, 1, 28, 28)
    output = model(images, sample=False)
    auditive, rebuilt = model.hear(model.listen(images))
    assert torch.equal(ONE_VOICE.canonical(output.decoded.notes.argmax(-1)), model.listen(images))
    torch.testing.assert_close(rebuilt, output.reconstruction, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(auditive.mu, output.auditive.mu, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(auditive.logvar, output.auditive.logvar, rtol=1e-2, atol=1e-2)
    output.reconstruction.sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.image_encoder.mu.parameters())
    save_model(model, tmp_path / "synvae")
    names = (tmp_path / "synvae" / "model.safetensors").read_bytes()[:20_000]
    assert b"music.decoder.language" in names and b"music.encoder" not in names  # stored once


def test_frozen_music_is_trained_with_as_it_will_be_heard():
    model = SynVae(SynVaeConfig(visual_config(28, latent_dim=16)), language_vae(dropout=0.5))
    images = torch.rand(5, 1, 28, 28)
    trained = model.train()(images, sample=False).decoded.notes
    assert torch.equal(trained, model.eval()(images, sample=False).decoded.notes)


def test_what_has_no_gradient_is_refused():
    music = language_vae()
    config = SynVaeConfig(visual_config(28, latent_dim=16), "softmax")
    with pytest.raises(ValueError, match="couple by straight_through"):
        SynVae(config, music)(torch.rand(2, 1, 28, 28))
    with pytest.raises(ValueError, match="no gradient to the notes"):
        music.encoder(one_hot(melodies(2), 90).requires_grad_())
    assert music.decoder(torch.randn(2, 16), straight_through).notes.shape == (
        2,
        32,
        ONE_VOICE.size,
    )
    with pytest.raises(ValueError, match="straight_through"):
        music.decoder(torch.randn(2, 16), softmax)


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="32 steps do not fall into latents of 3"):
        LanguageMelodyConfig(steps_per_latent=3)
    with pytest.raises(ValueError, match="surprise is a temperature above 0"):
        LanguageMelodyConfig(surprise=0)


def takes_of(model, images, **changes):
    """The model with these settings: what it plays, the errors, and how far the notes surprise."""
    model.config = replace(model.config, **changes)
    output = model(images, sample=False)
    errors = (output.reconstruction - images).square().flatten(1).sum(1)
    assert torch.equal(model.listen(images), ONE_VOICE.canonical(output.decoded.notes.argmax(-1)))
    return output, errors, output.decoded.surprise


@torch.no_grad()
def test_of_many_takes_the_best_is_played(monkeypatch):
    torch.manual_seed(0)
    model = SynVae(SynVaeConfig(visual_config(28, latent_dim=16)), language_vae()).eval()
    images = torch.rand(6, 1, 28, 28)
    one, first_errors, _ = takes_of(model, images, takes=1)
    assert torch.equal(one.z, one.visual.mu)
    many, errors, surprise = takes_of(model, images, takes=32)
    assert (errors <= first_errors * (1 + 1e-5)).all()
    assert errors.mean() < first_errors.mean()
    _, costly, plain = takes_of(model, images, surprise_price=0.1)
    assert plain.mean() < surprise.mean()
    assert costly.mean() > errors.mean()
    # neither its batch nor how many are played at once changes what a picture sounds like
    model.config = replace(model.config, surprise_price=0.0)
    monkeypatch.setattr("synvae_core.models.takes.AT_ONCE", 5)
    torch.testing.assert_close(model(images[2:3], sample=False).z, many.z[2:3])
    assert model.listen(images[:0]).shape == (0, 32)


def test_the_surprise_of_what_is_played_is_that_of_the_language():
    model = language_vae(surprise=1.4)
    decoded = model.decoder(torch.randn(20, 16))
    events = decoded.notes.argmax(-1)
    logits = model.decoder.teacher_forced(torch.zeros(20, 16), events)
    nats = -logits.log_softmax(-1).gather(-1, events[..., None]).sum((1, 2))
    torch.testing.assert_close(decoded.surprise, nats, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"takes": 0},
        {"surprise_price": -0.1},
        {"twin_price": -1.0},
        {"told_price": -1.0},
        {"cycle_price": -1.0},
    ],
)
def test_a_picture_has_a_take_and_what_is_unwanted_a_price(wrong):
    with pytest.raises(ValueError, match="expected 1 take or more of each picture"):
        SynVaeConfig(visual_config(28, latent_dim=16), **wrong)


@pytest.mark.slow
def test_in_float64_what_comes_back_depends_on_no_batch_and_is_lost_below_one_in_100_million():
    model = load_melody_model(PRETRAINED / "language_2bar").double()
    events = melodies(6)
    events[3:] = model.sample(3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        distribution = cumulative(model.decoder.language(events), 1.0)
        pairs = interval_of(distribution, events).width.unflatten(1, (-1, 2)).prod(-1)
    again = model.decode(model.encoder(events).mu.double())
    alone = [model.decode(model.encoder(each[None]).mu.double()) for each in events]
    assert torch.equal(again, torch.cat(alone))
    likely = (pairs > 1e-8).all(1)
    assert torch.equal(again[likely], events[likely]) and 0 < likely.sum() < 6
