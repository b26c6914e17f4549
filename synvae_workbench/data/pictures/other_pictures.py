"""Out-of-domain pictures, of no set that is trained on; they come with scikit-learn.

Digits: Alpaydin & Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, collected in Istanbul. Photographs: a temple and a flower, of scikit-learn's examples.
"""

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

DIGIT_SHARE = 20 / 28  # of the side, in the middle, as MNIST's digits have it
CROPS = 3  # squares of a photograph, one below the other


def other_pictures(size: int, channels: int) -> UInt8[Tensor, "n c s s"]:
    """Out-of-domain pictures of `size` pixels a side: grey digits, or crops of colour photographs.

    The 1,797 digits are white on black and as large as MNIST's in their frame; the 24 parts of two
    photographs do not overlap.

    Args:
        channels: 1 for grey, 3 for red, green and blue.

    Raises:
        ValueError: if `size` is below 8, or there are other channels.
    """
    if size < 8 or channels not in (1, 3):
        raise ValueError(
            f"pictures of 8 pixels a side or more, of 1 or 3 channels; got {size} and {channels}"
        )
    pictures = _digits(size) if channels == 1 else _photographs(size)
    return torch.from_numpy(pictures)


def _digits(size: int) -> UInt8[np.ndarray, "n 1 s s"]:
    from sklearn.datasets import load_digits  # slow to import

    side = round(DIGIT_SHARE * size)
    start = (size - side) // 2
    middle = slice(start, start + side)
    coarse = (load_digits().images * 255 / 16).round().astype(np.uint8)  # 8 x 8, ink of 0 to 16
    pictures = np.zeros((len(coarse), 1, size, size), np.uint8)
    for picture, digit in zip(pictures, coarse, strict=True):
        scaled = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
        picture[0, middle, middle] = np.asarray(scaled)
    return pictures


def _photographs(size: int) -> UInt8[np.ndarray, "n 3 s s"]:
    from sklearn.datasets import load_sample_images  # slow to import

    photographs = load_sample_images().images
    return np.stack([part for each in photographs for part in square_parts(each, size)])


def square_parts(
    photograph: UInt8[np.ndarray, "h w 3"], size: int
) -> list[UInt8[np.ndarray, "3 s s"]]:
    """Squares of a third of its height, which do not overlap, scaled to `size` pixels a side."""
    parts = []
    height, width = photograph.shape[:2]
    side = height // CROPS
    for top in range(0, CROPS * side, side):
        for left in range(0, width - side + 1, side):
            part = Image.fromarray(photograph[top : top + side, left : left + side])
            scaled = part.resize((size, size), Image.Resampling.LANCZOS)
            parts.append(np.asarray(scaled).transpose(2, 0, 1))
    return parts
