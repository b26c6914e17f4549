import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.neighbors import NearestNeighbors

from synvae_core.metrics import retrieval
from synvae_core.metrics.retrieval import neighbours, precision_at_k, precision_at_ks


def full_sort(latents: np.ndarray, k: int) -> np.ndarray:
    """Every distance in float64, every row sorted: slow, and without any of the core's ideas."""
    latents = latents.astype(np.float64)
    distances = ((latents[:, None] - latents) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, :k]


def normal(n: int, z: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, z, generator=torch.Generator().manual_seed(seed))


def test_precision_excludes_the_query_itself():
    latents, labels = torch.tensor([[0.0], [0.1], [9.0], [9.1]]), torch.tensor([0, 1, 0, 1])
    assert precision_at_k(latents, labels, k=1).tolist() == [0, 0, 0, 0]


def test_precision_is_one_where_every_class_is_a_cluster():
    labels = torch.arange(40) % 4
    latents = 100.0 * labels[:, None] + normal(40, 3)
    assert precision_at_k(latents, labels, k=9).tolist() == [1.0] * 40
    # the tenth neighbour has to come from another cluster
    assert precision_at_k(latents, labels, k=10) == pytest.approx(0.9)


def test_precision_is_zero_where_every_label_is_unique():
    assert precision_at_k(normal(30, 3), torch.arange(30), k=5).tolist() == [0.0] * 30


def test_precision_with_k_of_all_others_is_the_class_share():
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    expected = [2 / 5] * 3 + [1 / 5] * 2 + [0.0]
    assert precision_at_k(normal(6, 2), labels, k=5).tolist() == pytest.approx(expected)


def test_duplicates_of_the_query_stay():
    latents = torch.tensor([[1.0, 2.0], [5.0, 5.0], [1.0, 2.0]])
    assert neighbours(latents, k=1).flatten().tolist() == [2, 0, 0]


def test_equal_distances_go_to_the_lower_index():
    latents = torch.tensor([[0.0], [1.0], [-1.0], [1.0], [-1.0]])
    assert neighbours(latents, k=3)[0].tolist() == [1, 2, 3]
    assert neighbours(latents, k=2)[4].tolist() == [2, 0]


def test_minus_zero_is_zero():
    latents = torch.tensor([[0.0], [-0.0], [0.0], [-0.0], [3.0]])
    assert neighbours(latents, k=2).tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n", "z", "k"), [(2, 1, 1), (50, 1, 49), (200, 7, 10), (300, 64, 3)])
def test_neighbours_agree_with_a_full_sort(n, z, k, seed):
    latents = normal(n, z, seed)
    np.testing.assert_array_equal(neighbours(latents, k=k), full_sort(latents.numpy(), k))


@pytest.mark.parametrize(
    "latents",
    [
        pytest.param(torch.zeros(60, 4), id="collapsed"),
        pytest.param(normal(7, 4).repeat(10, 1), id="few distinct"),
        pytest.param((normal(80, 6) > 0).float(), id="binary, masses of ties"),
        pytest.param(torch.cartesian_prod(*[torch.arange(4.0)] * 3), id="grid"),
        pytest.param(1000 + 1e-3 * normal(80, 8), id="far from the origin"),
        pytest.param(1 + torch.arange(80).flip(0)[:, None] * 2.0**-23, id="neighbouring floats"),
        pytest.param(1e30 * normal(80, 8), id="squares overflow"),
        pytest.param(1e-30 * normal(80, 8), id="squares underflow"),
        pytest.param(torch.cat([normal(80, 8), torch.full((1, 8), 1e9)]), id="outlier"),
        pytest.param(torch.cat([1e-9 * normal(80, 8), normal(80, 8)]).double(), id="two scales"),
        pytest.param(normal(80, 8).half(), id="half"),
    ],
)
def test_neighbours_are_exact_where_float32_is_not_enough(latents):
    np.testing.assert_array_equal(neighbours(latents, k=9), full_sort(latents.numpy(), 9))


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(2, 25), st.integers(1, 4)),
        elements=st.sampled_from([-2.0, -1.0, 0.0, 1e-4, 1.0, 3.0]),
    ),
    st.data(),
)
def test_neighbours_of_tied_latents_agree_with_a_full_sort(latents, data):
    k = data.draw(st.integers(1, len(latents) - 1))
    found = neighbours(torch.from_numpy(latents), k=k)
    np.testing.assert_array_equal(found, full_sort(latents, k))


