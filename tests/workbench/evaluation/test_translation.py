"""Translations that are kept, and latents of pictures, drawn: visual ones and those of notes."""

import numpy as np
import pytest
import torch
from melody_models import MIXER
from torch.distributions import Normal, kl_divergence

from synvae_core.models.melody.language import LanguageMelodyConfig
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_workbench.evaluation.translation import latent_samples, rate_metrics, translate


def test_the_best_takes_of_a_model_and_pictures_are_chosen_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNVAE_CACHE", str(tmp_path))
    torch.manual_seed(0)
    config = SynVaeConfig(visual_config(28, latent_dim=8), takes=3)
    model = SynVae(config, MelodyVae(MIXER)).eval()
    images = torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8)
    chosen, choose = [], SynVae.best_take
    monkeypatch.setattr(SynVae, "best_take", lambda *a: chosen.append(a[1]) or choose(*a))
    plain = translate(model, images)
    for _ in range(2):
        kept = translate(model, images, cached=True)
        assert all(np.array_equal(one, two) for one, two in zip(plain[:-1], kept[:-1], strict=True))
    assert len(chosen) == 2, "by itself, and for the cache"
    translate(model, images.flip(0), cached=True)
    with torch.no_grad():
        model.image_encoder.mu.bias.add_(1)
    moved = translate(model, images, cached=True)
    assert len(chosen) == 4 and not torch.equal(moved.visual, plain.visual)
    for path in tmp_path.glob("takes-*.npz"):
        np.savez(path, z=np.zeros((5, 3)))
    again = translate(model, images, cached=True)
    assert all(np.array_equal(one, two) for one, two in zip(moved[:-1], again[:-1], strict=True))


def test_latents_are_drawn_and_the_auditive_ones_heard_in_their_notes():
    torch.manual_seed(0)
    model = SynVae(SynVaeConfig(visual_config(28, latent_dim=8)), MelodyVae(MIXER)).eval()
    images = torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8)
    draw = [torch.Generator().manual_seed(seed) for seed in (0, 0, 1)]
    (visual, auditive), again, other = (latent_samples(model, images, generator=g) for g in draw)
    assert torch.equal(again[0], visual)
    assert torch.equal(again[1], auditive)
    assert not torch.isclose(other[0], visual).all(1).any()
    with torch.no_grad():
        seen, heard = (
            model.image_encoder(images / 255),
            model.music.encoder(model.music.decode(visual)),
        )
    for drawn, posterior in ((visual, seen), (auditive, heard)):
        noise = (drawn - posterior.mu) / (0.5 * posterior.logvar).exp()
        assert 0.5 < noise.std() < 1.6
        assert noise.abs().max() < 5
    with pytest.raises(ValueError, match="got none"):
        latent_samples(model, images[:0], generator=draw[0])


def test_bits_are_those_of_the_posterior_and_of_the_notes_under_their_language():
    torch.manual_seed(0)
    music = MelodyVae(LanguageMelodyConfig(channels=16, blocks=1, hidden_channels=16))
    model = SynVae(SynVaeConfig(visual_config(28, latent_dim=music.config.latent_dim)), music)
    images = torch.randint(0, 256, (6, 1, 28, 28), dtype=torch.uint8)
    found = translate(model.eval(), images)
    rates = rate_metrics(model, found)
    played = model.music.decoder(found.visual)
    assert np.array_equal(played.notes.argmax(-1).numpy(), found.heard)
    assert rates["notes/bits"] == pytest.approx(played.surprise.mean().item() / np.log(2), rel=1e-4)
    prior, posterior = Normal(0, 1), Normal(found.visual, (0.5 * found.visual_logvar).exp())
    nats = kl_divergence(posterior, prior).sum(1).mean().item()
    assert rates["visual/kl_bits"] == pytest.approx(nats / np.log(2), rel=1e-4)
    without = SynVae(SynVaeConfig(visual_config(28, latent_dim=8)), MelodyVae(MIXER)).eval()
    assert set(rate_metrics(without, translate(without, images))) == {"visual/kl_bits"}
    alone = rate_metrics(model, translate(model, images[:1]))
    assert alone["notes/bits"] > 0 and alone["visual/kl_bits"] > 0
