"""Small tuples that cross module borders."""

import math
from typing import Final, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Posterior(NamedTuple):
    """A diagonal Gaussian over a latent space."""

    mu: Float[Tensor, "b z"]
    logvar: Float[Tensor, "b z"]

    def sample(self, generator: torch.Generator | None = None) -> Float[Tensor, "b z"]:
        """A draw through which gradients pass: mu + sigma * noise, the reparameterisation trick.

        Kingma & Welling 2014, "Auto-Encoding Variational Bayes", arXiv 1312.6114.
        """
        noise = torch.randn(
            self.mu.shape, generator=generator, dtype=self.mu.dtype, device=self.mu.device
        )
        return self.mu + noise * (0.5 * self.logvar).exp()


class VaeOutput(NamedTuple):
    """What a picture VAE makes of a batch; pictures in [0, 1]."""

    reconstruction: Float[Tensor, "b c h w"]
    posterior: Posterior


class SpokenPicture(NamedTuple):
    """What is drawn of speech; pictures in [0, 1].

    `styled` is the same code drawn in the style of a picture that was given, and `style` the
    posterior of that style, in the space of the noise.
    """

    reconstruction: Float[Tensor, "b 1 h w"]
    posterior: Posterior
    styled: Float[Tensor, "b 1 h w"] | None = None
    style: Posterior | None = None


class WaveformOutput(NamedTuple):
    """What a waveform VAE makes of a batch."""

    reconstruction: Float[Tensor, "b n"]
    posterior: Posterior


class Decoded(NamedTuple):
    """What a melody decoder plays.

    `logits` are unnormalised log-probabilities of the events; `notes` is what a coupling made of
    them, one-hot or relaxed, each step summing to one unless the coupling passes raw logits.
    `posterior` is that of z given the notes, where the decoder knows it without the encoder;
    `surprise` is minus the log-probability of the notes in nats, where it is a language model's.
    """

    logits: Float[Tensor, "b t events"]
    notes: Float[Tensor, "b t events"]
    posterior: Posterior | None = None
    surprise: Float[Tensor, " b"] | None = None


class SynVaeOutput(NamedTuple):
    """A batch of pictures on its way through the music and back; `z` is what was decoded."""

    reconstruction: Float[Tensor, "b c h w"]
    visual: Posterior
    z: Float[Tensor, "b z"]
    decoded: Decoded
    auditive: Posterior


HIGHER: Final = "higher"
LOWER: Final = "lower"


class Measure(NamedTuple):
    """A scalar that `metrics.json` holds by `where/metric`: which way is better, and its range.

    `name` is the metric, or `where/metric` where the metric alone does not tell; a part in braces
    stands for any words, as in `precision_at_{k}`. `better` is HIGHER, LOWER or, of what only
    describes, None. A value lies within low..high.
    """

    name: str
    better: Literal["higher", "lower"] | None
    low: float = -math.inf
    high: float = math.inf
