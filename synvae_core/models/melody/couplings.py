"""Couplings of melody decoder and melody encoder: the notes handed over, and their gradient.

`straight_through` passes exactly the notes that a listener hears and no gradient: SynVAE copies
the gradient past the music, from the auditive latent to the visual one, as van den Oord et al.
2017, "Neural Discrete Representation Learning", arXiv 1711.00937, copy it past a codebook. A good
melody model encodes its own melodies to the latents that they were decoded from, so its Jacobian is
close to the identity, and nothing saturates. `straight_through_softmax` passes the same notes with
the gradient of the softmax (Bengio et al. 2013, arXiv 1308.3432), all the way through the frozen
model. `softmax` passes probabilities, `gumbel` relaxed samples (Jang et al. 2017, arXiv 1611.01144;
Maddison et al. 2017, arXiv 1611.00712). `logits` passes the raw logits, as the published SynVAE
does: they carry information that is not in the notes.
"""

from collections.abc import Callable

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from synvae_core.music.coding import Coding

# (logits, whose events are of this coding) -> notes
Coupling = Callable[[Float[Tensor, "b t events"], Coding], Float[Tensor, "b t events"]]


def straight_through(
    logits: Float[Tensor, "b t events"], coding: Coding
) -> Float[Tensor, "b t events"]:
    """One-hot notes as heard, the likeliest events in canonical form, without a gradient."""
    heard = coding.canonical(logits.argmax(-1))
    return one_hot(heard, coding.size).to(logits.dtype)


def straight_through_softmax(
    logits: Float[Tensor, "b t events"], coding: Coding
) -> Float[Tensor, "b t events"]:
    """One-hot notes as heard, with the gradient of the softmax."""
    soft = logits.softmax(-1)
    return straight_through(logits, coding) + soft - soft.detach()


def softmax(logits: Float[Tensor, "b t events"], coding: Coding) -> Float[Tensor, "b t events"]:
    """Probabilities of the events."""
    return logits.softmax(-1)


def gumbel(logits: Float[Tensor, "b t events"], coding: Coding) -> Float[Tensor, "b t events"]:
    """Relaxed one-hot samples at temperature 1, drawn from torch's global generator."""
    return F.gumbel_softmax(logits, tau=1.0, dim=-1)


def raw_logits(logits: Float[Tensor, "b t events"], coding: Coding) -> Float[Tensor, "b t events"]:
    """Logits themselves, as published."""
    return logits


COUPLINGS: dict[str, Coupling] = {
    "straight_through": straight_through,
    "straight_through_softmax": straight_through_softmax,
    "softmax": softmax,
    "gumbel": gumbel,
    "logits": raw_logits,
}


def coupling_named(name: str) -> Coupling:
    """Coupling of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in COUPLINGS:
        raise ValueError(f"coupling {name!r} is unknown; choose one of {', '.join(COUPLINGS)}")
    return COUPLINGS[name]


def one_hot(events: Int[Tensor, "b t"], size: int) -> Float[Tensor, "b t {size}"]:
    """Events as float32 one-hot vectors."""
    return F.one_hot(events.long(), size).float()
