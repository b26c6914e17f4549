"""What SynVAE minimises: the terms are what they are called, and musicality orders the latents."""

import pytest
import torch
from melody_models import melody_model

from synvae_core.losses import normal_kl, normal_mismatch, squared_error
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_workbench.training.objectives import SynVaeObjective
from synvae_workbench.training.pictures import to_unit


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SynVae(SynVaeConfig(visual_config(28, latent_dim=8)), melody_model("mixer"))


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (32, 1, 28, 28), generator=generator, dtype=torch.uint8)


def generator():
    return torch.Generator().manual_seed(1)


def test_the_loss_is_the_weighted_sum_of_its_terms(model, images):
    found = SynVaeObjective(0.3, 0.2, 0.1, augment=False)(model, (images,), 0, generator())
    output = model(to_unit(images), generator=generator())
    error, kl = squared_error(output.reconstruction, to_unit(images)), normal_kl(*output.visual)
    commitment = squared_error(output.z, output.auditive.mu)
    mismatch = normal_mismatch(output.z)
    torch.testing.assert_close(found["squared_error"], error)
    torch.testing.assert_close(found["kl_nats"], kl)
    torch.testing.assert_close(found["commitment"], commitment)
    torch.testing.assert_close(found["normal_mismatch"], mismatch.expand(32))
    musicality = 0.1 * error.mean() * mismatch
    torch.testing.assert_close(found["loss"], error + 0.3 * kl + 0.2 * commitment + musicality)


@pytest.mark.slow
def test_musicality_makes_latents_like_draws_of_the_prior(model, images):
    optimizer = torch.optim.Adam(model.trainable(), 2e-3)
    for _ in range(100):
        losses = SynVaeObjective(musicality=1.0, augment=False)(model, (images,), 0, generator())
        optimizer.zero_grad()
        losses["loss"].mean().backward()
        optimizer.step()
    z = model.image_encoder(to_unit(images)).mu
    assert z.mean(0).abs().max() < 0.5
    assert (z.std(0) - 1).abs().mean() < 0.4
