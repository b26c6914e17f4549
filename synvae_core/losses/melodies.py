"""Losses of melody models: MusicVAE and the melody language model.

Roberts et al. 2018, "A Hierarchical Latent Vector Model for Learning Long-Term Structure in Music",
arXiv 1803.05428.
"""

from jaxtyping import Float, Int
from torch import Tensor

from synvae_core.losses.terms import Losses, event_cross_entropy, free_bits, normal_kl
from synvae_core.types import Posterior


def melody_vae_loss(
    logits: Float[Tensor, "b t events"],
    posterior: Posterior,
    events: Int[Tensor, "b t"],
    *,
    beta: float,
    bits: float = 0.0,
    plan_nats: Float[Tensor, " b"] | None = None,
) -> Losses:
    """Loss of MusicVAE: cross-entropy of the events + beta x KL beyond the free bits.

        L = -sum_t log p(e_t | e_<t, z)  +  beta max(0, KL(q(z|e) || N(0, I)) - bits ln 2)

    e are the events of a melody, z a sample of its posterior q(z|e). With beta = 1 and no free bits
    L is the negative ELBO. With beta = 0 it is the loss of the language model, whose posterior is
    exact.

    Args:
        logits: unnormalised log p(e_t | e_<t, z).
        bits: free bits of a melody's KL, see `free_bits`.
        plan_nats: -log p of what a model decides before the first event, such as a skeleton, from
            which the events then follow; it belongs to the cross-entropy.

    Returns:
        `loss`; `cross_entropy_nats`, summed over the steps; `kl_nats`, free bits included.
    """
    losses = language_model_loss(logits, events)
    if plan_nats is not None:
        losses = {name: value + plan_nats for name, value in losses.items()}
    kl = normal_kl(*posterior)
    loss = losses["loss"] + beta * free_bits(kl, bits)
    return losses | {"loss": loss, "kl_nats": kl}


def language_model_loss(logits: Float[Tensor, "b t events"], events: Int[Tensor, "b t"]) -> Losses:
    """Negative log-likelihood of melodies under an autoregressive language model, in nats.

        L = -sum_t log p(e_t | e_<t)

    Vaswani et al. 2017, "Attention Is All You Need", arXiv 1706.03762.

    Returns:
        `loss` and, the same, `cross_entropy_nats`.
    """
    cross_entropy = event_cross_entropy(logits, events)
    return {"loss": cross_entropy, "cross_entropy_nats": cross_entropy}
