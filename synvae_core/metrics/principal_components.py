"""Principal components of pictures, the linear baseline of VAEs, and comparison with a baseline.

Of all linear codes of a given dimension, principal components have the least squared error on the
pictures that they were fitted to; a linear VAE can do no better than to find them: Lucas et al.
2019, "Don't Blame the ELBO!", arXiv 1911.02469.
"""

from typing import NamedTuple

import numpy as np
import scipy
import torch
from jaxtyping import Float
from torch import Tensor

from synvae_core.metrics.note_recall import Share
from synvae_core.types import HIGHER, LOWER, Measure, TooFewError

RESAMPLES = 9999

MEASURES = (
    Measure("squared_error", LOWER, 0),
    Measure("{space}_squared_error", LOWER, 0),
    Measure("feature_distance", LOWER, 0),
    Measure("chance/feature_distance", None, 0),
    Measure("floor_squared_error", None, 0),
    Measure("mean_picture_squared_error", None, 0),
    Measure("pca_squared_error", None, 0),
    Measure("pca_{of}_squared_error", None, 0),
    Measure("share_of_{baseline}", LOWER, 0),
    Measure("share_low_of_{baseline}", LOWER, 0),  # the ends of its interval
    Measure("share_high_of_{baseline}", LOWER, 0),
    Measure("better_than_{baseline}", HIGHER, 0, 1),
)


class PrincipalComponents(NamedTuple):
    """Mean picture, orthonormal directions from it, and the standard deviation along each."""

    mean: Float[Tensor, "c h w"]
    directions: Float[Tensor, "z c h w"]
    sd: Float[Tensor, " z"]

    def rebuild(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Reconstructions of pictures from the components, clamped to [0, 1].

        Raises:
            ValueError: if they are of another shape than the mean picture.
        """
        if images.shape[1:] != self.mean.shape:
            raise ValueError(
                f"the components are of pictures of shape {tuple(self.mean.shape)}, "
                f"got {tuple(images.shape[1:])}"
            )
        directions = self.directions.flatten(1)
        code = (images - self.mean).flatten(1) @ directions.T
        return ((code @ directions).view_as(images) + self.mean).clamp(0, 1)


class Comparison(NamedTuple):
    """Squared errors relative to those of a baseline on the same pictures.

    `ratio` is the mean error over the mean error of the baseline, with the `low` and `high` end of
    a bootstrap interval over the pictures; `better` counts the pictures with a lower error.
    """

    ratio: float
    low: float
    high: float
    better: Share


def principal_components(
    images: Float[Tensor, "n c h w"], *, dimensions: int, seed: int = 0
) -> PrincipalComponents:
    """First principal components of pictures, in the order of their variance.

    Of many pictures they are computed by a randomised method, precise enough here (Halko et al.
    2011, "Finding Structure with Randomness", arXiv 0909.4061).

    Args:
        dimensions: number of components; that of the latent dimensions of the VAE to compare with.
        seed: of that method.

    Raises:
        ValueError: unless there are more pictures than dimensions, as many pixels, and all numbers
            are finite.
    """
    from sklearn.decomposition import PCA  # slow to import

    _check(images, "pictures")
    most = min(len(images) - 1, images[0].numel())
    if not 1 <= dimensions <= most:
        raise ValueError(
            f"{len(images)} pictures of {images[0].numel()} pixels have 1 to {most} principal "
            f"components, not {dimensions}: take fewer dimensions or more pictures, "
            f"{dimensions + 1} at least"
        )
    # More power iterations than usual: these spectra fall slowly.
    pca = PCA(dimensions, iterated_power=7, random_state=seed)
    pca.fit(images.flatten(1).cpu().numpy())
    shape = images.shape[1:]
    return PrincipalComponents(
        torch.from_numpy(pca.mean_).float().view(shape),
        torch.from_numpy(pca.components_).float().view(dimensions, *shape),
        torch.from_numpy(pca.explained_variance_).float().sqrt(),
    )


def compare_errors(
    errors: Float[Tensor, " n"],
    baseline: Float[Tensor, " n"],
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Ratio of errors to those of a baseline on the same pictures, with a bootstrap interval.

    The interval is over pictures from the same source, not over training sets or seeds.

    Args:
        errors: squared error of each picture.
        baseline: of the same pictures, in the same order.
        confidence: of the interval.
        seed: of the bootstrap.

    Raises:
        ValueError: unless there are two or more pictures, as many errors as in the baseline, all
            finite, and the baseline has some error.
    """
    for name, values in (("errors", errors), ("errors of the baseline", baseline)):
        _check(values, name)
    if len(errors) != len(baseline) or len(errors) < 2:
        raise TooFewError(
            f"errors are compared picture by picture, of two or more: got {len(errors)} and "
            f"{len(baseline)}"
        )
    ours, theirs = errors.double().numpy(), baseline.double().numpy()
    if not (theirs > 0).all():
        raise ValueError("the baseline has no error on some picture: no ratio to it is defined")
    found = scipy.stats.bootstrap(
        (ours, theirs),
        lambda ours, theirs, axis: ours.mean(axis) / theirs.mean(axis),
        paired=True,
        confidence_level=confidence,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    better = Share(int((ours < theirs).sum()), len(ours))
    return Comparison(ours.mean() / theirs.mean(), float(found.low), float(found.high), better)


def _check(values: Tensor, name: str) -> None:
    if not values.numel():
        raise ValueError(f"there are no {name}: expected two or more")
    if not torch.isfinite(values).all():
        raise ValueError(f"{name} are finite numbers: got NaN or infinity; did training diverge?")
