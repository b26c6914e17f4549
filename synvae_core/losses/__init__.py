"""Losses of all systems, each with its equation, and the terms that they share.

| system | loss | paper |
|---|---|---|
| SynVAE | `synvae_loss` | arXiv 1909.01218 |
| SynVAE, that likeness can be heard | `likeness_losses` | arXiv 2005.13291, 1711.00937 |
| visual VAE, VAE of faces | `picture_vae_loss` | arXiv 1312.6114 |
| classifier of pictures | `classifier_loss` | as published with SynVAE, `double_softmax` |
| picture features without labels | `contrastive_loss` | arXiv 2002.05709 |
| MusicVAE | `melody_vae_loss` | arXiv 1803.05428 |
| melody language model | `language_model_loss` | arXiv 1706.03762 |
| speech to image, VAE | `speech_vae_loss` | arXiv 2109.13354 |
| speech to image, VAE-GAN | `discriminator_loss`, `generator_loss` | arXiv 2109.13354, 1512.09300 |
| waveforms, fully connected VAE | `coefficient_loss` | |
| waveforms, convolutional VAE | `spectral_loss` | arXiv 2001.04643 |

A loss is a pure function of tensors and weights. It returns its terms by name, each (b,), and their
weighted sum, to be minimised, as `loss`. Weights are numbers; `schedules` computes those that
change with the step.
"""

from synvae_core.losses.likeness import Likeness, distance_mismatch, likeness_losses
from synvae_core.losses.melodies import language_model_loss, melody_vae_loss
from synvae_core.losses.pictures import (
    classifier_loss,
    contrastive_loss,
    picture_vae_loss,
    synvae_loss,
)
from synvae_core.losses.speech import (
    GAMES,
    GeneratorTerms,
    adversarial_loss,
    check_game,
    discriminator_loss,
    generator_loss,
    speech_vae_loss,
)
from synvae_core.losses.terms import (
    LIKELIHOODS,
    Losses,
    check_likelihood,
    event_cross_entropy,
    feature_distance,
    free_bits,
    magnitudes,
    multi_scale_spectral,
    normal_kl,
    normal_mismatch,
    picture_error,
    squared_error,
)
from synvae_core.losses.waveforms import coefficient_loss, spectral_loss

__all__ = [
    "GAMES",
    "LIKELIHOODS",
    "GeneratorTerms",
    "Likeness",
    "Losses",
    "adversarial_loss",
    "check_game",
    "check_likelihood",
    "classifier_loss",
    "coefficient_loss",
    "contrastive_loss",
    "discriminator_loss",
    "distance_mismatch",
    "event_cross_entropy",
    "feature_distance",
    "free_bits",
    "generator_loss",
    "language_model_loss",
    "likeness_losses",
    "magnitudes",
    "melody_vae_loss",
    "multi_scale_spectral",
    "normal_kl",
    "normal_mismatch",
    "picture_error",
    "picture_vae_loss",
    "spectral_loss",
    "speech_vae_loss",
    "squared_error",
    "synvae_loss",
]
