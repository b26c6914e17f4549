"""Features of training pictures, computed once, and how far those of rebuilt pictures are."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from synvae_core.losses import feature_distance
from synvae_core.models.features import EFFICIENTNET, load_features
from synvae_core.models.storage import WEIGHTS_FILE, model_folder
from synvae_workbench.data.cache import cache_folder, cached_arrays, digest_of
from synvae_workbench.data.sources import checksum
from synvae_workbench.progress import progress
from synvae_workbench.training.content import CONTENT_SIDE, Content
from synvae_workbench.training.pictures import to_unit

VERSION = 1  # to be raised when features change: then those of the cache are not used
BLOCK = 200  # pictures worked on at once
SAMPLE = 2000  # pictures that deviations are estimated on


def features_of(
    images: UInt8[Tensor, "n c h w"], name: str, *, side: int = 0
) -> Float[Tensor, "n features"]:
    """Features of pictures by a frozen network, cached by the pictures' bytes.

    Args:
        name: as in `load_features`.
        side: in pixels, at which the network sees them; 0: its own.

    Raises:
        ValueError: as `load_features`.
    """
    network = load_features(name, side=side) if side else load_features(name)
    settings = (VERSION, _named(name), network.side, tuple(images.shape))
    path = cache_folder() / f"features-{digest_of(settings, {'': images.numpy().tobytes()})}.npz"

    @torch.no_grad()
    def build() -> dict:
        blocks = progress(images.split(BLOCK), description="Features of pictures")
        return {"features": torch.cat([network(to_unit(part)) for part in blocks]).numpy()}

    return torch.from_numpy(cached_arrays(path, ("features",), build)["features"])


def _named(name: str) -> str:
    """Name of a network, or the checksum of its weights: a folder's may be trained anew."""
    if name == EFFICIENTNET:
        return name
    return checksum((model_folder(name) / WEIGHTS_FILE).read_bytes())


def content_of(
    images: UInt8[Tensor, "n c h w"], weight: float, name: str = EFFICIENTNET
) -> Content:
    """Weight of content, with the deviation of each feature over the first pictures given."""
    if not weight:
        return Content()
    features = features_of(images[:SAMPLE], name, side=CONTENT_SIDE)
    return Content(weight, name, tuple(features.std(0, correction=0).tolist()))


@torch.no_grad()
def shown_metrics(
    rebuilt: Float[Tensor, "n c h w"],
    images: UInt8[Tensor, "n c h w"],
    training: UInt8[Tensor, "m c h w"],
    name: str,
) -> dict[str, float]:
    """Feature distance of rebuilt pictures to their originals and, for scale, to other originals.

    Units are the features' variances over the first training pictures.

    Args:
        name: of the features, as in `load_features`.

    Raises:
        ValueError: as `load_features`.
    """
    network, deviation = load_features(name), features_of(training[:SAMPLE], name).std(0)
    shown = features_of(images, name)
    drawn = torch.cat([network(part) for part in rebuilt.split(BLOCK)])
    pairs = {"notes": drawn, "chance": drawn.roll(1, 0)}
    return {
        f"{where}/feature_distance": feature_distance(theirs, shown, deviation).mean().item()
        for where, theirs in pairs.items()
    }
