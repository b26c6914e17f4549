"""Precision at k of the labels of nearest neighbours: per class, overall, and by chance.

Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218, report
precision at 1, 5 and 10. With one label an item, precision weighted by count is the mean over all
items. With several, an item is scored by each of its labels in turn; `agreement` compares all of
them at once.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from synvae_core.metrics.retrieval import neighbours
from synvae_core.types import HIGHER, Measure, Posterior, TooFewError

BLOCK = 1024  # label sets compared with all others at a time

MEASURES = (
    Measure("macro_precision_at_{k}", HIGHER, 0, 1),
    Measure("agreement_precision_at_{k}", HIGHER, 0, 1),
    Measure("precision_at_{k}_as_published", HIGHER, 0, 1),
    Measure("{space}_by_class/{label}_at_{k}", HIGHER, 0, 1),
    Measure("chance/precision", None, 0, 1),
    Measure("chance/{average}_precision", None, 0, 1),
)


class LabelPrecision(NamedTuple):
    """Precision of the neighbours' labels, at one k; everything in 0..1.

    `per_class`: over the items that carry a label, the mean share of their neighbours that carry
    it too. `agreement`: over all items and their neighbours, the mean Jaccard index (intersection
    over union) of the two sets of labels; two items without labels agree. With one label an item,
    `agreement` is `weighted`.
    """

    classes: Int[Tensor, " c"]  # ids, or columns
    counts: Int[Tensor, " c"]  # items that carry each
    per_class: Float[Tensor, " c"]
    agreement: float

    @property
    def macro(self) -> float:
        """Unweighted mean over the classes."""
        return self.per_class.mean().item()

    @property
    def weighted(self) -> float:
        """Mean over the classes weighted by their counts: over all labels that any item carries."""
        return ((self.per_class * self.counts).sum() / self.counts.sum()).item()


@torch.no_grad()
def neighbour_precision(
    latents: Float[Tensor, "n z"],
    labels: Int[Tensor, " n"] | Bool[Tensor, "n classes"],
    *,
    ks: Sequence[int],
) -> dict[int, LabelPrecision]:
    """Precision at each k among the nearest other items, Euclidean, from one search.

    Args:
        labels: a class id for each item, or booleans where items carry several labels or none.

    Raises:
        ValueError: unless 1 <= k < n for one k at least, every latent is finite, there are n
            labels, and each column of several is carried by an item.
    """
    if not ks or min(ks) < 1:
        raise ValueError(f"expected one k or more, from 1: got ks = {list(ks)}")
    carried, classes = _carried(labels, len(latents))
    nearest = neighbours(latents, k=max(ks))
    carried, classes = carried.to(nearest.device), classes.to(nearest.device)
    counts = carried.sum(0)
    hits = torch.stack([column[nearest[column]].sum(0).cumsum(0) for column in carried.T]).double()
    shared = torch.stack([_jaccard(carried, carried[rank]).mean() for rank in nearest.T]).cumsum(0)
    return {
        k: LabelPrecision(
            classes.cpu(),
            counts.cpu(),
            (hits[:, k - 1] / (k * counts)).cpu(),
            shared[k - 1].item() / k,
        )
        for k in ks
    }


def neighbour_precision_as_published(
    mu: Float[Tensor, "n z"],
    logvar: Float[Tensor, "n z"],
    labels: Int[Tensor, " n"] | Bool[Tensor, "n classes"],
    *,
    ks: Sequence[int],
    generator: torch.Generator,
) -> dict[int, float]:
    """Precision at each k as published: per label, then weighted by count, on posterior samples.

    One sample of each posterior stands for its item, so that noise which the decoder ignores
    changes the neighbours. Compare `weighted` of `neighbour_precision` on the means.

    Args:
        generator: of the samples.

    Raises:
        ValueError: as `neighbour_precision`, and if means and log variances differ in shape.
    """
    if mu.shape != logvar.shape:
        raise ValueError(
            f"each posterior has a mean and a log variance in each dimension: got shapes "
            f"{tuple(mu.shape)} and {tuple(logvar.shape)}"
        )
    samples = Posterior(mu, logvar).sample(generator)
    found = neighbour_precision(samples, labels, ks=ks)
    return {k: precision.weighted for k, precision in found.items()}


@torch.no_grad()
def chance_precision(labels: Int[Tensor, " n"] | Bool[Tensor, "n classes"]) -> LabelPrecision:
    """Expected precision of neighbours drawn at random from the other items, at any k.

    Raises:
        ValueError: with fewer than two items, or a column that no item carries.
    """
    items = len(labels)
    carried, classes = _carried(labels, items)
    if items < 2:
        raise TooFewError(f"chance precision is of other items: got {items}, expected 2 or more")
    counts = carried.sum(0)
    sets, times = carried.unique(dim=0, return_counts=True)
    times = times.double()
    pairs = sum(
        (some @ torch.stack([_jaccard(row, sets) for row in block]) @ times).item()
        for block, some in zip(sets.split(BLOCK), times.split(BLOCK), strict=True)
    )
    # every item is in full agreement with itself, which is no neighbour
    agreement = (pairs - items) / (items * (items - 1))
    return LabelPrecision(classes, counts, (counts - 1).double() / (items - 1), agreement)


def _carried(labels: Tensor, items: int) -> tuple[Tensor, Tensor]:
    """Labels as booleans (n, classes), and the class of each column."""
    if len(labels) != items:
        raise ValueError(f"each item has its labels: got {items} items and labels of {len(labels)}")
    if labels.dtype != torch.bool:
        if labels.ndim != 1 or labels.is_floating_point():
            raise ValueError(
                f"labels are class ids (n,) or booleans (n, classes), got {labels.dtype} of "
                f"shape {tuple(labels.shape)}"
            )
        classes = labels.unique()
        return labels[:, None] == classes, classes
    if labels.ndim != 2 or not labels.shape[1]:
        raise ValueError(f"boolean labels have shape (n, classes), got {tuple(labels.shape)}")
    empty = (~labels.any(0)).nonzero().flatten().tolist()
    if empty:
        raise ValueError(f"no item carries the labels of columns {empty}: leave the columns out")
    return labels, torch.arange(labels.shape[1])


def _jaccard(one: Tensor, other: Tensor) -> Tensor:
    """Jaccard index of sets (..., classes): intersection over union; 1 where both are empty."""
    both, either = (one & other).sum(-1), (one | other).sum(-1)
    return torch.where(either > 0, both.double() / either.clamp(min=1), 1.0)
