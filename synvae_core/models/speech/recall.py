"""Codes of recordings of people whom a model never heard, by those of recordings that it learnt.

An encoder takes a new voice beside its codes: the digit is understood, and the decoder was never
asked for a picture there. So the code is replaced by the mean of the nearest codes of training
recordings, by angle, as other voices differ in length most; no label takes part. It is a step of
manifold denoising (Hein & Maier 2006, NeurIPS 19) and a memory as in retrieval-augmented
generation (Blattmann et al. 2022, arXiv 2204.11824).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

NEAREST = 20  # remembered codes, whose mean is taken
STRETCH = 2.0  # of that mean, which lies nearer to the origin than the codes do
# Down and to the right, in pixels of the spectrogram: said a little higher, lower, sooner, later.
MOVES = (
    *((0, 0), (0, 1), (0, -1), (0, 2), (0, -2)),
    *((1, 0), (-1, 0), (2, 0), (-2, 0)),
)
FARTHEST = 2


def moved_spectrograms(
    spectrograms: Float[Tensor, "b 1 side side"],
) -> Float[Tensor, "b m 1 side side"]:
    """Spectrograms, and the same moved by up to two pixels in time or in frequency."""
    high, wide = spectrograms.shape[2:]
    padded = F.pad(spectrograms, 4 * (FARTHEST,), mode="replicate")
    starts = [(FARTHEST - down, FARTHEST - right) for down, right in MOVES]
    return torch.stack([padded[..., y : y + high, x : x + wide] for y, x in starts], 1)


def recall(codes: Float[Tensor, "b z"], remembered: Float[Tensor, "n z"]) -> Float[Tensor, "b z"]:
    """Codes replaced by the stretched mean of the remembered ones that are nearest by angle."""
    remembered = remembered.to(codes)
    near = F.normalize(codes) @ F.normalize(remembered).T
    rows = near.topk(min(NEAREST, len(remembered)), dim=1).indices
    return STRETCH * remembered[rows].mean(1)
