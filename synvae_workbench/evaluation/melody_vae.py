"""Reconstruction scores and latent usage of a melody VAE, as one table row."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor

from synvae_core.losses import event_cross_entropy
from synvae_core.metrics.latents import LatentUsage, latent_usage
from synvae_core.metrics.melody import exact_windows, note_f1, step_accuracy
from synvae_core.metrics.note_recall import teacher_forced_accuracy
from synvae_core.models.melody.vae import CHUNK, MelodyVae


class MelodyVaeEvaluation(NamedTuple):
    """Scores of a model on melodies (n, t), all from the means of their posteriors.

    `rebuilt` is decoded free-running to the likeliest events; nothing of the melody but z is given.
    `scores` are means over the melodies: `note_f1` (onset step and pitch right), `exact`,
    `step_accuracy` of `rebuilt`; `teacher_forced_accuracy`, of the steps when the decoder is told
    the true past, and `teacher_forced_nats`, its cross-entropy per melody (a plan's included);
    `other_latents_nats`, the same when each melody is told with another's z, which is no more where
    a decoder ignores z (posterior collapse); `kl_bits` and `active_dimensions` of the posteriors.
    """

    scores: dict[str, float]
    rebuilt: Integer[np.ndarray, "n t"]
    usage: LatentUsage


def evaluate_melody_vae(
    model: MelodyVae, events: Integer[np.ndarray, "n t"]
) -> MelodyVaeEvaluation:
    """Scores the reconstruction of `events`, free-running and teacher-forced, and latent usage.

    Raises:
        ValueError: if there are fewer than two melodies, they are not of the model's length, or its
            encoder is incomplete.
    """
    events = np.asarray(events, np.int64)
    posterior = model.posterior(events)
    rebuilt = model.decode(posterior.mu).cpu().numpy()
    right, nats = _teacher_forced(model, posterior.mu, events)
    # Neighbours may be windows of one tune: the other is half of all melodies away.
    _, other_nats = _teacher_forced(model, posterior.mu.roll(len(events) // 2, 0), events)
    usage = latent_usage(*(part.cpu() for part in posterior))
    scores = {
        "note_f1": float(note_f1(events, rebuilt).mean()),
        "exact": float(exact_windows(events, rebuilt).mean()),
        "step_accuracy": float(step_accuracy(events, rebuilt).mean()),
        "teacher_forced_accuracy": right / events.size,
        "teacher_forced_nats": nats / len(events),
        "other_latents_nats": other_nats / len(events),
        "kl_bits": usage.kl_bits.sum().item(),
        "active_dimensions": float(usage.active.sum()),
    }
    return MelodyVaeEvaluation(scores, rebuilt, usage)


@torch.no_grad()
def _teacher_forced(
    model: MelodyVae, latents: Float[Tensor, "n z"], events: Integer[np.ndarray, "n t"]
) -> tuple[int, float]:
    """Steps that are right when the true past is told, and the cross-entropy of all, in nats."""
    right, nats = 0, 0.0
    for rows, z in zip(torch.from_numpy(events).split(CHUNK), latents.split(CHUNK), strict=True):
        logits, plan = model.decoder.likelihood(z, rows.to(z.device))
        logits = logits.cpu()
        right += teacher_forced_accuracy(logits.numpy(), rows.numpy()).steps.right
        nats += event_cross_entropy(logits, rows).sum().item()
        nats += 0.0 if plan is None else plan.sum().item()
    return right, nats
