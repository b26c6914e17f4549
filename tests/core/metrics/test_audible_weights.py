"""Audible weights: those of melodies whose distances are known of their latents."""

from dataclasses import replace

import pytest
import torch
from melody_models import FLAT, melody_model

from synvae_core.metrics.audible_weights import audible_weights
from synvae_core.models.melody.vae import MelodyVae


class FourNotes(MelodyVae):
    """Quarter notes: by the sign of a latent three are higher or, of another, the last is."""

    def __init__(self):
        super().__init__(replace(FLAT, latent_dim=3))

    def decode(self, z):
        events = torch.zeros(len(z), 16, dtype=torch.long)
        higher = 2 * (z > 0).long()
        events[:, 0:12:4] = 41 + higher[:, :1]
        events[:, 12] = 41 + higher[:, 1]
        return events


class OneNote(FourNotes):
    def decode(self, z):
        return super().decode(torch.zeros_like(z))


def test_weights_are_the_distances_that_latents_make():
    # Two semitones on 12 or on 4 of 16 sixteenths, in half of the draws; unrelated: on either.
    unrelated = (1.5**2 + 0.5**2 + 2**2) / 4
    expected = [(1.5**2 / 2 / unrelated) ** 0.5, (0.5**2 / 2 / unrelated) ** 0.5, 0]
    found = audible_weights(FourNotes(), draws=600, ears=("earth_mover",))
    assert found == pytest.approx(expected, abs=0.06)
    assert found[2] == 0


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_generator_alone():
    model = melody_model("mixer").eval()
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first, second = (audible_weights(model, draws=4, seed=1) for _ in range(2))
    assert (first == second).all()
    assert (first != audible_weights(model, draws=4, seed=2)).any()
    assert torch.equal(torch.get_rng_state(), state)
    assert first.shape == (model.config.latent_dim,)
    assert (first >= 0).all()


def test_melodies_that_are_all_alike_are_refused():
    with pytest.raises(ValueError, match="sound alike"):
        audible_weights(OneNote(), draws=3)
    with pytest.raises(ValueError, match="2 or more, got 1"):
        audible_weights(FourNotes(), draws=1)
