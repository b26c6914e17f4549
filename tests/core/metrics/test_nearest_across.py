"""Neighbours in another space, against a sort of all distances."""

import numpy as np
import pytest
import torch
from no_checks import no_checks
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from synvae_core.metrics import retrieval
from synvae_core.metrics.retrieval import counterpart_ranks, nearest_across


def normal(n: int, z: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, z, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("tile", [1, 300, 1 << 23])
def test_nearest_agree_with_a_sort_of_all_distances(tile, monkeypatch):
    monkeypatch.setattr(retrieval, "TILE_ELEMENTS", tile)
    queries, items = normal(40, 5), normal(70, 5, 1)
    distance = cdist(queries.double(), items.double(), "sqeuclidean")
    expected = np.argsort(distance, axis=1, kind="stable")
    np.testing.assert_array_equal(nearest_across(queries, items, k=70), expected)
    np.testing.assert_array_equal(nearest_across(queries, items, k=3), expected[:, :3])
    ranks = counterpart_ranks(queries, items[:40])
    expected = rankdata(distance[:, :40], axis=1, method="ordinal").diagonal()
    np.testing.assert_array_equal(ranks, expected)


def test_equal_distances_go_to_the_lower_index():
    items = torch.tensor([[1.0], [-1.0], [1.0], [0.5]])
    assert nearest_across(torch.zeros(1, 1), items, k=4).tolist() == [[3, 0, 1, 2]]
    assert counterpart_ranks(torch.zeros(4, 1), items).tolist() == [2, 3, 4, 1]
    assert counterpart_ranks(torch.zeros(5, 2), torch.zeros(5, 2)).tolist() == [1, 2, 3, 4, 5]


def test_every_item_finds_itself_first_in_its_own_space():
    latents = 1000 + 1e-3 * normal(200, 4)  # float32 products would lose these distances
    assert (counterpart_ranks(latents, latents) == 1).all()
    assert nearest_across(latents[7:8], latents, k=1).item() == 7


def test_unrelated_spaces_find_each_other_by_chance():
    ranks = counterpart_ranks(normal(1000, 8), normal(1000, 8, 1)).double()
    assert ranks.mean().item() == pytest.approx(500.5, abs=4 * 1000 / 12**0.5 / 1000**0.5)


@pytest.mark.parametrize(
    ("queries", "items", "message"),
    [
        (normal(3, 2), normal(3, 4), "same dimensions: got 2 and 4"),
        (normal(3, 2), torch.full((3, 2), torch.nan), "items are finite"),
        (torch.full((3, 2), torch.inf), normal(3, 2), "queries are finite"),
        (normal(3, 2), torch.zeros(0, 2), "items have shape"),
        (torch.zeros(0, 2), normal(3, 2), "queries have shape"),
        (normal(3, 2)[0], normal(3, 2), "queries have shape"),
    ],
)
def test_hostile_input_is_refused(queries, items, message):
    with no_checks(), pytest.raises(ValueError, match=message):
        nearest_across(queries, items, k=1)
    with no_checks(), pytest.raises(ValueError, match=message):
        counterpart_ranks(queries, items)


def test_numbers_that_do_not_fit_are_refused():
    with no_checks(), pytest.raises(ValueError, match="got 3 queries and 4 items"):
        counterpart_ranks(normal(3, 2), normal(4, 2))
    for k in (0, 5):
        with pytest.raises(ValueError, match=f"got k = {k} with 4 items"):
            nearest_across(normal(3, 2), normal(4, 2), k=k)
