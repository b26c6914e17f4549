"""Photographs that come with pip packages, whole and in colour, to look at and to listen to."""

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from synvae_workbench.data.pictures.other_pictures import square_parts
from synvae_workbench.data.sources import Source

EXAMPLE_PHOTOGRAPHS = Source(
    title="Four photographs of scikit-image's examples",
    home="https://scikit-image.org/docs/stable/api/skimage.data.html",
    licence="public domain: NASA, S. van der Walt (CC0), R. Michetti (CC0), SpaceX",
    size="four colour photographs of 300 x 451 to 512 x 512 pixels, 1.6 MB",
    package="skimage",
    patterns=("data/astronaut.png", "data/chelsea.png", "data/coffee.png", "data/rocket.jpg"),
    sha256="966fdce52ee4b13eaab98874d4a1bb120d0811eb74a8a8bf44e3ac63b4e075f5",
    distribution="scikit-image",
)
SAMPLE_PHOTOGRAPHS = Source(
    title="Two photographs of scikit-learn's examples",
    home="https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_sample_images.html",
    licence="CC BY 2.0: danielbuechele (the temple), vultilion (the flower)",
    size="two colour photographs of 427 x 640 pixels, 0.3 MB",
    package="sklearn",
    patterns=("datasets/images/china.jpg", "datasets/images/flower.jpg"),
    sha256="",
    distribution="scikit-learn",
)
CAPTIONS = ("An astronaut", "A cat", "A cup of coffee", "A rocket", "A temple", "A flower")


def example_photographs() -> list[tuple[str, UInt8[np.ndarray, "h w 3"]]]:
    """Captions and pixels of six photographs.

    Raises:
        ValueError: if a packaged file is missing.
    """
    paths = EXAMPLE_PHOTOGRAPHS.files() + SAMPLE_PHOTOGRAPHS.files()
    pixels = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    return list(zip(CAPTIONS, pixels, strict=True))


def photograph_parts(size: int) -> tuple[UInt8[Tensor, "n 3 s s"], list[str]]:
    """Squares of the photographs, `size` pixels a side, in no order, and what each is a part of.

    Raises:
        ValueError: if a packaged file is missing.
    """
    parts, names = [], []
    for caption, pixels in example_photographs():
        found = square_parts(pixels, size)
        parts += found
        names += [caption[0].lower() + caption[1:]] * len(found)
    order = np.random.default_rng(0).permutation(len(parts))
    return torch.from_numpy(np.stack(parts)[order]), [names[i] for i in order]
