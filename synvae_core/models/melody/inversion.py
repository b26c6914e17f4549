"""Inversion of melody decoders: latent points of given melodies, by gradient descent.

It measures what a decoder can play, without an encoder: of decoders whose encoder is missing, and
to separate the errors of the encoder from those of the decoder. The descent is that of Lipton &
Tripathi 2017, "Precise Recovery of Latent Vectors from Generative Adversarial Networks", arXiv
1702.04782, without its clipping and with Adam (Kingma & Ba 2015, arXiv 1412.6980).
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from synvae_core.models.melody.vae import MelodyVae

# Short averages: the loss is steep where the likeliest event changes and flat elsewhere. The usual
# 0.9 and 0.999 take nearly twice the steps, and about one melody in ten is never found.
_BETAS = (0.5, 0.8)


def fit_latents(
    model: MelodyVae,
    events: Int[Tensor, "n t"],
    *,
    steps: int = 300,
    learning_rate: float = 0.1,
) -> Float[Tensor, "n z"]:
    """Latent points from which greedy decoding plays the melodies, or comes near to it.

    Adam on z alone, from the mean of the prior, down the cross-entropy under teacher forcing. A
    melody is done once each of its events has more than half of the probability: then each is the
    greedy choice, and free running plays them all. Of a melody that is not done in time, the point
    with the smallest cross-entropy is returned. Melodies do not influence each other, the model
    stays as it is, and its encoder is not used.

    Args:
        model: any melody VAE whose decoder passes gradients to z.
        events: melodies as long as the decoder plays, in the form it was trained on.
        steps: of Adam, at most.
        learning_rate: of Adam.

    Raises:
        ValueError: if `steps` is less than 1.
    """
    if steps < 1:
        raise ValueError(f"a descent takes at least 1 step, got {steps}")
    weight = next(model.decoder.parameters())
    events = events.to(weight.device, torch.int64)
    z = weight.new_zeros(len(events), model.config.latent_dim).requires_grad_()
    best_z = torch.zeros_like(z)
    best = weight.new_full((len(events),), math.inf)
    active = torch.arange(len(events), device=weight.device)
    optimizer = torch.optim.Adam([z], lr=learning_rate, betas=_BETAS)
    for _ in range(steps):
        with torch.enable_grad():
            nats = _cross_entropy(model, z[active], events[active])
            # Gradients of z alone: those of the weights belong to whoever trains them.
            (z.grad,) = torch.autograd.grad(nats.sum(), [z])
        loss = nats.detach().sum(1)
        done = (nats.detach() < math.log(2)).all(1)
        better = active[done | (loss < best[active])]
        best_z[better] = z.detach()[better]
        best[active] = loss.minimum(best[active])
        active = active[~done]
        if not len(active):
            break
        optimizer.step()
    return best_z


def _cross_entropy(model: MelodyVae, z: Tensor, events: Tensor) -> Tensor:
    """Nats of each step of each melody: (n, t)."""
    logits = model.decoder.teacher_forced(z, events)
    return F.cross_entropy(logits.transpose(1, 2), events, reduction="none")
