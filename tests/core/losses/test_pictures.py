"""Losses of SynVAE, VAEs of pictures, classifiers and features, against independent references."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Categorical, Normal, kl_divergence

from synvae_core.losses import (
    classifier_loss,
    contrastive_loss,
    normal_mismatch,
    picture_vae_loss,
    squared_error,
    synvae_loss,
)
from synvae_core.types import Decoded, Posterior, SynVaeOutput, VaeOutput

GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.rand(6, 1, 4, 4, generator=GENERATOR)


def draw(*shape):
    return torch.randn(*shape, generator=GENERATOR).requires_grad_()


def synvae_output():
    """One whose every tensor is a leaf, so that a gradient shows where the loss reaches."""
    notes = torch.zeros(6, 2, 90)
    visual, auditive = (Posterior(draw(6, 3), draw(6, 3)) for _ in range(2))
    return SynVaeOutput(draw(6, 1, 4, 4), visual, draw(6, 3), Decoded(notes, notes), auditive)


def kl_of(posterior):
    sigma = (0.5 * posterior.logvar).exp()
    return kl_divergence(Normal(posterior.mu, sigma), Normal(0.0, 1.0)).sum(-1)


def gradients(losses, *tensors):
    """Gradients of the loss, zeros where it does not reach."""
    found = torch.autograd.grad(losses["loss"].sum(), tensors, allow_unused=True)
    return [
        torch.zeros_like(tensor) if gradient is None else gradient
        for tensor, gradient in zip(tensors, found, strict=True)
    ]


def test_the_loss_of_synvae_is_its_equation():
    output = synvae_output()
    found = synvae_loss(output, IMAGES, beta=0.3, commitment=0.2, musicality=0.1)
    error = (output.reconstruction - IMAGES).square().sum((1, 2, 3))
    distance = (output.z - output.auditive.mu).square().sum(1)
    mismatch = normal_mismatch(output.z)
    expected = error + 0.3 * kl_of(output.visual) + 0.2 * distance + 0.1 * error.mean() * mismatch
    torch.testing.assert_close(found["loss"], expected)
    torch.testing.assert_close(found["squared_error"], error)
    torch.testing.assert_close(found["kl_nats"], kl_of(output.visual))
    torch.testing.assert_close(found["commitment"], distance)
    torch.testing.assert_close(found["normal_mismatch"], mismatch.expand(6))


def test_without_weights_synvae_minimises_the_squared_error_alone():
    output = synvae_output()
    found = synvae_loss(output, IMAGES)
    assert torch.equal(found["loss"], found["squared_error"])
    unreached = gradients(found, *output.visual, output.z, *output.auditive)
    assert not any(gradient.any() for gradient in unreached)


def test_regularisation_reaches_the_latents_and_neither_the_picture_nor_what_is_heard():
    output = synvae_output()
    found = synvae_loss(output, IMAGES, beta=0.3, commitment=0.2, musicality=0.1)
    picture, z, heard, mu, logvar = gradients(
        found, output.reconstruction, output.z, output.auditive.mu, *output.visual
    )
    torch.testing.assert_close(picture, 2 * (output.reconstruction - IMAGES))
    assert not heard.any()
    torch.testing.assert_close(mu, 0.3 * output.visual.mu)
    torch.testing.assert_close(logvar, 0.15 * (output.visual.logvar.exp() - 1))
    for weights in ({"commitment": 0.2}, {"musicality": 0.1}):
        (alone,) = gradients(synvae_loss(output, IMAGES, **weights), output.z)
        assert alone.any()
        z = z - alone
    torch.testing.assert_close(z, torch.zeros_like(z), atol=1e-4, rtol=0)


def test_a_picture_vae_minimises_minus_the_evidence_lower_bound():
    posterior, beta = Posterior(draw(6, 3), draw(6, 3)), 0.5
    output = VaeOutput(draw(6, 1, 4, 4), posterior)
    found = picture_vae_loss(output, IMAGES, beta=beta)
    likelihood = Normal(output.reconstruction, (beta / 2) ** 0.5)
    constant = 16 * 0.5 * math.log(math.pi * beta)
    elbo = likelihood.log_prob(IMAGES).sum((1, 2, 3)) + constant - kl_of(posterior)
    torch.testing.assert_close(found["loss"], -beta * elbo)
    assert torch.equal(found["squared_error"], squared_error(output.reconstruction, IMAGES))
    free = picture_vae_loss(output, IMAGES, beta=0.0)
    assert torch.equal(free["loss"], found["squared_error"])
    assert torch.equal(free["kl_nats"], found["kl_nats"])


def test_a_classifier_minimises_minus_the_log_likelihood_of_its_labels():
    logits, labels = draw(6, 5), torch.arange(6) % 5
    found = classifier_loss(logits, labels)["loss"]
    torch.testing.assert_close(found, -Categorical(logits=logits).log_prob(labels))
    many = torch.rand(6, 5, generator=GENERATOR) > 0.5
    found = classifier_loss(logits, many)["loss"]
    torch.testing.assert_close(found, -Bernoulli(logits=logits).log_prob(many.float()).sum(1))


@pytest.mark.parametrize("several", [False, True])
def test_with_a_double_softmax_no_class_is_ever_sure(several):
    labels = torch.arange(3)
    one = F.one_hot(labels, 10)
    sure = 200.0 * one - 100
    floor = math.log1p(1 / math.e) + 9 * math.log(2) if several else math.log1p(9 / math.e)
    labels = one.bool() if several else labels
    assert classifier_loss(sure, labels)["loss"].max() < 1e-4
    found = classifier_loss(sure, labels, double_softmax=True)["loss"]
    torch.testing.assert_close(found, torch.full((3,), floor))


def test_the_contrastive_loss_is_its_equation():
    one, other = draw(5, 3), draw(5, 3)
    losses = contrastive_loss(one, other, temperature=0.5)
    views = [view / view.norm() for view in (*one.detach(), *other.detach())]
    expected = []
    for i in range(10):
        terms = [math.exp(float(views[i] @ views[k]) / 0.5) for k in range(10) if k != i]
        expected.append(math.log(sum(terms)) - float(views[i] @ views[(i + 5) % 10]) / 0.5)
    both = torch.tensor(expected).view(2, 5).mean(0)
    torch.testing.assert_close(losses["loss"], both)
    assert all(g.abs().sum() > 0 for g in gradients(losses, one, other))


def test_the_contrastive_loss_at_its_best_and_where_nothing_is_told_apart():
    apart, alike = 7 * torch.eye(4), torch.ones(4, 4)
    best = contrastive_loss(apart, apart, temperature=0.2)
    torch.testing.assert_close(best["loss"], torch.full((4,), math.log(math.exp(5) + 6) - 5))
    assert best["matched"].tolist() == [1] * 4
    nothing = contrastive_loss(alike, alike, temperature=0.2)
    torch.testing.assert_close(nothing["loss"], torch.full((4,), math.log(7)))
    swapped = contrastive_loss(apart, apart.roll(1, 0), temperature=0.2)
    assert swapped["matched"].tolist() == [0] * 4
    with pytest.raises(ValueError, match="temperature is above 0, got 0"):
        contrastive_loss(apart, apart, temperature=0)
