"""Melody VAEs of every family: one interface, gradients, seeds, and that they can learn at all."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from melody_models import CONFIGS, melody_model

from synvae_core.losses import event_cross_entropy, normal_kl
from synvae_core.models.melody.couplings import softmax, straight_through
from synvae_core.models.melody.interfaces import Playing
from synvae_core.models.melody.mixer import MixerMelodyConfig
from synvae_core.models.melody.vae import MelodyVae, latent_path
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import events_to_note_sequence, write_midi
from synvae_core.types import Posterior


@pytest.fixture(params=CONFIGS)
def model(request):
    return melody_model(request.param)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def melodies(n=5):
    return ONE_VOICE.canonical(torch.randint(0, 90, (n, 32), generator=seeded()))


def test_shapes(model):
    (logits, _), posterior = model(melodies())
    assert logits.shape == (5, 32, 90)
    assert posterior.mu.shape == posterior.logvar.shape == (5, 8)
    decoded = model.decoder(posterior.mu)
    assert decoded.logits.shape == decoded.notes.shape == (5, 32, 90)
    assert model.decode(posterior.mu).shape == (5, 32)


def test_gradients_reach_every_parameter(model):
    (logits, _), posterior = model(melodies())
    (logits.square().mean() + normal_kl(*posterior).mean()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.slow
def test_it_fits_a_tiny_batch(model):
    events = melodies(3)
    optimizer = torch.optim.Adam(model.parameters(), 2e-2)
    losses = []
    for _ in range(60):
        loss = event_cross_entropy(model(events)[0].logits, events).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_teacher_forcing_on_what_was_played_gives_the_logits_it_was_played_from(model):
    z = torch.randn(3, 8, generator=seeded())
    for temperature in (0.0, 1.0):
        played = model.decoder.play(z, Playing(temperature=temperature, generator=seeded()))
        logits = model.decoder.teacher_forced(z, played.events)
        torch.testing.assert_close(logits, played.logits, atol=1e-5, rtol=1e-5)


def test_a_step_sees_only_the_events_before_it(model):
    z, events = torch.randn(2, 8, generator=seeded()), melodies(2)
    changed = events.clone()
    changed[:, 20] = (changed[:, 20] + 1) % 90
    before, after = (model.decoder.teacher_forced(z, rows) for rows in (events, changed))
    assert torch.equal(before[:, :21], after[:, :21])


def test_playing_with_gradients_passes_on_the_same_notes(model):
    z = torch.randn(3, 8, generator=seeded(), requires_grad=True)
    with torch.no_grad():
        without = model.decoder(z, straight_through)
    decoded = model.decoder(z, softmax)
    torch.testing.assert_close(decoded.logits, without.logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(decoded.notes, decoded.logits.softmax(-1))
    decoded.notes.square().sum().backward()
    assert z.grad.abs().sum() > 0


def test_scheduled_sampling_replaces_the_share_it_is_asked_for(model):
    z, events = torch.randn(40, 8, generator=seeded()), melodies(40)
    assert model.decoder.scheduled_inputs(z, events, 0.0) is events
    inputs = model.decoder.scheduled_inputs(z, events, 0.3, seeded())
    assert 0.2 < (inputs != events).float().mean() < 0.32  # a draw may be right by chance
    drawn = model.decoder.scheduled_inputs(z, events, 1.0, seeded())
    assert (drawn != events).float().mean() > 0.9


def test_forced_steps_are_played_as_they_are_and_the_others_are_chosen(model):
    z, truth = torch.randn(3, 8, generator=seeded()), melodies(3)
    forced = torch.zeros(3, 32)
    forced[:, 10:20] = 1  # across the bar line
    played = model.decoder.play(z, Playing(truth=truth, forced=forced)).events
    free = model.decoder.play(z).events
    assert torch.equal(played[:, 10:20], truth[:, 10:20])
    assert torch.equal(played[:, :10], free[:, :10])
    with pytest.raises(ValueError, match="truth and forced go together"):
        Playing(truth=truth)


def test_draws_follow_the_seed_and_the_temperature(model):
    z = torch.randn(4, 8, generator=seeded())
    draws = [model.decode(z, temperature=1.0, generator=seeded(s)) for s in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    cold = model.decode(z, temperature=1e-6, generator=seeded())
    assert torch.equal(cold, model.decode(z))
    with pytest.raises(ValueError, match="temperature is 0 or more"):
        model.decode(z, temperature=-1.0)


def test_samples_follow_the_seed_and_interpolation_keeps_its_ends(model):
    draw = [model.sample(4, generator=seeded(s), temperature=0.5) for s in (1, 1, 2)]
    assert torch.equal(draw[0], draw[1])
    assert not torch.equal(draw[0], draw[2])
    ends = model.reconstruct(torch.stack([draw[0][0], draw[2][0]]), sample=False)
    for path in ("linear", "spherical"):
        way = model.interpolate(draw[0][0], draw[2][0], n=5, path=path)
        assert torch.equal(way[[0, -1]], ends)


def test_anything_that_holds_a_melody_can_be_encoded(model, tmp_path):
    events = torch.zeros(32, dtype=torch.long)
    events[::4] = torch.arange(40, 48)
    write_midi(events.numpy(), tmp_path / "tune.mid")
    sources = [
        events,
        events.numpy(),
        tmp_path / "tune.mid",
        events_to_note_sequence(events.numpy()),
    ]
    mean = model.encode(sources, sample=False)
    assert mean.shape == (4, 8)
    torch.testing.assert_close(mean, mean[:1].expand(4, 8))
    sampled = [model.encode(events, sample=True, generator=seeded(s)) for s in (0, 0, 1)]
    assert torch.equal(sampled[0], sampled[1])
    assert not torch.equal(sampled[0], sampled[2])
    assert not torch.equal(sampled[0], mean[:1])


def test_an_attribute_vector_points_from_less_to_more(model):
    def loudness(events):  # any number of a melody will do
        return np.arange(len(events))

    events = melodies(8)
    vector = model.attribute_vector(events, loudness, share=0.25)
    z = model.encode(events, sample=False)
    torch.testing.assert_close(vector, z[6:].mean(0) - z[:2].mean(0))
    with pytest.raises(ValueError, match="the least and the most"):
        model.attribute_vector(events, lambda events: np.zeros(len(events)))


def test_an_incomplete_model_says_what_it_lacks():
    model = melody_model("flat")
    model.missing = ("encoder/cell_0/kernel",)
    with pytest.raises(ValueError, match=r"lacks encoder/cell_0/kernel.*FREEZE_DECODER"):
        model.encode(melodies(), sample=False)
    assert model.sample(1, generator=seeded()).shape == (1, 32)
    model.missing = ("decoder/output_projection/bias",)
    with pytest.raises(ValueError, match="decoder is incomplete"):
        model.sample(1, generator=seeded())


def test_a_path_on_the_sphere_keeps_the_norm_and_a_straight_one_the_mean():
    first, second = torch.tensor([2.0, 0, 0]), torch.tensor([0, 2.0, 0])
    arc = latent_path(first, second, n=5, path="spherical")
    torch.testing.assert_close(arc.norm(dim=1), torch.full((5,), 2.0))
    torch.testing.assert_close(arc[2], torch.tensor([math.sqrt(2), math.sqrt(2), 0]))
    torch.testing.assert_close(latent_path(first, second, n=3)[1], torch.tensor([1.0, 1, 0]))
    same = latent_path(first, first, n=3, path="spherical")
    torch.testing.assert_close(same, first.expand(3, 3))
    assert latent_path(first, torch.zeros(3), n=3, path="spherical").isfinite().all()
    for wrong in ({"n": 1}, {"n": 3, "path": "scenic"}):
        with pytest.raises(ValueError, match="a path has"):
            latent_path(first, second, **wrong)


def test_reparameterised_samples_have_the_posterior_s_moments():
    posterior = Posterior(torch.full((20_000, 1), 2.0), torch.full((20_000, 1), -1.0))
    z = posterior.sample(seeded())
    assert z.mean().item() == pytest.approx(2.0, abs=0.02)
    assert z.var().item() == pytest.approx(torch.tensor(-1.0).exp().item(), abs=0.02)


def test_a_patch_that_does_not_divide_the_steps_is_refused():
    with pytest.raises(ValueError, match="32 steps"):
        MixerMelodyConfig(patch=5)


def test_a_prior_of_a_later_version_is_refused():
    with pytest.raises(ValueError, match="prior 'flow' is unknown"):
        MixerMelodyConfig(prior="flow")


@pytest.mark.parametrize("steps", [0, -32])
def test_a_melody_and_a_sample_have_one_or_more(steps):
    for config in CONFIGS.values():
        with pytest.raises(ValueError, match=f"{steps}"):
            MelodyVae(dataclasses.replace(config, steps=steps))
    with pytest.raises(ValueError, match=f"1 or more, got {steps}"):
        melody_model("mixer").sample(steps, generator=seeded())
