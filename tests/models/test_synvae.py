"""SynVAE: gradients pass through the frozen music, and the notes alone give the picture."""

import dataclasses

import pytest
import torch

from synvae_core.models.couplings import COUPLINGS
from synvae_core.models.mixer import MixerMelodyConfig
from synvae_core.models.music import MelodyVae
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config

MUSIC = MixerMelodyConfig(
    latent_dim=8,
    channels=16,
    hidden_channels=16,
    hidden_patches=8,
    encoder_blocks=1,
    decoder_blocks=1,
)


def synvae(coupling="straight_through"):
    torch.manual_seed(0)
    return SynVae(SynVaeConfig(visual_config(28, latent_dim=8), coupling), MelodyVae(MUSIC))


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_gradients_pass_through_the_frozen_music_into_the_picture_encoder(coupling):
    model = synvae(coupling)
    before = [p.clone() for p in model.music.parameters()]
    optimizer = torch.optim.SGD(model.trainable(), 0.1)
    model(torch.rand(4, 1, 28, 28)).reconstruction.sum().backward()
    optimizer.step()
    assert all(p.grad.abs().sum() > 0 for p in model.trainable())
    assert all(p.grad is None for p in model.music.parameters())
    after = model.music.parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_notes_alone_rebuild_what_the_straight_through_coupling_rebuilds():
    model = synvae().eval()
    images = torch.rand(6, 1, 28, 28)
    output = model(images, sample=False)
    auditive, rebuilt = model.hear(model.listen(images))
    torch.testing.assert_close(rebuilt, output.reconstruction)
    torch.testing.assert_close(auditive.mu, output.auditive.mu)


def test_latents_of_different_dimension_are_refused():
    music = MelodyVae(dataclasses.replace(MUSIC, latent_dim=9))
    with pytest.raises(ValueError, match="8 dimensions, the melody model's 9"):
        SynVae(SynVaeConfig(visual_config(28, latent_dim=8)), music)
