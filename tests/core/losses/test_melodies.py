"""Losses of melodies against torch.distributions."""

import math

import torch
from torch.distributions import Categorical, Normal, kl_divergence

from synvae_core.losses import language_model_loss, melody_vae_loss
from synvae_core.types import Posterior

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(4, 6, 90, generator=GENERATOR)
EVENTS = torch.randint(90, (4, 6), generator=GENERATOR)
SHARP = torch.tensor([0.0, 1.0, 2.0, 4.0])  # how far the means lie from 0


def posterior():
    mu = (SHARP[:, None] * torch.ones(4, 3)).requires_grad_()
    return Posterior(mu, torch.full((4, 3), -1.0).requires_grad_())


def kl_of(given):
    sigma = (0.5 * given.logvar).exp()
    return kl_divergence(Normal(given.mu, sigma), Normal(0.0, 1.0)).sum(-1)


def test_the_loss_is_the_cross_entropy_and_the_kl_beyond_the_free_bits():
    given = posterior()
    found = melody_vae_loss(LOGITS, given, EVENTS, beta=0.5, bits=4.0)
    cross_entropy = -Categorical(logits=LOGITS).log_prob(EVENTS).sum(1)
    kl = kl_of(given)
    beyond = (kl - 4 * math.log(2)).clamp(min=0)
    torch.testing.assert_close(found["loss"], cross_entropy + 0.5 * beyond)
    torch.testing.assert_close(found["cross_entropy_nats"], cross_entropy)
    torch.testing.assert_close(found["kl_nats"], kl)
    found["loss"].sum().backward()
    costs = beyond > 0
    assert costs.any() and not costs.all()
    assert torch.equal(given.mu.grad.any(1), costs)
    assert torch.equal(given.logvar.grad.any(1), costs)


def test_without_beta_it_is_the_loss_of_the_language_model():
    found = melody_vae_loss(LOGITS, posterior(), EVENTS, beta=0.0)
    language = language_model_loss(LOGITS, EVENTS)
    assert torch.equal(found["loss"], language["loss"])
    assert torch.equal(language["loss"], language["cross_entropy_nats"])


def test_a_language_model_that_knows_nothing_pays_for_every_event_alike():
    found = language_model_loss(torch.zeros(4, 6, 90), EVENTS)["loss"]
    torch.testing.assert_close(found, torch.full((4,), 6 * math.log(90)))
