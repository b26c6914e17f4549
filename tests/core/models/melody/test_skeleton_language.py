"""The language that plans: every melody decodes to itself, and plans are kept."""

import math
from dataclasses import replace
from itertools import accumulate

import pytest
import torch
from real_tunes import real_windows

from synvae_core.fields import MAX_ITEMS
from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.melody.couplings import softmax
from synvae_core.models.melody.skeleton import carried
from synvae_core.models.melody.skeleton_language import (
    MOST,
    SkeletonMelodyConfig,
    language_for_pictures,
)
from synvae_core.models.melody.vae import MelodyVae, reconfigure
from synvae_core.models.storage import PRETRAINED, save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_core.music.melody import ONE_VOICE

LENGTHS = [32, 64, 128, 256]
SMALL = SkeletonMelodyConfig(channels=16, blocks=2, heads=2, hidden_channels=24, event_channels=16)


def skeleton_vae(**changes):
    torch.manual_seed(0)
    return MelodyVae(replace(SMALL, **changes)).eval()


def melodies(n, seed=0, notes=1.0, steps=32):
    """Random events, a share of which may be notes; half of the bars repeat one of the others."""
    generator = torch.Generator().manual_seed(seed)
    events = torch.randint(ONE_VOICE.size, (n, steps), generator=generator)
    quiet = torch.rand(n, steps, generator=generator) > notes
    bars = torch.where(quiet, events % 2, events).unflatten(1, (-1, 16))
    if steps > 32:
        again = torch.randint(2 * bars.shape[1], (n, bars.shape[1]), generator=generator)
        own = torch.arange(bars.shape[1])
        bars = bars[torch.arange(n)[:, None], torch.where(again < bars.shape[1], again, own)]
    return ONE_VOICE.canonical(bars.flatten(1))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def z_of(model, n, seed=0):
    return torch.randn(n, model.config.latent_dim, generator=seeded(seed))


