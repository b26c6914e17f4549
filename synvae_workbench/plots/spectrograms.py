"""Spectrograms of loops, as small pictures."""

import numpy as np
import torch
from jaxtyping import Float, UInt8

from synvae_core.losses import magnitudes

ROWS, COLUMNS = 64, 192
RANGE_DB = 70.0  # from paper to ink
TOP_DB = -20.0  # of a sine of full scale


def spectrogram(waveform: Float[np.ndarray, " n"]) -> UInt8[np.ndarray, "64 192"]:
    """Spectrogram of a waveform in -1..1 as a small grey picture: loud is dark.

    The highest row is half the sample rate. Levels range from `TOP_DB` down to `RANGE_DB` below,
    the same in every picture.

    Raises:
        ValueError: if it has fewer samples than the picture has columns, or is not finite.
    """
    waveform = np.asarray(waveform)
    if len(waveform) < COLUMNS or not np.isfinite(waveform).all():
        raise ValueError(
            f"a spectrogram wants {COLUMNS} finite samples or more, got {len(waveform)}"
        )
    frame = max(2 * ROWS, 1 << (len(waveform) // COLUMNS).bit_length())
    levels = magnitudes(torch.from_numpy(waveform.astype(np.float32))[None], frame)[:, 1:]
    image = torch.nn.functional.adaptive_avg_pool2d(levels, (ROWS, COLUMNS))[0].numpy()
    decibels = 20 * np.log10(np.maximum(image, 1e-7))
    dark = ((decibels - TOP_DB) / RANGE_DB + 1).clip(0, 1)
    return (255 * (1 - dark[::-1])).round().astype(np.uint8)
