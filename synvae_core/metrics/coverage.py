"""Density and coverage: fidelity and diversity of generated items, by nearest neighbours.

Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models", ICML, arXiv
2002.09797. The ball around each real item ends at its k-th nearest other real item. Density counts
the balls that a generated item lies in, coverage the balls that hold a generated item. The balls
are open, as in the authors' code, which matters where real items coincide.
"""

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from synvae_core.metrics.retrieval import check_same_space
from synvae_core.types import HIGHER, Measure, TooFewError

TILE_ELEMENTS = 1 << 22  # distances held at a time
NEAREST = 5  # of the paper's experiments

MEASURES = (
    Measure("density", HIGHER, 0),
    Measure("density_{of}", HIGHER, 0),
    Measure("coverage", HIGHER, 0, 1),
    Measure("coverage_{of}", HIGHER, 0, 1),
)


class DensityCoverage(NamedTuple):
    """Density, 1 on average for items distributed as the real ones are, and coverage in 0..1.

    Density may exceed 1, as where all generated items lie in the midst of the real ones.
    """

    density: float
    coverage: float


@torch.no_grad()
def density_and_coverage(
    real: Float[Tensor, "n f"], made: Float[Tensor, "m f"], *, k: int = NEAREST
) -> DensityCoverage:
    """Density and coverage of generated items, in the features of some classifier.

    Coverage rises with the number of generated items and falls with that of real ones: compare at
    equal numbers, and with `expected_coverage`.

    Raises:
        ValueError: unless 1 <= k < n, there is a generated item, both have the same number of
            features and everything is finite.
    """
    _check(real, made, k)
    within, covered = 0, 0
    for to_real, to_made in _distance_tiles(real.double(), made.double()):
        # the item itself comes first, at distance 0
        radius = to_real.kthvalue(k + 1, dim=1, keepdim=True).values
        inside = to_made < radius
        within += int(inside.sum())
        covered += int(inside.any(1).sum())
    return DensityCoverage(within / (k * len(made)), covered / len(real))


def density_and_coverage_by_class(
    real: Float[Tensor, "n f"],
    real_labels: Int[Tensor, " n"],
    made: Float[Tensor, "m f"],
    made_labels: Int[Tensor, " m"],
    *,
    k: int = NEAREST,
) -> dict[int, DensityCoverage]:
    """Density and coverage within each class of generated items.

    An item that was meant for one class and looks like another lies in none of its balls.

    Raises:
        ValueError: as `density_and_coverage`, naming the class, and unless there is one label for
            each item.
    """
    for name, items, labels in (("real", real, real_labels), ("made", made, made_labels)):
        if len(items) != len(labels):
            raise ValueError(
                f"each {name} item has one label: got {len(items)} items, {len(labels)} labels"
            )
    found = {}
    for label in made_labels.unique().tolist():
        some = (real[real_labels == label], made[made_labels == label])
        try:
            found[label] = density_and_coverage(*some, k=k)
        except ValueError as error:  # a TooFewError stays one
            raise type(error)(f"class {label}: {error}") from error
    if not found:
        raise ValueError("there is no generated item: density and coverage need one or more")
    return found


def expected_coverage(real: int, made: int, *, k: int = NEAREST) -> float:
    """Expected coverage of `made` items from the distribution of the `real` ones.

    The paper's second lemma: the probability that the k nearest of an item's neighbours, real and
    generated, are not all real.

    Raises:
        ValueError: unless 1 <= k < real and 1 <= made.
    """
    if not (1 <= k < real and made >= 1):
        raise TooFewError(
            f"expected 1 <= k < real items, and a generated item or more: got k = {k}, {real} real "
            f"and {made} generated"
        )
    return 1 - prod((real - i) / (real + made - i) for i in range(1, k + 1))


def _distance_tiles(real: Tensor, made: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Distances from some real items to all real and to all generated ones, in order."""
    distances = partial(torch.cdist, compute_mode="donot_use_mm_for_euclid_dist")  # exact ones
    for some in real.split(max(1, TILE_ELEMENTS // (len(real) + len(made)))):
        yield distances(some, real), distances(some, made)


def _check(real: Tensor, made: Tensor, k: int) -> None:
    check_same_space(**{"real items": real, "made items": made})
    if not 1 <= k < len(real):
        raise TooFewError(f"k is 1 to real items - 1: got k = {k} with {len(real)} real items")
