"""Latents of pictures, drawn: the visual ones and those of the notes."""

import pytest
import torch
from melody_models import MIXER

from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_workbench.evaluation.translation import latent_samples


def test_latents_are_drawn_and_the_auditive_ones_heard_in_their_notes():
    torch.manual_seed(0)
    model = SynVae(SynVaeConfig(visual_config(28, latent_dim=8)), MelodyVae(MIXER)).eval()
    images = torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8)
    draw = [torch.Generator().manual_seed(seed) for seed in (0, 0, 1)]
    (visual, auditive), again, other = (latent_samples(model, images, generator=g) for g in draw)
    assert torch.equal(again[0], visual)
    assert torch.equal(again[1], auditive)
    assert not torch.isclose(other[0], visual).all(1).any()
    with torch.no_grad():
        seen, heard = (
            model.image_encoder(images / 255),
            model.music.encoder(model.music.decode(visual)),
        )
    for drawn, posterior in ((visual, seen), (auditive, heard)):
        noise = (drawn - posterior.mu) / (0.5 * posterior.logvar).exp()
        assert 0.5 < noise.std() < 1.6
        assert noise.abs().max() < 5
    with pytest.raises(ValueError, match="got none"):
        latent_samples(model, images[:0], generator=draw[0])
