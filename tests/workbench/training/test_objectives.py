"""Objectives: their terms add up, and augmentation keeps what it must."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from melody_models import melody_model

from synvae_core.losses import classifier_loss, free_bits
from synvae_core.models.melody.interfaces import Likelihood
from synvae_core.models.melody.recipe import Recipe
from synvae_core.music.melody import ONE_VOICE
from synvae_core.types import Posterior
from synvae_workbench.training.objectives import (
    ClassifierObjective,
    MelodyObjective,
    transpose_randomly,
)
from synvae_workbench.training.pictures import Jitter, jitter


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("family", ["mixer", "flat", "hierarchical"])
def test_the_loss_is_the_weighted_sum_of_its_terms(family):
    recipe = Recipe(beta=0.5, beta_warmup=10, free_bits=1.0, sampling_rate=2.0)
    batch = (torch.randint(0, 90, (6, 32), dtype=torch.uint8),)
    losses = MelodyObjective(recipe)(melody_model(family), batch, 5, generator())
    beyond = free_bits(losses["kl_nats"], 1.0)
    torch.testing.assert_close(losses["loss"], losses["cross_entropy_nats"] + 0.25 * beyond)
    assert losses["loss"].shape == losses["active_units"].shape == (6,)


def test_beta_rises_as_published():
    recipe = Recipe(beta=0.2, beta_rate=0.99, transpose=0)
    batch = (torch.randint(0, 90, (6, 32), dtype=torch.uint8),)
    for step in (0, 1, 200):
        losses = MelodyObjective(recipe)(melody_model("flat"), batch, step, generator())
        beta = (losses["loss"] - losses["cross_entropy_nats"]) / losses["kl_nats"]
        torch.testing.assert_close(
            beta, torch.full((6,), 0.2 * (1 - 0.99**step)), atol=1e-4, rtol=0
        )


def test_active_units_are_the_dimensions_whose_means_vary():
    class Two(torch.nn.Module):
        coding = ONE_VOICE

        def forward(self, events, generator, *, sampling):
            mu = torch.zeros(len(events), 5)
            mu[:, :2] = torch.randn(len(events), 2, generator=generator)
            likelihood = Likelihood(torch.zeros(len(events), 32, 90))
            return likelihood, Posterior(mu, torch.zeros_like(mu))

    batch = (torch.randint(0, 90, (64, 32), dtype=torch.uint8),)
    losses = MelodyObjective(Recipe(beta=1.0))(Two(), batch, 0, generator())
    assert losses["active_units"].tolist() == [2.0] * 64


@pytest.mark.parametrize("double_softmax", [False, True])
def test_the_classifier_objective_is_the_loss_of_its_logits_and_labels(double_softmax):
    logits, labels = torch.randn(4, 3, generator=generator()), torch.tensor([0, 2, 1, 1])
    batch = (torch.zeros(4, 1, 8, 8, dtype=torch.uint8), labels)
    objective = ClassifierObjective(augment=False, double_softmax=double_softmax)
    found = objective(lambda _: logits, batch, 0, generator())
    expected = classifier_loss(logits, labels, double_softmax=double_softmax)
    assert torch.equal(found["loss"], expected["loss"])


@given(st.lists(st.integers(0, 89), min_size=32, max_size=32), st.integers(0, 2**31))
def test_transposition_keeps_rhythm_and_intervals_and_the_range(events, seed):
    events = torch.tensor([events])
    moved = transpose_randomly(events, 6, generator(seed), ONE_VOICE)
    is_note = events >= 2
    assert torch.equal(moved >= 2, is_note)
    assert torch.equal(moved[~is_note], events[~is_note])
    shifts = (moved - events)[is_note].unique()
    assert len(shifts) <= 1
    assert all(abs(s) <= 6 for s in shifts.tolist())
    assert moved.max() < 90


def test_every_transposition_occurs():
    moved = transpose_randomly(torch.full((2000, 4), 40), 6, generator(), ONE_VOICE)
    assert moved.unique().tolist() == list(range(34, 47))


def test_jitter_without_strength_changes_nothing():
    images = torch.rand(3, 1, 28, 28)
    still = jitter(images, generator(), Jitter(1.0, 0.0, 0.0, 0.0))
    torch.testing.assert_close(still, images, atol=1e-5, rtol=0)


def test_jitter_moves_pictures_a_little():
    images = torch.zeros(200, 1, 28, 28)
    images[:, :, 13:15, 13:15] = 1
    still = (jitter(images, generator()) == images).flatten(1).all(1)
    assert 80 < still.sum() < 120  # half of them
    moved = jitter(images, generator(), Jitter(share=1.0))
    assert moved.sum((1, 2, 3)).mean() == pytest.approx(4.0, rel=0.1)
    rows = (moved.sum((1, 3)) * torch.arange(28)).sum(1) / moved.sum((1, 2, 3))
    assert 0.5 < rows.std() < 3
