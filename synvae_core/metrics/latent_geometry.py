"""Similarity of two latent spaces of the same items: neighbour KL, CKA and trustworthiness.

Neighbour distributions are the joint probabilities of t-SNE: van der Maaten & Hinton 2008,
"Visualizing Data using t-SNE". CKA: Kornblith et al. 2019, "Similarity of Neural Network
Representations Revisited", arXiv 1905.00414, debiased with the estimator of Song et al. 2012,
"Feature Selection via Dependence Maximization". Trustworthiness: Venna & Kaski 2001, "Neighborhood
Preservation in Nonlinear Projection Methods".

Matrices are of items by items: 10,000 items take some gigabytes.
"""

import math

import torch
from jaxtyping import Float
from sklearn import manifold
from torch import Tensor

from synvae_core.types import HIGHER, LOWER, Measure, TooFewError

PUBLISHED_PERPLEXITY = 30
# A kernel's width is bisected within e^-40 and e^40 of the mean distance from its item.
WIDTHS, HALVINGS = 40.0, 44

MEASURES = (
    Measure("kl_from_visual", LOWER, 0),
    Measure("kl_to_visual", LOWER, 0),
    Measure("kl_from_visual_as_published", LOWER, 0),
    Measure("kl_to_visual_as_published", LOWER, 0),
    Measure("cka", HIGHER, 0, 1),
    Measure("debiased_cka", HIGHER),
    Measure("trustworthiness", HIGHER, 0, 1),
    Measure("continuity", HIGHER, 0, 1),  # trustworthiness the other way
    Measure("{map}_trustworthiness", HIGHER, 0, 1),
    Measure("{map}_continuity", HIGHER, 0, 1),
)


def neighbour_distribution(
    latents: Float[Tensor, "n z"], *, perplexity: float, squared: bool = True
) -> Float[Tensor, "n n"]:
    """Logarithms of t-SNE's joint probabilities of pairs, which sum to 1; -inf on the diagonal.

    Args:
        perplexity: effective number of neighbours of each item. Where more items than that
            coincide, it is their number.
        squared: square the distances in the kernel, as t-SNE does.

    Raises:
        ValueError: unless 1 < perplexity < n - 1 and all latents are finite.
    """
    _check(latents)
    if not 1 < perplexity < len(latents) - 1:
        raise TooFewError(
            f"perplexity is above 1 and below items - 1: got {perplexity} with {len(latents)} items"
        )
    distances = _distances(latents.double(), squared=squared)
    given = _conditional(distances, perplexity)
    return torch.logaddexp(given, given.T) - math.log(2 * len(latents))


def neighbour_kl(
    first: Float[Tensor, "n a"], second: Float[Tensor, "m b"], *, perplexity: float
) -> float:
    """KL in nats from the neighbour distribution of the first space to that of the second; >= 0.

    Raises:
        ValueError: unless both spaces are of the same items, and as `neighbour_distribution`.
    """
    _check_items(first, second)
    p, q = (neighbour_distribution(space, perplexity=perplexity) for space in (first, second))
    pairs = ~torch.eye(len(p), dtype=torch.bool, device=p.device)
    p, q = p[pairs], q[pairs]
    return (p.exp() * (p - q)).sum().item()


def neighbour_kl_as_published(
    first: Float[Tensor, "n a"],
    second: Float[Tensor, "m b"],
    *,
    perplexity: float = PUBLISHED_PERPLEXITY,
) -> float:
    """Neighbour KL as published: 2 sum P log(P / Q) over unordered pairs, distances not squared.

    t-SNE's kernel squares the distances; the publication did not, so that its distributions have
    the tails of an exponential. The factor 2 counts each pair in both orders.
    Probabilities are at least 2.2e-16, as in scikit-learn. Müller-Eberstein & van Noord 2019, arXiv
    1909.01218.

    Raises:
        ValueError: as `neighbour_kl`.
    """
    _check_items(first, second)
    p, q = (
        neighbour_distribution(space, perplexity=perplexity, squared=False)
        for space in (first, second)
    )
    above = torch.ones_like(p, dtype=torch.bool).triu(1)
    p, q = (part[above].exp().clamp(min=torch.finfo(torch.float64).eps) for part in (p, q))
    return 2 * (p * (p / q).log()).sum().item()


