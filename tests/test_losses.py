"""Loss terms against torch.distributions and hand-made values."""

import torch
from torch.distributions import Categorical, Normal, kl_divergence

from synvae_core.losses import event_cross_entropy, normal_kl, squared_error


def test_normal_kl_agrees_with_torch_distributions():
    mu, logvar = torch.randn(7, 5), torch.randn(7, 5)
    reference = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)).sum(-1)
    torch.testing.assert_close(normal_kl(mu, logvar), reference)


def test_normal_kl_of_the_prior_is_zero():
    assert normal_kl(torch.zeros(3, 4), torch.zeros(3, 4)).tolist() == [0, 0, 0]


def test_squared_error_sums_over_pixels_and_keeps_the_batch():
    error = squared_error(torch.full((2, 1, 3, 3), 0.5), torch.zeros(2, 1, 3, 3))
    torch.testing.assert_close(error, torch.tensor([2.25, 2.25]))


def test_event_cross_entropy_is_the_negative_log_likelihood_of_all_steps():
    logits, events = torch.randn(4, 6, 90), torch.randint(0, 90, (4, 6))
    reference = -Categorical(logits=logits).log_prob(events).sum(-1)
    torch.testing.assert_close(event_cross_entropy(logits, events), reference)
