"""The melody VAE: shapes, gradients, seeds, and that it can learn at all."""

import pytest
import torch

from synvae_core.losses import event_cross_entropy, normal_kl
from synvae_core.models.couplings import canonical_events, one_hot, softmax
from synvae_core.models.music import MelodyVae, MixerMelodyConfig, reparameterise
from synvae_core.types import Posterior

TINY = MixerMelodyConfig(
    latent_dim=8,
    channels=32,
    hidden_channels=32,
    hidden_patches=16,
    encoder_blocks=1,
    decoder_blocks=1,
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MelodyVae(TINY)


def test_shapes(model):
    events = torch.randint(0, 90, (5, 32))
    decoded, posterior = model(events)
    assert decoded.logits.shape == decoded.notes.shape == (5, 32, 90)
    assert posterior.mu.shape == posterior.logvar.shape == (5, 8)
    assert model.decode(posterior.mu).shape == (5, 32)


def test_gradients_reach_every_parameter(model):
    decoded, posterior = model(torch.randint(0, 90, (5, 32)))
    (decoded.logits.square().mean() + normal_kl(*posterior).mean()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_it_learns_a_few_melodies_by_heart(model):
    events = canonical_events(torch.randint(0, 90, (6, 32)))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(150):
        decoded, _ = model(events)
        optimizer.zero_grad()
        event_cross_entropy(decoded.logits, events).mean().backward()
        optimizer.step()
    assert (model.decode(model.encode(events)) == events).float().mean() > 0.99


def test_the_coupling_decides_what_the_decoder_passes_on(model):
    decoded = model.decoder(torch.randn(2, 8), softmax)
    torch.testing.assert_close(decoded.notes, decoded.logits.softmax(-1))


def test_samples_follow_the_seed_and_interpolation_keeps_its_ends(model):
    draw = [model.sample(4, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(draw[0], draw[1])
    assert not torch.equal(draw[0], draw[2])
    path = model.interpolate(draw[0][0], draw[2][0], n=5)
    ends = model.decode(model.encoder(one_hot(torch.stack([draw[0][0], draw[2][0]]))).mu)
    assert torch.equal(path[[0, -1]], ends)


def test_reparameterised_samples_have_the_posterior_s_moments():
    posterior = Posterior(torch.full((20_000, 1), 2.0), torch.full((20_000, 1), -1.0))
    z = reparameterise(posterior, torch.Generator().manual_seed(0))
    assert z.mean().item() == pytest.approx(2.0, abs=0.02)
    assert z.var().item() == pytest.approx(torch.tensor(-1.0).exp().item(), abs=0.02)


def test_a_patch_that_does_not_divide_the_steps_is_refused():
    with pytest.raises(ValueError, match="32 steps"):
        MixerMelodyConfig(patch=5)


def test_a_prior_of_a_later_version_is_refused():
    with pytest.raises(ValueError, match="prior 'flow' is unknown"):
        MixerMelodyConfig(prior="flow")
