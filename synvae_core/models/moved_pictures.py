"""Pictures moved by a pixel, and how far a melody sounds from theirs.

A picture that is hardly another one ought to sound hardly otherwise. Of several melodies that tell
it equally well, the one that is nearest to those of the moved pictures keeps that.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Integer
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


def melody_rolls(
    events: Integer[np.ndarray, "b n t"], coding: Coding = ONE_VOICE
) -> Float32[np.ndarray, "b n _"]:
    """Blurred piano rolls of melodies (`music.rolls`), as rows.

    Raises:
        ValueError: unless the coding is of one voice.
    """
    rolls = rolls_of(roll_codes(events.reshape(-1, events.shape[-1]), coding))
    return rolls.reshape(*events.shape[:2], -1)


def unlikeness(
    ours: Float32[np.ndarray, "b k _"], theirs: Float32[np.ndarray, "b m _"]
) -> Float32[np.ndarray, "b k"]:
    """Mean distance by ear of each melody to others, as a share of that without a note in common.

        |a - b| / sqrt(|a|^2 + |b|^2), of blurred piano rolls a and b, as `melody_rolls` has them

    0: identical; 1: no two notes near each other, whatever the length.
    """
    squares, other_squares = (np.square(each).sum(-1) for each in (ours, theirs))
    both = squares[:, :, None] + other_squares[:, None]
    apart = both - 2 * ours @ theirs.transpose(0, 2, 1)
    return np.sqrt(np.maximum(apart, 0) / np.maximum(both, 1e-6)).mean(2)
