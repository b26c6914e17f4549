"""Mutual information of paired samples, in nats: variational lower bounds with a critic.

A critic T scores the pairs of a batch: `scores[i, j]` is T(x_i, y_j). Pairs on the diagonal are
samples of p(x, y), all others of p(x) p(y). Every bound is written for a critic whose optimum is
log p(x, y) / (p(x) p(y)). They are lower bounds for examples that the critic was not trained on,
and for no others.

Donsker & Varadhan 1983, as in Belghazi et al. 2018, "MINE: Mutual Information Neural Estimation",
arXiv 1801.04062; Nguyen, Wainwright & Jordan 2010, "Estimating Divergence Functionals and the
Likelihood Ratio by Convex Risk Minimization", arXiv 0809.0853; InfoNCE: van den Oord et al. 2018,
"Representation Learning with Contrastive Predictive Coding", arXiv 1807.03748; SMILE: Song & Ermon
2020, "Understanding the Limitations of Variational Mutual Information Estimators", arXiv
1910.06222. None certifies much more than the logarithm of the number of examples: McAllester &
Stratos 2020, "Formal Limitations on the Measurement of Mutual Information", arXiv 1811.04251.
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from synvae_core.types import HIGHER, Measure, TooFewError

SMILE_CLIP = 5.0  # as in the paper's experiments

Scores = Float[Tensor, "rows columns"]  # square, as the functions check
Weights = Float[Tensor, " examples"] | None
Bound = Callable[..., Float[Tensor, ""]]

MEASURES = (
    *(
        Measure(f"{bound}{end}", HIGHER)
        for bound in ("donsker_varadhan", "nwj", "info_nce", "smile")
        for end in ("", "_low", "_high")  # of its interval
    ),
    Measure("nwj_as_published", HIGHER),
    Measure("known/{bound}_of_{nats}", None),  # best at the known value
)


class Estimate(NamedTuple):
    """Bound in nats, with the ends of its confidence interval."""

    nats: float
    low: float
    high: float


def donsker_varadhan(scores: Scores, *, weights: Weights = None) -> Float[Tensor, ""]:
    """Donsker-Varadhan bound of MINE, E[T] - log E'[e^T]; E' is over independent pairs.

    In small batches the logarithm of a mean is biased upward.

    Args:
        scores: (b, b).
        weights: of the examples; by default all alike.

    Raises:
        ValueError: unless the scores are finite, of at least two examples, as many rows as columns.
    """
    weights = _checked(scores, weights)
    return _of_pairs(scores, weights) - _log_mean_exp_of_others(scores, weights)


def nwj(scores: Scores, *, weights: Weights = None) -> Float[Tensor, ""]:
    """NWJ bound, E[T] - E'[e^T] + 1: never above `donsker_varadhan`, and without its bias.

    Raises:
        ValueError: as `donsker_varadhan`.
    """
    weights = _checked(scores, weights)
    return _of_pairs(scores, weights) - _log_mean_exp_of_others(scores, weights).exp() + 1


def nwj_as_published(scores: Scores, *, weights: Weights = None) -> Float[Tensor, ""]:
    """NWJ bound as published: independent pairs are all cyclic shifts of a batch, shift 0 included.

    Paired samples are thus among the independent ones, and no critic gets beyond log b. The
    publication trained it and reported it on the same data.

    Raises:
        ValueError: as `donsker_varadhan`.
    """
    weights = _checked(scores, weights)
    of_all = _pair_logits(scores, weights).flatten().logsumexp(0).exp()
    return _of_pairs(scores, weights) - of_all + 1


def info_nce(scores: Scores, *, weights: Weights = None) -> Float[Tensor, ""]:
    """InfoNCE bound: mean log of b times the softmax of each x's own y among all b; at most log b.

    Raises:
        ValueError: as `donsker_varadhan`.
    """
    weights = _checked(scores, weights)
    own = scores.diagonal()
    others = _without_diagonal(scores + weights.log()).logsumexp(1) - torch.log1p(-weights)
    share = 1 / len(scores)
    all_of_them = torch.logaddexp(own + math.log(share), others + math.log(1 - share))
    return (weights * (own - all_of_them)).sum()


def smile(
    scores: Scores, *, weights: Weights = None, clip: float = SMILE_CLIP
) -> Float[Tensor, ""]:
    """SMILE: `donsker_varadhan` with e^T clipped to e^-clip..e^clip; less variance, but no bound.

    Its critic is trained by `jensen_shannon`.

    Raises:
        ValueError: as `donsker_varadhan`, and unless clip > 0.
    """
    if not clip > 0:
        raise ValueError(f"clip is above 0: got {clip}")
    weights = _checked(scores, weights)
    clipped = scores.clamp(-clip, clip)
    return _of_pairs(scores, weights) - _log_mean_exp_of_others(clipped, weights)


def jensen_shannon(scores: Scores, *, weights: Weights = None) -> Float[Tensor, ""]:
    """Objective of SMILE's critic: log-likelihood of classifying pairs as such; at most 0.

    It is no mutual information, but its optimal critic is that of all bounds. Nowozin et al. 2016,
    "f-GAN", arXiv 1606.00709.

    Raises:
        ValueError: as `donsker_varadhan`.
    """
    weights = _checked(scores, weights)
    belief = weights[:, None] * weights * F.softplus(scores)
    others = belief.sum() - belief.diagonal().sum()
    others = others / (1 - weights.square().sum())
    return -_of_pairs(F.softplus(-scores), weights) - others


BOUNDS: dict[str, Bound] = {
    "donsker_varadhan": donsker_varadhan,
    "nwj": nwj,
    "info_nce": info_nce,
    "smile": smile,
}


def estimate(bound: Bound, scores: Scores, *, level: float = 0.95) -> Estimate:
    """Bound over all pairs of a set of examples, with a confidence interval.

    The interval is over examples, not over critics: a normal one, with the standard error of the
    infinitesimal jackknife (Efron 1982, "The Jackknife, the Bootstrap and Other Resampling Plans",
    chapter 6), from the derivative of the bound with respect to the weight of each example. An
    example has a row and a column of scores, so that pairs need not be independent. Rare large
    scores that the set happens to lack are in no interval.

    Args:
        bound: of this module.
        scores: (n, n), of examples that the critic was not trained on.
        level: of the interval, in (0, 1).

    Raises:
        ValueError: as `donsker_varadhan`, and unless 0 < level < 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval is between 0 and 1: got {level}")
    count = len(scores)
    with torch.enable_grad():
        weights = torch.full((count,), 1 / max(count, 1), dtype=torch.float64)
        weights = weights.to(scores.device).requires_grad_()
        value = bound(scores.detach().double(), weights=weights)
        (slope,) = torch.autograd.grad(value, weights)
    error = (slope - slope.mean()).square().sum().sqrt().item() / count
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    return Estimate(value.item(), value.item() - reach, value.item() + reach)


