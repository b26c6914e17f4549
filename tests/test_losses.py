"""Loss terms against torch.distributions and hand-made values."""

import math

import torch
from torch.distributions import Categorical, Normal, kl_divergence

from synvae_core.losses import event_cross_entropy, free_bits, normal_kl, squared_error


def test_normal_kl_agrees_with_torch_distributions():
    mu, logvar = torch.randn(7, 5), torch.randn(7, 5)
    reference = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)).sum(-1)
    torch.testing.assert_close(normal_kl(mu, logvar), reference)


def test_normal_kl_of_the_prior_is_zero():
    assert normal_kl(torch.zeros(3, 4), torch.zeros(3, 4)).tolist() == [0, 0, 0]


def test_free_bits_cost_nothing_and_what_is_beyond_them_costs_itself():
    kl = torch.tensor([0.0, 2.0, 10.0], requires_grad=True)
    cost = free_bits(kl, bits=4.0)
    torch.testing.assert_close(cost, torch.tensor([0.0, 0.0, 10 - 4 * math.log(2)]))
    cost.sum().backward()
    assert kl.grad.tolist() == [0, 0, 1]


def test_squared_error_sums_over_pixels_and_keeps_the_batch():
    error = squared_error(torch.full((2, 1, 3, 3), 0.5), torch.zeros(2, 1, 3, 3))
    torch.testing.assert_close(error, torch.tensor([2.25, 2.25]))


def test_event_cross_entropy_is_the_negative_log_likelihood_of_all_steps():
    logits, events = torch.randn(4, 6, 90), torch.randint(0, 90, (4, 6))
    reference = -Categorical(logits=logits).log_prob(events).sum(-1)
    torch.testing.assert_close(event_cross_entropy(logits, events), reference)