@pytest.mark.parametrize(
    ("surprise", "steps_per_latent", "steps"),
    [*((s, n, 32) for s in (0.7, 1.0, 1.5) for n in (1, 2)), *((1.1, 2, n) for n in LENGTHS[1:])],
)
def test_melodies_decode_to_themselves(surprise, steps_per_latent, steps):
    model = skeleton_vae(surprise=surprise, steps_per_latent=steps_per_latent, steps=steps)
    count = 3200 // steps
    tunes = real_windows(steps // 16, most=count)
    played = model.sample(2 * count, generator=torch.Generator().manual_seed(1))
    some = torch.cat([melodies(count, notes=share, steps=steps) for share in (0.05, 0.2, 0.5, 1.0)])
    silence = torch.zeros(1, steps, dtype=torch.long)
    assert len(tunes) == count
    events = torch.cat([played, some, tunes, silence])
    assert torch.equal(model.decode(model.encoder(events).mu), events)


@pytest.mark.parametrize("steps", [32, 128])
def test_latents_far_from_the_prior_play_what_makes_sense(steps):
    model = skeleton_vae(steps=steps)
    z = z_of(model, 20)
    far = [8.0, 40.0, -40.0, float("inf"), -float("inf")]
    everywhere = [torch.full_like(z[:2], value) for value in far]
    somewhere = [torch.where(z > 0, value, z) for value in far]
    planned, _ = model.decoder.language.play(torch.cat(everywhere + somewhere))
    assert (planned.tokens < torch.tensor(model.config.layout.sizes)).all()
    again = model.decode(model.encoder(planned.events).mu)
    assert torch.equal(again, ONE_VOICE.canonical(planned.events))


def test_a_training_that_diverged_says_so_by_its_loss():
    """Not by an index out of bounds while it plays."""
    posterior = skeleton_vae().decoder(torch.full((2, 45), float("nan"))).posterior
    assert torch.isfinite(posterior.mu).all()


@pytest.mark.parametrize("steps", [32, 128])
def test_probabilities_sum_to_one_and_none_is_left_outside_the_plan(steps):
    model = skeleton_vae(steps=steps)
    planned = model.decoder.language(melodies(50, notes=0.4, steps=steps))
    shares, sizes = planned.token_logits.softmax(-1), torch.tensor(model.config.layout.sizes)
    torch.testing.assert_close(shares.sum(-1), torch.ones(50, len(sizes)))
    beyond = torch.arange(shares.shape[-1]) >= sizes[:, None]
    assert (shares[:, beyond] == 0).all()
    starts = ONE_VOICE.starts(torch.arange(ONE_VOICE.size)) > 0
    onsets = ONE_VOICE.starts(planned.events) > 0
    shares = planned.event_logits.softmax(-1)
    torch.testing.assert_close(shares[..., starts].sum(-1), onsets.float())
    torch.testing.assert_close(shares.sum(-1), torch.ones(50, steps))
    # What is, is possible: no melody lies outside its own plan.
    assert planned.nats().max() < 1e4


def test_rhythm_and_heights_are_played_as_planned():
    language = skeleton_vae().decoder.language
    with torch.no_grad():
        planned, _ = language.play(z_of(skeleton_vae(), 300))
    reader, (tokens, events) = language.reader, (planned.tokens, planned.events)
    rhythm, layout = reader.layout.rhythm, reader.layout
    assert torch.equal(reader(events)[:, rhythm], tokens[:, rhythm])
    pitches = ONE_VOICE.starts(events)
    heights = reader.height_of[reader.key_of(tokens)[:, None], carried(pitches)[:, ::2]]
    sounds = (pitches > 0).any(1)
    assert torch.equal(heights[sounds], tokens[sounds][:, layout.heights])
    assert torch.equal(events, ONE_VOICE.canonical(events))


@pytest.mark.parametrize("steps", [32, 128])
def test_playing_step_by_step_sees_what_the_whole_melody_shows(steps):
    language = skeleton_vae(steps=steps).decoder.language
    with torch.no_grad():
        heard = language(melodies(100, notes=0.4, steps=steps))
        intervals = language.intervals_of(heard)
        played, picked = language.play(language.posterior_of(intervals).mu)
    for one, other in zip((*played, *picked), (*heard, *intervals), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(played.nats(), heard.nats())


@pytest.mark.parametrize("steps", [32, 128])
def test_what_is_heard_is_the_skeleton_of_the_notes(steps):
    model = skeleton_vae(steps=steps)
    decoded = model.decoder(z_of(model, 100))
    events = decoded.notes.argmax(-1)
    heard = model.encoder(events)
    torch.testing.assert_close(decoded.posterior.mu, heard.mu, rtol=1e-3, atol=1e-3)
    with torch.no_grad():
        nats = model.decoder.language(events).nats()
        logits, plan = model.decoder.likelihood(z_of(model, 100), events)
    torch.testing.assert_close(decoded.surprise, nats, rtol=1e-4, atol=1e-3)
    likely = logits.log_softmax(-1).gather(-1, events[..., None]).sum((1, 2))
    torch.testing.assert_close(plan - likely, nats, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("steps", [32, 128])
def test_later_tokens_change_no_earlier_logits(steps):
    language = skeleton_vae(steps=steps).decoder.language
    net = language.tokens
    tokens = language.reader(melodies(20, notes=0.4, steps=steps))
    others = language.reader(melodies(20, seed=1, notes=0.4, steps=steps))
    with torch.no_grad():
        before = net(tokens)[1]
        for place in (3, 8, 13, 20, len(net.layout.kinds) - 1):
            mixed = torch.cat([tokens[:, :place], others[:, place:]], 1)
            torch.testing.assert_close(net(mixed)[1][:, :place], before[:, :place])


def test_bars_that_the_form_repeats_are_repeated_note_for_note():
    language = skeleton_vae(steps=128).decoder.language
    with torch.no_grad():
        planned, _ = language.play(z_of(skeleton_vae(steps=128), 200))
    form = planned.tokens[:, language.reader.layout.form]
    bars = planned.events.unflatten(1, (8, 16))
    rows, later = (form > 0).nonzero().T
    same = (bars[rows, later + 1] == bars[rows, form[rows, later] - 1]).all(1)
    assert len(rows) > 100
    # A note-off makes no sense where nothing sounds: then what is asked cannot be played.
    assert same.float().mean() > 0.9


def test_likelihood_and_posterior_come_from_one_pass_as_from_two():
    model, events = skeleton_vae(steps=64), melodies(50, notes=0.4, steps=64)
    with torch.no_grad():
        (logits, plan), posterior = model(events)
        expected = model.decoder.likelihood(torch.zeros(50, model.config.latent_dim), events)
    for one, other in zip(
        (logits, plan, *posterior), (*expected, *model.encoder(events)), strict=True
    ):
        assert torch.equal(one, other)


def test_surprise_narrows_the_posterior_and_keeps_the_round_trip():
    model = skeleton_vae()
    with torch.no_grad():
        model.decoder.language.tokens.heads *= 8
    wild = reconfigure(model, surprise=2.0)
    events, heard = (
        each.sample(200, generator=torch.Generator().manual_seed(0)) for each in (model, wild)
    )
    assert wild.encoder(heard).logvar.exp().mean() < model.encoder(events).logvar.exp().mean()
    assert torch.equal(wild.reconstruct(events, sample=False), events)


def test_synvae_speaks_and_hears_it(tmp_path):
    save_model(skeleton_vae(), tmp_path)
    music = load_melody_model(tmp_path)
    model = SynVae(SynVaeConfig(visual_config(28, latent_dim=music.config.latent_dim)), music)
    images = torch.rand(5, 1, 28, 28)
    output = model(images, sample=False)
    auditive, rebuilt = model.hear(model.listen(images))
    assert torch.equal(output.decoded.notes.argmax(-1), model.listen(images))
    torch.testing.assert_close(rebuilt, output.reconstruction, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(auditive.mu, output.auditive.mu, rtol=1e-3, atol=1e-3)
    output.reconstruction.sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.image_encoder.mu.parameters())


def test_training_reaches_every_parameter():
    model = skeleton_vae().train()
    logits, plan = model.decoder.likelihood(z_of(model, 64), melodies(64, notes=0.4))
    (logits.logsumexp(-1).sum() + plan.sum()).backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"steps": 48}, "of 2, 4, 8, 16 bars"),
        ({"coding": "two_voices"}, "a skeleton is of one voice"),
        ({"steps_per_latent": 3}, "do not fall into latents of 3"),
        ({"tokens_per_latent": 2}, "29 tokens do not fall into latents of 2"),
        ({"surprise": 0.0}, "temperature above 0"),
        ({"spans": (1,) * 60}, "spans pick 60 tokens and events, expected 61"),
        ({"spans": (61, 0)}, "1 or more each: 29 and 32"),
    ],
)
def test_what_has_no_skeleton_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        SkeletonMelodyConfig(**wrong)


