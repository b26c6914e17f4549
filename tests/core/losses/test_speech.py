"""Losses of speech to image, of the VAE and of both players of the VAE-GAN, by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence

from synvae_core.losses import (
    GeneratorTerms,
    adversarial_loss,
    discriminator_loss,
    generator_loss,
    picture_error,
    speech_vae_loss,
)
from synvae_core.types import Posterior, SpokenPicture

GENERATOR = torch.Generator().manual_seed(0)
PICTURES = torch.rand(5, 1, 4, 4, generator=GENERATOR)
LOGITS = torch.tensor([-2.0, -0.5, 0.0, 1.0, 3.0])


def drawn(*, style=False):
    """Pictures and codes whose every tensor is a leaf."""
    picture, styled = torch.rand(2, 5, 1, 4, 4, generator=GENERATOR)
    mu, logvar, place, width = torch.randn(4, 5, 3, generator=GENERATOR)
    posterior = Posterior(mu.requires_grad_(), logvar.requires_grad_())
    if not style:
        return SpokenPicture(picture.requires_grad_(), posterior)
    kind = Posterior(place.requires_grad_(), width.requires_grad_())
    return SpokenPicture(picture.requires_grad_(), posterior, styled.requires_grad_(), kind)


def kl_of(posterior):
    sigma = (0.5 * posterior.logvar).exp()
    return kl_divergence(Normal(posterior.mu, sigma), Normal(0.0, 1.0)).sum(-1)


@pytest.mark.parametrize("likelihood", ["squared", "bernoulli"])
def test_the_vae_minimises_its_reconstruction_and_beta_times_the_kl(likelihood):
    output = drawn()
    found = speech_vae_loss(output, PICTURES, beta=2.0, likelihood=likelihood)
    made = output.reconstruction
    if likelihood == "squared":
        error = (made - PICTURES).square()
    else:
        error = -(PICTURES * made.log() + (1 - PICTURES) * (1 - made).log())
    error = error.sum((1, 2, 3))
    torch.testing.assert_close(found["picture_error"], error)
    torch.testing.assert_close(found["kl_nats"], kl_of(output.posterior))
    torch.testing.assert_close(found["loss"], error + 2 * kl_of(output.posterior))
    free = speech_vae_loss(output, PICTURES, beta=0.0, likelihood=likelihood)
    assert torch.equal(free["loss"], free["picture_error"])


def test_bernoulli_is_the_cross_entropy_and_stays_finite_at_the_ends():
    logits = torch.randn(5, 1, 4, 4, generator=GENERATOR)
    expected = F.binary_cross_entropy_with_logits(logits, PICTURES, reduction="none")
    found = picture_error(logits.sigmoid(), PICTURES, "bernoulli")
    torch.testing.assert_close(found, expected.sum((1, 2, 3)))
    assert picture_error(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4), "bernoulli").isfinite()


@pytest.mark.parametrize(
    ("game", "real", "generator", "expected"),
    [
        ("bce", True, False, [math.log1p(math.exp(2)), math.log(2), math.log1p(math.exp(-3))]),
        ("bce", False, False, [math.log1p(math.exp(-2)), math.log(2), math.log1p(math.exp(3))]),
        ("bce", True, True, [math.log1p(math.exp(2)), math.log(2), math.log1p(math.exp(-3))]),
        ("hinge", True, False, [3.0, 1.0, 0.0]),
        ("hinge", False, False, [0.0, 1.0, 4.0]),
        ("hinge", True, True, [2.0, 0.0, -3.0]),
    ],
)
def test_adversarial_losses_of_both_games(game, real, generator, expected):
    logits = torch.tensor([-2.0, 0.0, 3.0])
    found = adversarial_loss(logits, game, real=real, generator=generator)
    torch.testing.assert_close(found, torch.tensor(expected))


def test_the_discriminator_rejects_all_that_is_not_real_with_equal_weight():
    others = [LOGITS.roll(1), LOGITS.roll(2)]
    found = discriminator_loss(LOGITS, others)
    lost = [-torch.log(1 - logits.sigmoid()) for logits in others]
    expected = -LOGITS.sigmoid().log() + (lost[0] + lost[1]) / 2
    torch.testing.assert_close(found["loss"], expected)
    torch.testing.assert_close(found["d_real"], LOGITS.sigmoid())
    torch.testing.assert_close(found["d_drawn"], others[0].sigmoid())
    # -2 | 3: both wrong; -0.5 | -2: drawn right; 0 | -0.5: drawn right; 1 | 0: both right
    assert found["d_accuracy"].tolist() == [0.0, 0.5, 0.5, 1.0, 0.5]
    blind = discriminator_loss(torch.zeros(2), [torch.zeros(2)])["loss"]
    torch.testing.assert_close(blind, torch.full((2,), 2 * math.log(2)))


def test_the_generator_minimises_adversarial_reconstruction_and_kl():
    output = drawn(style=True)
    terms = GeneratorTerms(adversarial=0.7, alpha=0.2, beta=0.5, style=3.0)
    found = generator_loss(LOGITS, output, PICTURES, terms)
    adversarial = -LOGITS.sigmoid().log()
    error = (output.styled - PICTURES).square().sum((1, 2, 3))  # in the real picture's style
    of_style, kl = kl_of(output.style), kl_of(output.posterior)
    expected = 0.7 * adversarial + 0.2 * (error + 3 * of_style) + 0.5 * kl
    torch.testing.assert_close(found["loss"], expected)
    for name, value in (
        *(("adversarial", adversarial), ("picture_error", error)),
        *(("kl_nats", kl), ("style_kl_nats", of_style)),
    ):
        torch.testing.assert_close(found[name], value)
    plain = drawn()
    found = generator_loss(LOGITS, plain, PICTURES, terms)
    error = (plain.reconstruction - PICTURES).square().sum((1, 2, 3))
    torch.testing.assert_close(found["picture_error"], error)
    assert found["style_kl_nats"].tolist() == [0.0] * 5


def test_terms_of_the_generator_without_weight_pass_no_gradient():
    output, logits = drawn(style=True), LOGITS.clone().requires_grad_()
    leaves = {"adversarial": logits, "alpha": output.styled, "beta": output.posterior.mu}
    none = GeneratorTerms(adversarial=0.0, alpha=0.0, beta=0.0, style=1.0)
    for name in leaves:
        terms = GeneratorTerms(**{**vars(none), name: 1.0})
        loss = generator_loss(logits, output, PICTURES, terms)["loss"].sum()
        found = torch.autograd.grad(loss, list(leaves.values()))
        assert [gradient.any().item() for gradient in found] == [name == each for each in leaves]


def test_unknown_games_and_likelihoods_are_refused():
    with pytest.raises(ValueError, match="game 'chess' is unknown; choose of bce, hinge"):
        GeneratorTerms(game="chess")
    with pytest.raises(ValueError, match="game 'chess'"):
        adversarial_loss(torch.zeros(1), "chess", real=True)
    with pytest.raises(ValueError, match="'gauss' is unknown; choose of squared, bernoulli"):
        GeneratorTerms(likelihood="gauss")
    with pytest.raises(ValueError, match="likelihood 'gauss'"):
        speech_vae_loss(drawn(), PICTURES, beta=1.0, likelihood="gauss")