def correlated_gaussians(
    n: int, *, dim: int, nats: float, generator: torch.Generator
) -> tuple[Float[Tensor, "n dim"], Float[Tensor, "n dim"]]:
    """Pairs of standard Gaussians of known mutual information, spread over the dimensions.

    Raises:
        ValueError: unless n and dim are at least 1 and nats is finite and at least 0.
    """
    if n < 1 or dim < 1 or not 0 <= nats < math.inf:
        raise ValueError(
            f"expected at least one pair and one dimension, and 0 nats or more: got {n} pairs, "
            f"{dim} dimensions, {nats} nats"
        )
    noise_variance = math.exp(-2 * nats / dim)
    first, noise = torch.randn(2, n, dim, generator=generator)
    return first, math.sqrt(1 - noise_variance) * first + math.sqrt(noise_variance) * noise


def _checked(scores: Tensor, weights: Tensor | None) -> Tensor:
    """Weights normalised to a sum of 1."""
    if scores.shape[0] != scores.shape[1] or len(scores) < 2:
        raise TooFewError(
            "scores are those of every x with every y of at least two pairs: "
            f"got {scores.shape[0]} rows and {scores.shape[1]} columns"
        )
    if not torch.isfinite(scores).all():
        raise ValueError("scores are finite: got NaN or infinity; did the critic diverge?")
    if weights is None:
        return scores.new_full((len(scores),), 1 / len(scores))
    if len(weights) != len(scores):
        raise ValueError(f"{len(scores)} examples want as many weights: got {len(weights)}")
    if not (torch.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError("weights are finite and above 0")
    return weights / weights.sum()


def _of_pairs(values: Tensor, weights: Tensor) -> Tensor:
    return (weights * values.diagonal()).sum()


def _pair_logits(scores: Tensor, weights: Tensor) -> Tensor:
    log_weights = weights.log()
    return scores + log_weights[:, None] + log_weights


def _without_diagonal(values: Tensor) -> Tensor:
    diagonal = torch.eye(len(values), dtype=torch.bool, device=values.device)
    return values.masked_fill(diagonal, -math.inf)


def _log_mean_exp_of_others(scores: Tensor, weights: Tensor) -> Tensor:
    """Logarithm of the mean of e^T over pairs of different examples."""
    logits = _without_diagonal(_pair_logits(scores, weights))
    return logits.flatten().logsumexp(0) - torch.log1p(-weights.square().sum())