def test_what_has_no_gradient_is_refused():
    model = skeleton_vae()
    with pytest.raises(ValueError, match="couple by straight_through"):
        model.decoder(z_of(model, 2), softmax)


def test_latents_pick_what_their_spans_say():
    even = skeleton_vae(steps_per_latent=8)
    spans = reconfigure(even, spans=(1,) * 29 + (8,) * 4)
    z, events = z_of(even, 40), melodies(40)
    assert torch.equal(spans.decode(z), even.decode(z))
    for one, other in zip(spans.encoder(events), even.encoder(events), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("spans", [(1, 3, 2) * 10 + (1,), (2,) * 30 + (1,)])
def test_melodies_decode_to_themselves_by_uneven_latents(spans):
    model = skeleton_vae(spans=spans).double()
    assert model.config.latent_dim == len(spans)
    played = model.sample(50, generator=seeded())
    events = torch.cat([played, melodies(20, notes=0.3), real_windows(2, most=50)])
    with torch.no_grad():
        assert torch.equal(model.decode(model.encoder(events).mu.double()), events)


@pytest.mark.parametrize("bars", [8, 16])
def test_as_many_spans_as_there_are_choices_are_saved_and_loaded(tmp_path, bars):
    model = skeleton_vae(steps=16 * bars)
    many = reconfigure(model, spans=(1,) * sum(model.config.picks[:-1]) + (2,))
    assert len(many.config.spans) > MAX_ITEMS
    save_model(many, tmp_path)
    assert load_melody_model(tmp_path).config == many.config


def test_pictures_have_latents_of_as_many_bits_of_pieces_and_all_of_two_bars():
    short = language_for_pictures(skeleton_vae(), surprise=1.1)
    assert (short.config.latent_dim, short.config.surprise, short.config.spans) == (45, 1.1, ())
    music = load_melody_model(PRETRAINED / "skeleton_8bar")
    model = language_for_pictures(music, surprise=1.0)
    spans = model.config.spans
    assert max(spans) == MOST
    assert sum(spans) == len(model.config.layout.kinds) + 128
    assert len(model.config.layout.kinds) in accumulate(spans), "none picks of both"
    bits = bits_of(model)
    filled = torch.tensor([span < MOST for span in spans])
    assert bits[filled].mean() == pytest.approx(3.0, abs=1.0)
    before = bits_of(music)
    assert bits[filled].std() / bits[filled].mean() < 0.5 * before.std() / before.mean()


def bits_of(model):
    """Bits of each latent number, on average over draws."""
    return -0.5 * model.encoder(model.sample(200, generator=seeded())).logvar.mean(0) / math.log(2)