def linear_cka(first: Float[Tensor, "n a"], second: Float[Tensor, "m b"]) -> float:
    """Linear CKA of two spaces, 0..1; 1 if they are equal up to rotation and scale.

    With few items in many dimensions it is near 1 by chance: see `debiased_linear_cka`.

    Raises:
        ValueError: unless both are finite, of the same two or more items, and not of one point.
    """
    _check_items(first, second)
    x, y = _centred(first), _centred(second)
    cross = (x.T @ y).square().sum()
    return (cross / ((x.T @ x).norm() * (y.T @ y).norm())).item()


def debiased_linear_cka(first: Float[Tensor, "n a"], second: Float[Tensor, "m b"]) -> float:
    """Linear CKA from unbiased estimates: about 0, and as often below, for unrelated spaces.

    Raises:
        ValueError: as `linear_cka`, and with fewer than four items.
    """
    _check_items(first, second, least=4)
    grams = [x @ x.T for x in (_centred(first), _centred(second))]
    for gram in grams:
        gram.fill_diagonal_(0)
    x, y = grams
    own = _unbiased_hsic(x, x) * _unbiased_hsic(y, y)
    if not own > 0:
        raise TooFewError("one of the spaces has no positive unbiased HSIC: use linear_cka")
    return (_unbiased_hsic(x, y) / own.sqrt()).item()


def trustworthiness(
    first: Float[Tensor, "n a"], second: Float[Tensor, "m b"], *, k: int = 10
) -> float:
    """Trustworthiness of the second space as a map of the first, among k neighbours; 0..1.

    It is lower the farther neighbours in the second space are in the first. With the spaces
    exchanged it is the map's continuity.

    Raises:
        ValueError: unless both are finite, of the same items, and 1 <= k < n / 2.
    """
    _check_items(first, second)
    if not 1 <= k < len(first) / 2:
        raise TooFewError(
            f"k is at least 1 and below half the items: got {k} with {len(first)} items"
        )
    spaces = (space.double().cpu().numpy() for space in (first, second))
    return float(manifold.trustworthiness(*spaces, n_neighbors=k))


def _conditional(distances: Tensor, perplexity: float) -> Tensor:
    """Logarithms of p(j | i), each row with the perplexity, by bisection; -inf for i itself."""
    itself = torch.eye(len(distances), dtype=torch.bool, device=distances.device)
    distances = distances.masked_fill(itself, math.inf)
    distances = distances - distances.amin(1, keepdim=True)  # the nearest cannot underflow
    scale = distances.masked_fill(itself, 0).mean(1, keepdim=True).clamp(min=1e-300)
    distances = distances / scale
    reachable = distances.masked_fill(itself, 0)
    low = torch.full_like(scale, -WIDTHS)
    high = torch.full_like(scale, WIDTHS)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        # p = w / sum w, so that the entropy is log sum w + beta E[d]; the nearest has w = 1
        weights = (distances * -middle.exp()).exp_()
        total = weights.sum(1, keepdim=True)
        mean = weights.mul_(reachable).sum(1, keepdim=True) / total
        entropy = total.log() + middle.exp() * mean
        too_flat = entropy > math.log(perplexity)
        low, high = torch.where(too_flat, middle, low), torch.where(too_flat, high, middle)
    return (-((low + high) / 2).exp() * distances).log_softmax(1)


def _distances(latents: Tensor, *, squared: bool) -> Tensor:
    distances = torch.cdist(latents, latents, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.square() if squared else distances


def _unbiased_hsic(x: Tensor, y: Tensor) -> Tensor:
    """Unbiased HSIC of two Gram matrices with zero diagonals, up to a factor that CKA cancels."""
    n = len(x)
    rows = (x.sum(1) @ y.sum(1)) / (n - 2)
    return (x * y).sum() + x.sum() * y.sum() / ((n - 1) * (n - 2)) - 2 * rows


def _centred(latents: Tensor) -> Tensor:
    centred = latents.double() - latents.double().mean(0)
    largest = centred.abs().max()
    if not largest > 1e-12 * latents.double().abs().max():
        raise TooFewError("all items share one point: CKA needs items at two points or more")
    return centred / largest  # no square of it overflows


def _check(latents: Tensor) -> None:
    if not torch.isfinite(latents).all():
        raise ValueError("latents are finite numbers: got NaN or infinity; did training diverge?")


def _check_items(first: Tensor, second: Tensor, *, least: int = 2) -> None:
    if len(first) != len(second) or len(first) < least:
        raise TooFewError(
            f"both spaces are of the same {least} or more items: got {len(first)} and {len(second)}"
        )
    _check(first)
    _check(second)
