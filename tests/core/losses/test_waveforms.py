"""Losses of the waveform VAEs: shares of energy, spectral distance, the KL per number."""

import torch
from torch.distributions import Normal, kl_divergence

from synvae_core.losses import coefficient_loss, multi_scale_spectral, spectral_loss
from synvae_core.types import Posterior, WaveformOutput

GENERATOR = torch.Generator().manual_seed(0)


def posterior():
    mu, logvar = torch.randn(2, 4, 3, generator=GENERATOR)
    return Posterior(mu.requires_grad_(), logvar.requires_grad_())


def kl_of(given):
    sigma = (0.5 * given.logvar).exp()
    return kl_divergence(Normal(given.mu, sigma), Normal(0.0, 1.0)).sum(-1)


def test_errors_of_coefficients_are_shares_of_the_energy_of_waveforms():
    windows, made = torch.randn(2, 4, 16, generator=GENERATOR)
    basis, _ = torch.linalg.qr(torch.randn(16, 16, generator=GENERATOR))
    given, energy = posterior(), windows.square().sum(1)
    found = coefficient_loss(made @ basis, given, windows @ basis, energy, beta=0.1)
    share = (made - windows).square().sum(1) / windows.square().sum(1)
    torch.testing.assert_close(found["error_share"], share)
    torch.testing.assert_close(found["kl_nats"], kl_of(given))
    torch.testing.assert_close(found["loss"], share + 0.1 * kl_of(given))
    louder = coefficient_loss(3 * made, given, 3 * windows, 9 * energy, beta=0.0)
    torch.testing.assert_close(louder["loss"], share)  # quiet windows weigh as much as loud ones


def test_the_spectral_loss_weighs_the_kl_of_a_number():
    windows, made = 0.1 * torch.randn(2, 4, 4096, generator=GENERATOR)
    given = posterior()
    found = spectral_loss(WaveformOutput(made, given), windows, beta=0.6)
    spectral = multi_scale_spectral(made, windows)
    torch.testing.assert_close(found["spectral_distance"], spectral)
    torch.testing.assert_close(found["kl_nats"], kl_of(given))
    torch.testing.assert_close(found["loss"], spectral + 0.2 * kl_of(given))
    same = spectral_loss(WaveformOutput(-windows, given), windows, beta=0.0)["loss"]
    torch.testing.assert_close(same, torch.zeros(4))
