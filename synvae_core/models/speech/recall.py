"""Codes of recordings of people whom a model never heard, by those of recordings that it learnt.

An encoder takes a new voice beside its codes: the digit is understood, and the decoder was never
asked for a picture there. So the code is replaced by the mean direction of the nearest codes of
training recordings, by angle, as the lengths of codes say who speaks; no label takes part. It is a
step of manifold denoising (Hein & Maier 2006, NeurIPS 19) and a memory as in retrieval-augmented
generation (Blattmann et al. 2022, arXiv 2204.11824).
"""

from itertools import product

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

NEAREST = 20  # remembered codes, whose mean direction is taken
STRETCH = 2.0  # of that mean, in mean lengths of codes: a mean is shorter than what it is of
# Down and to the right, in pixels of the spectrogram: said a little higher, lower, sooner, later.
MOVES = tuple(product(range(-2, 3), range(-2, 3)))


def recall(codes: Float[Tensor, "b z"], remembered: Float[Tensor, "n z"]) -> Float[Tensor, "b z"]:
    """Codes replaced by the mean direction of the remembered ones that are nearest by angle.

    The mean of unit vectors is `STRETCH` times as long as the remembered codes are on average.
    """
    remembered = remembered.to(codes)
    directions = F.normalize(remembered)
    rows = (F.normalize(codes) @ directions.T).topk(min(NEAREST, len(directions)), dim=1).indices
    return STRETCH * remembered.norm(dim=1).mean() * directions[rows].mean(1)
