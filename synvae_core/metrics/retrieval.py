"""Retrieval in a latent space: exact nearest neighbours, precision at k and ranks of counterparts.

Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218, report
precision at 1, 5 and 10. A float32 matrix product only preselects neighbours: Higham's bound on
its rounding error (Accuracy and Stability of Numerical Algorithms, section 3.1) says which items
cannot be left out, and those are ranked by distances summed in float64.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor

from synvae_core.types import HIGHER, LOWER, Measure, TooFewError

TILE_ELEMENTS = 1 << 23  # preselection distances held at a time
BLOCK_ELEMENTS = 1 << 18  # float64 differences at a time: few enough to stay in the cache
FLOAT32_ROUNDOFF = 2.0**-24

MEASURES = (
    Measure("precision_at_{k}", HIGHER, 0, 1),
    Measure("{space}_precision_at_{k}", HIGHER, 0, 1),
    Measure("share_of_visual_at_{k}", HIGHER, 0),  # precision over that of the visual latents
    Measure("{way}_recall_at_{k}", HIGHER, 0, 1),
    Measure("{way}_median_rank", LOWER, 1),
    Measure("{way}_same_digit", HIGHER, 0, 1),
    Measure("{way}_same_digit_{end}", HIGHER, 0, 1),
)


@torch.no_grad()
def neighbours(
    latents: Float[Tensor, "n z"], *, k: int, tile_elements: int = TILE_ELEMENTS
) -> Int[Tensor, "n k"]:
    """Indices of each item's k nearest other items, nearest first, in Euclidean distance.

    An item is never its own neighbour; its duplicates are. Distances are those of float64
    arithmetic, and equal ones are settled by the lower index, so that the answer depends neither
    on `tile_elements`, which bounds the memory, nor on the number of threads.

    Raises:
        ValueError: unless 1 <= k < n and every latent is finite.
    """
    _check(latents, k)
    columns = _columns_within_reach(latents, k)
    points, square, scale = _centred(latents)
    # |computed - true| <= slack * (|a|^2 + |b|^2) for the squared distance of a and b: twice the
    # bound of a product of length z + 1, the rounding of points, norms and sums included
    slack = 4 * (points.shape[1] + 16) * FLOAT32_ROUNDOFF
    targets = points[columns].mul_(-2)
    targets[:, -1] = square[columns] * (1 - slack)
    nearest = torch.empty(len(points), k, dtype=torch.int64, device=points.device)
    rows_per_tile = max(1, tile_elements // len(columns))
    # one tile for all: allocated anew, tiles among small tensors would scatter over the heap
    tile = points.new_empty(min(rows_per_tile, len(points)), len(columns))
    for rows in torch.arange(len(points), device=points.device).split(rows_per_tile):
        # a lower bound of the squared distance, less the share that is constant in a row
        lower = tile[: len(rows)]
        with _full_float32_precision():
            torch.mm(points[rows], targets.T, out=lower)
        _exclude_self(lower, rows, columns)
        least, at = lower.topk(k, largest=False)
        # at least k items are no farther than `upper`, so no neighbour's lower bound exceeds it
        room = 2 * slack * (square[rows, None] + square[columns][at])
        upper = (least + room).amax(1, keepdim=True) + 1e-30
        row, column = (lower <= upper).nonzero(as_tuple=True)
        column = columns[column]
        distance = _squared_distances(latents, rows[row], column, scale)
        nearest[rows] = _first_k(row, column, distance, k=k, count=len(rows))
    return nearest


def precision_at_k(
    latents: Float[Tensor, "n z"], labels: Int[Tensor, " n"], *, k: int
) -> Float[Tensor, " n"]:
    """Share of each item's k Euclidean neighbours, itself excluded, that carry its label.

    Ties between neighbours are settled by the lower index.

    Raises:
        ValueError: unless 1 <= k < n, every latent is finite and there are n labels.
    """
    return _matches(latents, labels, k=k).float().mean(1)


def precision_at_ks(
    latents: Float[Tensor, "n z"], labels: Int[Tensor, " n"], *, ks: Sequence[int]
) -> dict[int, float]:
    """Mean precision over all items at each k, from one search for neighbours.

    Raises:
        ValueError: as `precision_at_k`, and if `ks` is empty.
    """
    if not ks:
        raise ValueError("precision needs at least one k")
    for k in ks:
        _check(latents, k)
    matches = _matches(latents, labels, k=max(ks)).double()
    return {k: matches[:, :k].mean().item() for k in ks}


@torch.no_grad()
def nearest_across(
    queries: Float[Tensor, "q z"], items: Float[Tensor, "n z"], *, k: int
) -> Int[Tensor, "q k"]:
    """Indices of the k items nearest to each query of another space of the same dimension.

    Nearest first, by float64 distances; equal ones are settled by the lower index. All distances
    are computed and sorted: for some queries, or some thousands of items.

    Raises:
        ValueError: unless 1 <= k <= n, the dimensions agree and everything is finite.
    """
    check_same_space(queries=queries, items=items)
    if not 1 <= k <= len(items):
        raise TooFewError(f"k is 1 to items: got k = {k} with {len(items)} items")
    rows = [
        distance.argsort(dim=1, stable=True)[:, :k] for distance in _across_tiles(queries, items)
    ]
    return torch.cat(rows)


@torch.no_grad()
def counterpart_ranks(
    queries: Float[Tensor, "n z"], items: Float[Tensor, "n z"]
) -> Int[Tensor, " n"]:
    """Rank, from 1, of each query's own item, that of its index, among all items by distance.

    Such as of the picture from which a melody was made. By chance the mean is (n + 1) / 2. Ties are
    settled as in `nearest_across`.

    Raises:
        ValueError: unless there are as many items as queries, their dimensions agree and
            everything is finite.
    """
    check_same_space(queries=queries, items=items)
    if len(queries) != len(items):
        raise ValueError(
            f"each query has one item: got {len(queries)} queries and {len(items)} items"
        )
    ranks, start = [], 0
    index = torch.arange(len(items), device=items.device)
    for distance in _across_tiles(queries, items):
        own_index = index[start : start + len(distance), None]
        own = distance.gather(1, own_index)
        before = (distance < own) | ((distance == own) & (index < own_index))
        ranks.append(1 + before.sum(1))
        start += len(distance)
    return torch.cat(ranks)


def check_same_space(**named: Tensor) -> None:
    """Raises a ValueError unless two sets of points, by name, are finite and of one dimension."""
    for name, points in named.items():
        if points.ndim != 2 or not points.numel():
            raise ValueError(
                f"{name} have shape (number, dimensions), none of them 0: got {tuple(points.shape)}"
            )
        if not torch.isfinite(points).all():
            raise ValueError(f"{name} are finite numbers: got NaN or infinity")
    (one, first), (other, second) = named.items()
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"{one} and {other} have the same dimensions: got {first.shape[1]} and "
            f"{second.shape[1]}"
        )


def _across_tiles(queries: Tensor, items: Tensor) -> Iterator[Tensor]:
    """Squared distances (some queries, items) in float64, from differences; in order."""
    items = items.double()
    for some in queries.double().split(max(1, TILE_ELEMENTS // items.numel())):
        yield (some[:, None] - items).square_().sum(-1)


def _matches(latents: Tensor, labels: Tensor, *, k: int) -> Tensor:
    if len(latents) != len(labels):
        raise ValueError(f"each item has one label: got {len(latents)} items, {len(labels)} labels")
    nearest = neighbours(latents, k=k)
    return labels.to(nearest.device)[nearest] == labels.to(nearest.device)[:, None]


def _check(latents: Tensor, k: int) -> None:
    if latents.ndim != 2:
        raise ValueError(f"latents have shape (items, dimensions), got {tuple(latents.shape)}")
    if not 1 <= k < len(latents):
        raise TooFewError(
            f"k is 1 to items - 1: got k = {k} with {len(latents)} items, and needs "
            f"{max(k, 1) + 1} or more"
        )
    if not torch.isfinite(latents).all():
        raise ValueError("latents are finite numbers: got NaN or infinity; did training diverge?")


def _centred(latents: Tensor) -> tuple[Tensor, Tensor, float]:
    """Latents in float32 about their mean, none beyond 1, with a column of ones behind them.

    The centre takes out the cancellation; a power of two avoids overflow and changes no tie.
    The squared norms and that power come with them.
    """
    centred = latents.to(torch.float64, copy=True)
    centred.sub_(centred.mean(0))
    largest = torch.stack(centred.aminmax()).abs().max().clamp(min=1e-300)
    scale = 2.0 ** -torch.frexp(largest).exponent.item()
    points = latents.new_ones(len(latents), latents.shape[1] + 1, dtype=torch.float32)
    points[:, :-1] = centred.mul_(scale)
    return points, centred.square_().sum(1).float(), scale


def _exclude_self(lower: Tensor, rows: Tensor, columns: Tensor) -> None:
    at = torch.searchsorted(columns, rows).clamp(max=len(columns) - 1)
    here = (columns[at] == rows).nonzero().flatten()
    lower[here, at[here]] = torch.inf


def _first_k(row: Tensor, column: Tensor, distance: Tensor, *, k: int, count: int) -> Tensor:
    """Columns (count, k) of the least distances in each row; `row`, then `column`, rise."""
    order = distance.argsort(stable=True)
    order = order[row[order].argsort(stable=True)]
    first = torch.searchsorted(row, torch.arange(count, device=row.device))
    return column[order[first[:, None] + torch.arange(k, device=row.device)]]


def _squared_distances(latents: Tensor, rows: Tensor, columns: Tensor, scale: float) -> Tensor:
    distances = []
    block = max(1, BLOCK_ELEMENTS // latents.shape[1])
    for i, j in zip(rows.split(block), columns.split(block), strict=True):
        difference = latents[i].double().sub_(latents[j]).mul_(scale)
        distances.append(difference.mul_(difference).sum(1))
    return torch.cat(distances)


def _columns_within_reach(latents: Tensor, k: int) -> Tensor:
    """Indices of all items but those that have k + 1 identical items before them.

    Such an item is nobody's neighbour, and a collapsed latent space has nothing but such items.
    """
    key = torch.zeros(len(latents), dtype=torch.int64, device=latents.device)
    for column in latents.T:
        bits = (column.double() + 0.0).view(torch.int64)  # + 0.0: -0.0 equals 0.0
        key = (key ^ bits ^ (bits >> 29)) * 0x5851F42D4C957F2D  # wraps around, as hashes do
        key = key ^ (key >> 32)
    order = key.argsort(stable=True)
    _, counts = key[order].unique_consecutive(return_counts=True)
    first = (counts.cumsum(0) - counts).repeat_interleave(counts)
    late = torch.arange(len(key), device=key.device) - first > k
    same = torch.ones_like(late)
    leaders = order[first]
    for i in late.nonzero().flatten().split(max(1, BLOCK_ELEMENTS // latents.shape[1])):
        same[i] = (latents[order[i]] == latents[leaders[i]]).all(1)
    keep = torch.ones_like(late)
    keep[order] = ~(late & same)  # two different items with one hash are both kept
    return keep.nonzero().flatten()


@contextmanager
def _full_float32_precision() -> Iterator[None]:
    """Matrix products in true float32: the error bound does not hold for TF32 or bfloat16."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
