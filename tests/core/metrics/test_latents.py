"""Latent usage: closed forms, a dead space, and Monte Carlo."""

import math

import pytest
import torch

from synvae_core.losses import normal_kl
from synvae_core.metrics.latents import latent_usage


def test_known_posteriors():
    # dimension 0 is the prior; 1 carries one bit's worth of sign; 2 is shifted but constant
    mu = torch.tensor([[0.0, 2.0, 3.0], [0.0, -2.0, 3.0]])
    logvar = torch.tensor([[0.0, -2.0, 0.0]]).expand(2, 3)
    usage = latent_usage(mu, logvar)
    kl = [0, 0.5 * (4 + math.exp(-2) - 1 + 2), 4.5]
    assert usage.kl_bits.tolist() == pytest.approx([value / math.log(2) for value in kl])
    assert usage.mean_variance.tolist() == [0, 4, 0]
    assert usage.active.tolist() == [False, True, False]
    assert usage.aggregate_mean.tolist() == [0, 0, 3]
    assert usage.aggregate_sd.tolist() == pytest.approx([1, math.sqrt(4 + math.exp(-2)), 1])
    assert usage.aggregate_kl_bits.tolist()[0] == pytest.approx(0)
    assert usage.aggregate_kl_bits.tolist()[2] == pytest.approx(4.5 / math.log(2))
    assert usage.summary()["active_dimensions"] == 1


def test_bits_add_up_to_the_kl():
    generator = torch.Generator().manual_seed(0)
    mu, logvar = torch.randn(2, 50, 7, generator=generator, dtype=torch.float64)
    bits = latent_usage(mu, logvar).summary()["kl_bits"]
    assert bits == pytest.approx(normal_kl(mu, logvar).mean().item() / math.log(2))


def test_the_aggregate_has_the_moments_of_its_samples():
    generator = torch.Generator().manual_seed(1)
    mu, logvar = torch.randn(2, 20, 3, generator=generator)
    usage = latent_usage(mu, logvar)
    z = mu + torch.randn(20_000, 20, 3, generator=generator) * (0.5 * logvar).exp()
    torch.testing.assert_close(z.mean((0, 1)).double(), usage.aggregate_mean, atol=0.02, rtol=0)
    torch.testing.assert_close(
        z.flatten(0, 1).std(0).double(), usage.aggregate_sd, atol=0.02, rtol=0
    )


def test_a_posterior_that_matches_the_prior_in_aggregate_is_at_no_distance():
    mu = math.sqrt(0.75) * torch.tensor([[1.0], [-1.0]])
    usage = latent_usage(mu, torch.full((2, 1), math.log(0.25)))
    assert usage.aggregate_kl_bits.item() == pytest.approx(0, abs=1e-6)
    assert usage.kl_bits.item() > 0.5


def test_one_posterior_is_refused():
    with pytest.raises(ValueError, match="got 1"):
        latent_usage(torch.zeros(1, 4), torch.zeros(1, 4))
