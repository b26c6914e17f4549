"""Terms of losses against torch.distributions and hand-made values."""

import math

import pytest
import torch
from torch.distributions import Categorical, Normal, kl_divergence

from synvae_core.losses import (
    event_cross_entropy,
    feature_distance,
    free_bits,
    magnitudes,
    multi_scale_spectral,
    normal_kl,
    normal_mismatch,
    squared_error,
)


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


def test_draws_of_the_prior_do_not_mismatch_it():
    generator = torch.Generator().manual_seed(0)
    draws = [normal_mismatch(torch.randn(64, 16, generator=generator)) for _ in range(200)]
    off_diagonal = torch.stack(draws) - 16 * expected_squared_distance(64)
    assert off_diagonal.mean().abs() < 0.05  # covariances as chance gives them cost nothing


def expected_squared_distance(n):
    """Of a sorted draw of N(0, 1) from the quantiles, by many draws."""
    draws = torch.randn(20_000, n, generator=torch.Generator().manual_seed(1)).sort(1).values
    quantiles = torch.special.ndtri((torch.arange(n) + 0.5) / n)
    return (draws - quantiles).square().mean().item()


def test_mismatch_sees_place_width_shape_and_dependence():
    z = torch.randn(256, 8, generator=torch.Generator().manual_seed(0))
    two_humps = z.abs() * 1.0 * torch.sign(z) + 0.8 * torch.sign(z)
    two_humps = two_humps / two_humps.std()
    turned = z.clone()
    turned[:, 1] = 0.9 * z[:, 0] + (1 - 0.9**2) ** 0.5 * z[:, 1]
    least = normal_mismatch(z)
    for other in (z + 0.5, z * 0.5, two_humps, turned):
        assert normal_mismatch(other) > least + 0.3


def test_mismatch_has_a_gradient_that_lowers_it():
    z = (torch.randn(128, 4, generator=torch.Generator().manual_seed(0)) * 2 + 1).requires_grad_()
    optimizer = torch.optim.Adam([z], 0.05)
    for _ in range(200):
        optimizer.zero_grad()
        normal_mismatch(z).backward()
        optimizer.step()
    assert normal_mismatch(z) < 0.05
    assert z.mean(0).abs().max() < 0.05
    assert torch.allclose(z.detach().T.cov(), torch.eye(4), atol=0.2)


def plain_spectral_distance(made, target, sizes, floor):
    """The definition, frame by frame, with a matrix of cosines and sines for the transform."""
    total = 0.0
    for size in sizes:
        steps = torch.arange(size, dtype=torch.float64)
        window = 0.5 - 0.5 * torch.cos(2 * math.pi * steps / size)
        angles = 2 * math.pi / size * steps[: size // 2 + 1, None] * steps
        magnitudes = []
        for waveform in (made, target):
            padded = torch.cat([torch.zeros(size // 2), waveform, torch.zeros(size // 2)]).double()
            frames = padded.unfold(0, size, size // 4) * window
            real, imaginary = frames @ angles.cos().T, frames @ angles.sin().T
            magnitudes.append(2 * (real**2 + imaginary**2).sqrt() / window.sum())
        ours, theirs = magnitudes
        total += (ours - theirs).abs().sum() / (theirs.sum() + floor)
        total += ((ours + floor).log() - (theirs + floor).log()).abs().mean()
    return float(total) / len(sizes)


def test_spectral_distance_agrees_with_its_definition():
    made, target = 0.1 * torch.randn(2, 3, 1000)
    found = multi_scale_spectral(made, target, sizes=(256, 64), floor=1e-3)
    expected = [
        plain_spectral_distance(*pair, (256, 64), 1e-3) for pair in zip(made, target, strict=True)
    ]
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-5)


def test_spectral_distance_is_deaf_to_the_sign_and_finite_in_silence():
    target = 0.1 * torch.randn(2, 4096)
    torch.testing.assert_close(multi_scale_spectral(-target, target), torch.zeros(2))
    silent = torch.zeros(2, 4096, requires_grad=True)
    for other in (target, torch.zeros(2, 4096)):
        loss = multi_scale_spectral(silent, other).sum()
        (gradient,) = torch.autograd.grad(loss, silent)
        assert loss.isfinite()
        assert gradient.isfinite().all()


def test_a_sine_of_amplitude_one_has_magnitude_one():
    sine = torch.sin(2 * math.pi * 8 / 256 * torch.arange(4096))[None]
    assert abs(magnitudes(sine, 256)[0, 8, 20].item() - 1) < 1e-4


def test_feature_distance_of_known_answers():
    features = torch.randn(4000, 6) * torch.tensor([1.0, 5, 0.1, 2, 1, 3]) + 1
    deviation = features.std(0)
    assert feature_distance(features, features, deviation).abs().max() == 0
    from_mean = feature_distance(features, features.mean(0).expand_as(features), deviation)
    assert from_mean.mean().item() == pytest.approx(1, abs=0.01)
    unrelated = feature_distance(features, features.roll(1, 0), deviation)
    assert unrelated.mean().item() == pytest.approx(2, abs=0.1)
    constant = feature_distance(features, features + 1e-5, torch.zeros(6))
    assert constant.max() < 1e-3, "a feature that never varies does not rule"
