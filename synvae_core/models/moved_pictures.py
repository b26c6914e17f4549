"""Pictures moved by a pixel, and how far a melody sounds from theirs.

A picture that is hardly another one ought to sound hardly otherwise. Of several melodies that tell
it equally well, the one that is nearest to those of the moved pictures keeps that.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int, Integer
from torch import Tensor

from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.rolls import roll_codes, rolls_of

MOVES = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))  # pixels, down and to the right


def moved_pictures(
    images: Float[Tensor, "b c h w"], moves: Sequence[tuple[int, int]] = MOVES
) -> Float[Tensor, "b m c h w"]:
    """Pictures, or spectrograms, moved by whole pixels; borders are repeated.

    Args:
        moves: pixels, down and to the right.
    """
    farthest = max(abs(by) for move in moves for by in move)
    high, wide = images.shape[2:]
    padded = F.pad(images, 4 * (farthest,), mode="replicate")
    starts = [(farthest - down, farthest - right) for down, right in moves]
    return torch.stack([padded[..., y : y + high, x : x + wide] for y, x in starts], 1)


def unlikeness(
    played: Integer[np.ndarray, "b k t"],
    others: Integer[np.ndarray, "b m t"],
    *,
    coding: Coding = ONE_VOICE,
) -> Float32[np.ndarray, "b k"]:
    """Mean distance by ear of each melody to others, as a share of that without a note in common.

        |Ba - Bb| / sqrt(|Ba|^2 + |Bb|^2), with blurred piano rolls B (`music.rolls`)

    0: identical; 1: no two notes near each other, whatever the length.

    Raises:
        ValueError: unless the coding is of one voice.
    """
    ours, theirs = _rolls(played, coding), _rolls(others, coding)
    squares, other_squares = (np.square(each).sum(-1) for each in (ours, theirs))
    both = squares[:, :, None] + other_squares[:, None]
    apart = both - 2 * ours @ theirs.transpose(0, 2, 1)
    return np.sqrt(np.maximum(apart, 0) / np.maximum(both, 1e-6)).mean(2)


def _rolls(events: Int[np.ndarray, "b n t"], coding: Coding) -> Float32[np.ndarray, "b n _"]:
    rolls = rolls_of(roll_codes(events.reshape(-1, events.shape[-1]), coding))
    return rolls.reshape(*events.shape[:2], -1)
