"""Objectives: their terms add up, and augmentation keeps what it must."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synvae_core.models.music import MelodyVae, MixerMelodyConfig
from synvae_core.training.objectives import (
    MelodyObjective,
    jitter,
    transpose_randomly,
)

TINY = MixerMelodyConfig(
    latent_dim=4,
    channels=8,
    hidden_channels=8,
    hidden_patches=4,
    encoder_blocks=1,
    decoder_blocks=1,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_loss_is_the_weighted_sum_of_its_terms():
    objective = MelodyObjective(beta=0.5, beta_warmup=10)
    batch = (torch.randint(0, 90, (6, 32), dtype=torch.uint8),)
    losses = objective(MelodyVae(TINY), batch, 5, generator())
    expected = losses["cross_entropy_nats"] + 0.25 * losses["kl_nats"]
    torch.testing.assert_close(losses["loss"], expected)
    assert losses["loss"].shape == (6,)


@given(st.lists(st.integers(0, 89), min_size=32, max_size=32), st.integers(0, 2**31))
def test_transposition_keeps_rhythm_and_intervals_and_the_range(events, seed):
    events = torch.tensor([events])
    moved = transpose_randomly(events, 6, generator(seed))
    is_note = events >= 2
    assert torch.equal(moved >= 2, is_note)
    assert torch.equal(moved[~is_note], events[~is_note])
    shifts = (moved - events)[is_note].unique()
    assert len(shifts) <= 1
    assert all(abs(s) <= 6 for s in shifts.tolist())
    assert moved.max() < 90


def test_every_transposition_occurs():
    moved = transpose_randomly(torch.full((2000, 4), 40), 6, generator())
    assert moved.unique().tolist() == list(range(34, 47))


def test_jitter_without_strength_changes_nothing():
    images = torch.rand(3, 1, 28, 28)
    still = jitter(images, generator(), shift=0.0, turn=0.0, scale=0.0)
    torch.testing.assert_close(still, images, atol=1e-5, rtol=0)


def test_jitter_moves_pictures_a_little():
    images = torch.zeros(200, 1, 28, 28)
    images[:, :, 13:15, 13:15] = 1
    moved = jitter(images, generator())
    assert moved.sum((1, 2, 3)).mean() == pytest.approx(4.0, rel=0.1)
    rows = (moved.sum((1, 3)) * torch.arange(28)).sum(1) / moved.sum((1, 2, 3))
    assert 0.5 < rows.std() < 3