def test_neighbours_agree_with_scikit_learn():
    latents = normal(500, 20)
    _, expected = NearestNeighbors(n_neighbors=11, algorithm="brute").fit(latents).kneighbors()
    np.testing.assert_array_equal(neighbours(latents, k=11), expected)


@pytest.mark.parametrize("latents", [normal(203, 5), normal(29, 5).repeat(7, 1)])
def test_tile_size_does_not_matter(latents):
    whole = neighbours(latents, k=6)
    for tile_elements in (1, 203, 203 * 64, 1 << 30):
        assert torch.equal(neighbours(latents, k=6, tile_elements=tile_elements), whole)


def test_permuted_items_permute_the_result():
    latents, labels = normal(150, 6), torch.arange(150) % 3
    order = torch.randperm(150, generator=torch.Generator().manual_seed(1))
    permuted = precision_at_k(latents[order], labels[order], k=7)
    assert torch.equal(permuted, precision_at_k(latents, labels, k=7)[order])


def test_identical_items_are_told_apart_from_items_that_share_a_hash(monkeypatch):
    latents = torch.cat([torch.zeros(9, 2), normal(20, 2)])
    expected = full_sort(latents.numpy(), 3)
    # every item in one hash bucket: only real duplicates may be left out
    monkeypatch.setattr(torch.Tensor, "__xor__", lambda a, b: torch.zeros_like(a))
    np.testing.assert_array_equal(neighbours(latents, k=3), expected)


def test_bfloat16_products_elsewhere_do_not_reach_the_metric():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        latents = 50 + normal(300, 30)
        np.testing.assert_array_equal(neighbours(latents, k=5), full_sort(latents.numpy(), 5))
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_latents_are_left_as_they_were():
    for latents in (normal(20, 3), normal(20, 3).double().requires_grad_()):
        before = latents.detach().clone()
        assert not neighbours(latents, k=2).requires_grad
        assert torch.equal(latents, before)


def test_precision_at_ks_is_the_mean_at_each_k(monkeypatch):
    latents, labels = normal(120, 4), torch.arange(120) % 2
    expected = {k: precision_at_k(latents, labels, k=k).double().mean().item() for k in (1, 5, 10)}
    searches = []
    search = retrieval.neighbours
    monkeypatch.setattr(
        retrieval, "neighbours", lambda *args, **kw: searches.append(kw) or search(*args, **kw)
    )
    found = precision_at_ks(latents, labels, ks=(10, 1, 5))
    assert list(found) == [10, 1, 5]
    assert found == pytest.approx(expected)
    assert searches == [{"k": 10}]


@pytest.mark.parametrize("k", [0, -1, 4, 5])
def test_k_out_of_bounds_is_refused(k):
    latents, labels = normal(4, 2), torch.zeros(4, dtype=torch.long)
    with pytest.raises(ValueError, match="k is 1 to items - 1"):
        precision_at_k(latents, labels, k=k)
    with pytest.raises(ValueError, match="k is 1 to items - 1"):
        precision_at_ks(latents, labels, ks=(1, k))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_latents_that_are_not_finite_are_refused(bad):
    latents = normal(5, 2)
    latents[3, 1] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        neighbours(latents, k=1)


def test_other_hostile_input_is_refused():
    # the checked annotations of the public functions would speak first
    with pytest.raises(ValueError, match="got 5 items, 4 labels"):
        retrieval._matches(normal(5, 2), torch.zeros(4, dtype=torch.long), k=1)
    with pytest.raises(ValueError, match="shape"):
        retrieval._check(torch.zeros(5), 1)
    with pytest.raises(ValueError, match="at least one k"):
        precision_at_ks(normal(5, 2), torch.zeros(5, dtype=torch.long), ks=())
