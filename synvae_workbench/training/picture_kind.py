"""Training of the network that tells photographs from paintings by cheap descriptors.

Photographs of 32 pixels are a poor sample of photographs: sharper ones look like paintings to what
has seen no others. So each picture is also blurred or sharpened and compressed at random, and large
photographs are seen in many crops.
"""

import io
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageFilter
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from synvae_workbench.data.pictures.descriptors import describe_pictures, small_copy

HIDDEN, EPOCHS = 24, 15
BLURRED, SHARPENED, COMPRESSED = 0.35, 0.4, 0.6  # shares of the pictures


class Sample(NamedTuple):
    """Pictures of a kind, how many crops are taken of each, and their least share of its side."""

    pictures: Sequence[UInt8[np.ndarray, "h w 3"]]
    is_painting: bool
    crops: int = 1
    least: float = 1.0


def train_kind(
    samples: Sequence[Sample], *, seed: int = 0
) -> dict[str, Float32[np.ndarray, "..."]]:
    """Fits the network to crops of pictures, as they are and roughened; returns its weights.

    The weights are what `data.pictures.kind` reads: descriptors less `mean` over `scale`, clipped
    at 4, then two dense layers with a ReLU between.
    """
    rng = np.random.default_rng(seed)
    descriptors, labels = [], []
    for sample in samples:
        crops = [crop(p, sample.least, rng) for p in sample.pictures for _ in range(sample.crops)]
        for pictures in (crops, [roughen(each, rng) for each in crops]):
            descriptors.append(describe_pictures(np.stack(pictures)))
            labels.append(np.full(len(pictures), sample.is_painting))
    x, y = np.concatenate(descriptors), np.concatenate(labels)
    mean, scale = x.mean(0), x.std(0) + 1e-6
    network = MLPClassifier(
        (HIDDEN,),
        alpha=1.0,
        max_iter=EPOCHS,
        batch_size=min(200, len(x)),
        learning_rate_init=3e-3,
        random_state=seed,
    )
    with warnings.catch_warnings():  # so many epochs are meant
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(((x - mean) / scale).clip(-4, 4), y)
    names = ("mean", "scale", "first", "second", "first_bias", "second_bias")
    arrays = (mean, scale, *network.coefs_, *network.intercepts_)
    return {
        name: np.ascontiguousarray(array, dtype=np.float32)
        for name, array in zip(names, arrays, strict=True)
    }


def crop(
    picture: UInt8[np.ndarray, "h w 3"], least: float, rng: np.random.Generator
) -> UInt8[np.ndarray, "32 32 3"]:
    """A random square of at least this share of the shorter side, scaled to 32 pixels."""
    high, wide = picture.shape[:2]
    side = int(min(high, wide) * rng.uniform(least, 1))
    top, left = rng.integers(0, high - side + 1), rng.integers(0, wide - side + 1)
    return small_copy(picture[top : top + side, left : left + side])


def roughen(
    picture: UInt8[np.ndarray, "h w 3"], rng: np.random.Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """A picture blurred or sharpened, and compressed, each at random."""
    image, way = Image.fromarray(picture), rng.random()
    if way < BLURRED:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0)))
    elif way < BLURRED + SHARPENED:
        mask = ImageFilter.UnsharpMask(rng.uniform(0.7, 1.5), int(rng.uniform(40, 220)), 0)
        image = image.filter(mask)
    if rng.random() < COMPRESSED:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(rng.uniform(60, 95)))
        image = Image.open(buffer).convert("RGB")
    return np.asarray(image)
