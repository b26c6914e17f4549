"""Scores of pictures generated from spoken digits: consistency, diversity, novelty and retrieval.

Żelaszczyk & Mańdziuk 2021, "Audio-to-Image Cross-Modal Generation", arXiv 2109.13354, measure
consistency as the agreement of a classifier of real digits with the spoken digit, and describe how
it is traded for diversity. Intervals of agreement are Wilson's, and hold for other recordings of
the same speakers: for other speakers, there are too few of them.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeVar

import scipy
import torch
from jaxtyping import Float, Int
from torch import Tensor

from synvae_core.metrics.note_recall import Share
from synvae_core.metrics.retrieval import nearest_across
from synvae_core.types import HIGHER, Measure, TooFewError

Group = TypeVar("Group", bound=Hashable)

MEASURES = (
    Measure("agreement", HIGHER, 0, 1),
    Measure("agreement_{of}", HIGHER, 0, 1),
    Measure("spread", None, 0),
    Measure("spread_{of}", None, 0),
    Measure("{of}_spread", None, 0),
    Measure("{of}_spread_sampled", None, 0),
    Measure("nearest_distance", None, 0),
    Measure("nearest_distance_sampled", None, 0),
    Measure("distinct_nearest", HIGHER, 0),
    Measure("distinct_nearest_sampled", HIGHER, 0),
    Measure("distinct_nearest_share", HIGHER, 0, 1),
    Measure("distinct_nearest_share_sampled", HIGHER, 0, 1),
    Measure("{way}_chance_recall_at_{k}", None, 0, 1),
    Measure("{way}_chance_precision", None, 0, 1),
)


class Nearest(NamedTuple):
    """Nearest neighbour of each picture among others, by Euclidean distance; pixels in 0..1."""

    rows: Int[Tensor, " n"]
    distance: Float[Tensor, " n"]

    @property
    def distinct(self) -> int:
        """Number of others that are the nearest neighbour of some picture."""
        return len(self.rows.unique())


class Found(NamedTuple):
    """Precision and recall at k of the queries' classes among their nearest items; by k, 0..1.

    `precision`: share of the k items that are of the query's class. `recall`: share of the queries
    with at least one item of their class among the k; at 1 the two are the same.
    """

    precision: dict[int, float]
    recall: dict[int, float]


def agreement(spoken: Int[Tensor, " n"], read: Int[Tensor, " m"]) -> Share:
    """Share of the pictures that are classified as the digit spoken, with an interval.

    Raises:
        ValueError: if there is none, or not one digit read for each spoken.
    """
    if spoken.shape != read.shape or not len(spoken):
        raise ValueError(
            "expected one digit read for each of some spoken digits: got "
            f"{tuple(spoken.shape)} spoken and {tuple(read.shape)} read"
        )
    return Share(int((spoken == read).sum()), len(spoken))


def agreement_by(
    spoken: Int[Tensor, " n"], read: Int[Tensor, " m"], groups: Sequence[Group]
) -> dict[Group, Share]:
    """Agreement within each group, such as a speaker, in the order of the groups' names.

    Args:
        groups: that of each recording.

    Raises:
        ValueError: as `agreement`, and unless there is one group for each recording.
    """
    if len(groups) != len(spoken):
        raise ValueError(
            f"each recording is of one group: got {len(spoken)} recordings, {len(groups)} groups"
        )
    agreement(spoken, read)
    rows: dict[Group, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    return {group: agreement(spoken[some], read[some]) for group, some in sorted(rows.items())}


def spread_by_class(
    pictures: Float[Tensor, "n c h w"], labels: Int[Tensor, " m"]
) -> dict[int, float]:
    """Mean pairwise Euclidean distance of the pictures of each class; pixels in 0..1.

    Raises:
        ValueError: if there are no pictures, not as many labels, pixels that are not finite, or a
            class of one picture.
    """
    _check_pictures("pictures", pictures)
    _check_labels("picture", pictures, labels)
    spread = {}
    for label in labels.unique().tolist():
        rows = pictures[labels == label].flatten(1).double()
        if len(rows) < 2:
            raise TooFewError(
                f"class {label} has one picture, and spread wants two or more: give more "
                "pictures, or leave the class out"
            )
        spread[label] = float(scipy.spatial.distance.pdist(rows.numpy()).mean())
    return spread


def nearest_pictures(
    pictures: Float[Tensor, "n c h w"], others: Float[Tensor, "m c h w"]
) -> Nearest:
    """Nearest neighbour of each picture among the others, in Euclidean distance of all pixels.

    Raises:
        ValueError: unless there are pictures and others of one size, all of finite pixels.
    """
    from sklearn.metrics import pairwise_distances_argmin  # slow to import

    _check_pictures("pictures", pictures)
    _check_pictures("others", others)
    if pictures.shape[1:] != others.shape[1:]:
        raise ValueError(
            f"pictures and others have the same size: got {tuple(pictures.shape[1:])} and "
            f"{tuple(others.shape[1:])}"
        )
    rows, columns = pictures.flatten(1), others.flatten(1)
    index = torch.from_numpy(pairwise_distances_argmin(rows.numpy(), columns.numpy())).long()
    return Nearest(index, (rows.double() - columns[index].double()).norm(dim=1))


def matched_rows(
    labels: Int[Tensor, " n"], among: Int[Tensor, " m"], *, generator: torch.Generator
) -> Int[Tensor, " n"]:
    """Rows of `among` that have the given labels, drawn at random without replacement.

    Such as equal numbers of real and of generated pictures of each digit.

    Raises:
        ValueError: if no label is given, or a label stands less often in `among` than in `labels`.
    """
    if not len(labels):
        raise ValueError("expected some labels to match, got none")
    rows = torch.empty_like(labels)
    for label in labels.unique().tolist():
        wanted, there = labels == label, (among == label).nonzero().flatten()
        if wanted.sum() > len(there):
            raise TooFewError(
                f"class {label}: {int(wanted.sum())} are wanted and {len(there)} are there; take "
                "fewer, or match them with a larger set"
            )
        drawn = torch.randperm(len(there), generator=generator)[: int(wanted.sum())]
        rows[wanted] = there[drawn]
    return rows


def found_across(
    queries: Float[Tensor, "q z"],
    query_labels: Int[Tensor, " _q"],
    items: Float[Tensor, "n z"],
    item_labels: Int[Tensor, " _n"],
    *,
    ks: Sequence[int],
) -> Found:
    """Precision and recall at k of the queries' classes among items of another kind, Euclidean.

    Such as of recordings that are retrieved with a picture, by the pictures decoded from them.

    Raises:
        ValueError: as `nearest_across`, unless each has one label, and if `ks` is empty.
    """
    _check_labels("query", queries, query_labels)
    _check_labels("item", items, item_labels)
    _check_ks(ks, len(items))
    nearest = nearest_across(queries, items, k=max(ks))
    right = item_labels[nearest] == query_labels[:, None]
    return Found(
        {k: right[:, :k].double().mean().item() for k in ks},
        {k: right[:, :k].any(1).double().mean().item() for k in ks},
    )


def found_by_chance(
    query_labels: Int[Tensor, " q"], item_labels: Int[Tensor, " n"], *, ks: Sequence[int]
) -> Found:
    """Expected `found_across` of items in random order.

    Raises:
        ValueError: if there is no query or no item, and unless each k is 1 to items.
    """
    if not len(query_labels) or not len(item_labels):
        raise ValueError(
            f"expected queries and items: got {len(query_labels)} and {len(item_labels)}"
        )
    _check_ks(ks, len(item_labels))
    same = (query_labels[:, None] == item_labels).sum(1).numpy()
    share = float(same.mean() / len(item_labels))
    none = {k: scipy.stats.hypergeom.pmf(0, len(item_labels), same, k).mean() for k in ks}
    return Found(dict.fromkeys(ks, share), {k: 1 - float(none[k]) for k in ks})


def _check_ks(ks: Sequence[int], items: int) -> None:
    if not ks or not 1 <= min(ks) <= max(ks) <= items:
        raise ValueError(f"each k is 1 to items, and there is one: got {[*ks]} with {items} items")


def _check_pictures(name: str, pictures: Tensor) -> None:
    if pictures.ndim != 4 or not pictures.numel():
        raise ValueError(
            f"{name} have shape (number, channels, height, width), none of them 0: got "
            f"{tuple(pictures.shape)}"
        )
    if not torch.isfinite(pictures).all():
        raise ValueError(f"pixels of {name} are finite numbers: got NaN or infinity")


def _check_labels(name: str, items: Tensor, labels: Tensor) -> None:
    if len(items) != len(labels):
        raise ValueError(f"each {name} has one label: got {len(items)} and {len(labels)} labels")
