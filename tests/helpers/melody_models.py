"""Tiny melody models of every family, for tests."""

import torch

from synvae_core.models.melody.hierarchical import HierarchicalMelodyConfig
from synvae_core.models.melody.lstm import LstmMelodyConfig
from synvae_core.models.melody.mixer import MixerMelodyConfig
from synvae_core.models.melody.vae import MelodyVae

MIXER = MixerMelodyConfig(
    latent_dim=8,
    channels=32,
    hidden_channels=32,
    hidden_patches=16,
    encoder_blocks=1,
    decoder_blocks=1,
)
FLAT = LstmMelodyConfig(latent_dim=8, encoder_units=(24, 20), decoder_units=(28, 24))
HIERARCHICAL = HierarchicalMelodyConfig(
    steps=32, latent_dim=8, encoder_units=(24,), conductor_units=(20, 16), decoder_units=(24,)
)
FRESH = HierarchicalMelodyConfig(**{**vars(HIERARCHICAL), "bar_start": "fresh"})
CONFIGS = {"mixer": MIXER, "flat": FLAT, "hierarchical": HIERARCHICAL, "fresh": FRESH}


def melody_model(name: str) -> MelodyVae:
    """A model of that family with seeded weights."""
    torch.manual_seed(0)
    return MelodyVae(CONFIGS[name])
