"""Outputs of the models and declarations of measures, as typed tuples."""

import math
from typing import Final, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class TooFewError(ValueError):
    """Fewer items than a measure is defined for; the sentence says how many it needs.

    Whoever computes several measures of a small set leaves that one out.
    """


class Posterior(NamedTuple):
    """Diagonal Gaussian N(mu, exp(logvar)) over a latent space."""

    mu: Float[Tensor, "b z"]
    logvar: Float[Tensor, "b z"]

    def sample(self, generator: torch.Generator | None = None) -> Float[Tensor, "b z"]:
        """Sample by the reparameterisation trick, mu + sigma * noise, with gradients.

        Kingma & Welling 2014, "Auto-Encoding Variational Bayes", arXiv 1312.6114.
        """
        noise = torch.randn(
            self.mu.shape, generator=generator, dtype=self.mu.dtype, device=self.mu.device
        )
        return self.mu + noise * (0.5 * self.logvar).exp()


class VaeOutput(NamedTuple):
    """Output of a picture VAE; pictures in [0, 1]."""

    reconstruction: Float[Tensor, "b c h w"]
    posterior: Posterior


class SpokenPicture(NamedTuple):
    """Output of a speech-to-image model; pictures in [0, 1].

    `styled` is decoded from the same latents with the style of a given picture, and `style` is the
    posterior of that style, in the space of the noise.
    """

    reconstruction: Float[Tensor, "b 1 h w"]
    posterior: Posterior
    styled: Float[Tensor, "b 1 h w"] | None = None
    style: Posterior | None = None


class WaveformOutput(NamedTuple):
    """Output of a waveform VAE."""

    reconstruction: Float[Tensor, "b n"]
    posterior: Posterior


class Decoded(NamedTuple):
    """Output of a melody decoder.

    `logits` are unnormalised log-probabilities of the events; `notes` are their coupling, one-hot
    or relaxed, each step summing to one unless the coupling passes raw logits. `posterior` is that
    of z given the notes, where the decoder knows it without the encoder; `surprise` is the negative
    log-likelihood of the notes in nats, of a language model.
    """

    logits: Float[Tensor, "b t events"]
    notes: Float[Tensor, "b t events"]
    posterior: Posterior | None = None
    surprise: Float[Tensor, " b"] | None = None


class SynVaeOutput(NamedTuple):
    """Output of SynVAE: visual posterior, latents `z`, their melody and what is decoded from it."""

    reconstruction: Float[Tensor, "b c h w"]
    visual: Posterior
    z: Float[Tensor, "b z"]
    decoded: Decoded
    auditive: Posterior


HIGHER: Final = "higher"
LOWER: Final = "lower"


class Measure(NamedTuple):
    """Declaration of a scalar `where/metric` of `metrics.json`: name, better direction and range.

    `name` is the metric, or `where/metric` where the metric alone is ambiguous; a part in braces
    stands for any words, as in `precision_at_{k}`. `better` is HIGHER, LOWER or, of what only
    describes, None. Values lie within low..high.
    """

    name: str
    better: Literal["higher", "lower"] | None
    low: float = -math.inf
    high: float = math.inf
