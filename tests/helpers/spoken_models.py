"""A small untrained speech-to-image model and SynVAE that fit each other, and a spoken digit."""

import numpy as np
import torch
from melody_models import melody_model

from synvae_core.models.speech.config import speech_image_config
from synvae_core.models.speech.to_image import SpeechToImage
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config


def painter() -> SpeechToImage:
    """A compact VAE with seeded weights."""
    torch.manual_seed(0)
    return SpeechToImage(speech_image_config("compact_vae")).eval()


def small_synvae(size: int = 28) -> SynVae:
    """A SynVAE on a tiny melody model, with seeded weights."""
    music = melody_model("mixer")
    return SynVae(SynVaeConfig(visual_config(size, latent_dim=8)), music).eval()


def spoken_tone(seconds: float = 0.4, *, seed: int = 0) -> np.ndarray:
    """A tone that swells and falls, with some noise, at 8 kHz."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * 8000)) / 8000
    tone = np.sin(2 * np.pi * rng.uniform(200, 900) * time) * np.sin(np.pi * time / seconds)
    return (0.5 * tone + 0.01 * rng.standard_normal(len(time))).astype(np.float32)
