"""Critic of melodies: a linear classifier that tells those of pictures from tunes.

It hears which runs of one to four successive events a melody has, each hashed into one of some
thousand buckets (Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning",
arXiv 0902.2206). Takes are chosen by what it says, so that melodies that it knows are played less:
Azadi et al. 2019, "Discriminator Rejection Sampling", arXiv 1810.06758.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

LONGEST = 4  # events of a run
BUCKETS = 1 << 14
BASE, FACTOR, SHIFT = 131, 2654435761, 7  # of the hash: more than there are events; Knuth's


class Critic(nn.Module):
    """Logits of melodies being of pictures, and not tunes; all 0 until it is trained."""

    weights: Tensor
    bias: Tensor

    def __init__(self, buckets: int = BUCKETS):
        super().__init__()
        self.register_buffer("weights", torch.zeros(buckets))
        self.register_buffer("bias", torch.zeros(()))

    def forward(self, events: Int[Tensor, "b t"]) -> Float[Tensor, " b"]:
        """Logit of each melody, in nats: above 0 where it is more likely one of a picture."""
        found, present = runs_of(events, len(self.weights))
        scale = found.shape[1] ** -0.5
        return self.bias + scale * (self.weights[found] * present).sum(1)


def runs_of(
    events: Int[Tensor, "b t"], buckets: int
) -> tuple[Int[Tensor, "b runs"], Float[Tensor, "b runs"]]:
    """Buckets of the runs of melodies, in ascending order, and 1 where each stands first, else 0.

    Args:
        events: in canonical form.
    """
    code, found = torch.zeros_like(events, dtype=torch.long), []
    for length in range(1, min(LONGEST, events.shape[1]) + 1):
        code = code[:, : events.shape[1] - length + 1] * BASE + events[:, length - 1 :] + 1
        found.append((code * FACTOR >> SHIFT) % buckets)
    ordered = torch.cat(found, 1).sort(1).values
    present = torch.ones(ordered.shape, device=events.device)
    present[:, 1:] = (ordered[:, 1:] != ordered[:, :-1]).float()
    return ordered, present
