import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform
from sklearn.manifold._t_sne import _joint_probabilities

from synvae_core.metrics.latent_geometry import (
    debiased_linear_cka,
    linear_cka,
    neighbour_distribution,
    neighbour_kl,
    neighbour_kl_as_published,
    trustworthiness,
)

SYMMETRIC = [linear_cka, debiased_linear_cka]
OF_TWO = {
    "kl": lambda a, b: neighbour_kl(a, b, perplexity=5),
    "kl_as_published": lambda a, b: neighbour_kl_as_published(a, b, perplexity=5),
    "cka": linear_cka,
    "debiased_cka": debiased_linear_cka,
    "trustworthiness": lambda a, b: trustworthiness(a, b, k=2),
}


def space(seed, n=60, dim=5, dtype=torch.float64):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed)).to(dtype)


def rotation(dim, seed=0):
    return torch.linalg.qr(space(seed, dim, dim)).Q


def of_scikit_learn(latents, perplexity, metric):
    return _joint_probabilities(squareform(pdist(latents.numpy(), metric)), perplexity, 0)


class TestNeighbourDistribution:
    @pytest.mark.parametrize("perplexity", [2.0, 5, 30])
    @pytest.mark.parametrize(("squared", "metric"), [(True, "sqeuclidean"), (False, "euclidean")])
    def test_it_is_that_of_scikit_learn(self, perplexity, squared, metric):
        latents = space(0)
        found = neighbour_distribution(latents, perplexity=perplexity, squared=squared).exp()
        expected = squareform(of_scikit_learn(latents, perplexity, metric))
        assert found.numpy() == pytest.approx(expected, rel=1e-3, abs=1e-7)

    def test_it_is_a_symmetric_distribution_of_pairs(self):
        found = neighbour_distribution(space(1), perplexity=7).exp()
        assert found.sum().item() == pytest.approx(1)
        assert torch.equal(found, found.T)
        assert (found.diagonal() == 0).all()

    def test_scale_and_place_do_not_matter(self):
        near = neighbour_distribution(space(2), perplexity=9)
        for far in (1e6 * space(2), 1e-6 * space(2), space(2) + 100, space(2) @ rotation(5)):
            found = neighbour_distribution(far, perplexity=9)
            pairs = torch.isfinite(near)
            assert torch.allclose(found[pairs], near[pairs], atol=1e-6)

    def test_items_that_share_a_place_are_as_near_as_each_other(self):
        latents = torch.cat([torch.zeros(20, 3), 5 + space(0, 5, 3)])
        found = neighbour_distribution(latents, perplexity=3).exp()[:20, :20]
        others = found[~torch.eye(20, dtype=torch.bool)]
        assert others.min().item() == pytest.approx(others.max().item())
        alike = neighbour_distribution(torch.zeros(6, 2), perplexity=3).exp()
        assert alike[0, 1:].tolist() == pytest.approx([1 / 30] * 5)

    def test_a_perplexity_out_of_reach_is_refused(self):
        for perplexity in (1.0, 9.0, 30.0, math.nan):
            with pytest.raises(ValueError, match=r"below items - 1: got .* with 10 items"):
                neighbour_distribution(space(0, 10), perplexity=perplexity)


class TestNeighbourKl:
    def test_it_is_that_of_the_distributions(self):
        first, second = space(0), space(1, dim=3)
        p, q = (of_scikit_learn(each, 10, "sqeuclidean") for each in (first, second))
        expected = 2 * np.sum(p * np.log(p / q))  # unordered pairs
        assert neighbour_kl(first, second, perplexity=10) == pytest.approx(expected, rel=2e-3)
        assert neighbour_kl(second, first, perplexity=10) != pytest.approx(expected, rel=0.01)

    def test_as_published_distances_are_not_squared(self):
        first, second = space(0), space(1, dim=3)
        p, q = (of_scikit_learn(each, 30, "euclidean") for each in (first, second))
        expected = 2 * np.sum(p * np.log(p / q))
        found = neighbour_kl_as_published(first, second)
        assert found == pytest.approx(expected, rel=2e-3)
        assert found != pytest.approx(neighbour_kl(first, second, perplexity=30), rel=0.05)

    def test_it_is_nought_for_one_space_rotated_and_grows_with_noise(self):
        latents = space(3)
        found = [
            neighbour_kl(latents, latents @ rotation(5) + noise * space(4), perplexity=8)
            for noise in (0, 0.1, 0.5, 3)
        ]
        assert found[0] == pytest.approx(0, abs=1e-9)
        assert found == sorted(found)
        assert found[-1] > 0.3

    def test_items_far_away_give_no_infinity(self):
        first, second = space(0), space(1)
        first[0], second[1] = 1e8, -1e8
        for direction in ((first, second), (second, first)):
            assert math.isfinite(neighbour_kl(*direction, perplexity=5))
            assert math.isfinite(neighbour_kl_as_published(*direction, perplexity=5))


class TestCka:
    def test_it_is_the_normalised_hsic_of_centred_grams(self):
        first, second = space(0).numpy(), space(1, dim=3).numpy()
        centre = np.eye(60) - 1 / 60
        grams = [centre @ x @ x.T @ centre for x in (first, second)]
        cross = np.trace(grams[0] @ grams[1])
        own = math.sqrt(np.prod([np.trace(gram @ gram) for gram in grams]))
        assert linear_cka(space(0), space(1, dim=3)) == pytest.approx(cross / own)

    def test_debiased_it_is_the_estimator_over_distinct_items(self):
        """The mean over all quadruples of items, of which the formula is the short form."""
        n = 7
        first, second = space(0, n, 2), space(1, n, 3)
        assert debiased_linear_cka(first, second) == pytest.approx(
            quadruples(first, second)
            / math.sqrt(quadruples(first, first) * quadruples(second, second))
        )

    @pytest.mark.parametrize("cka", SYMMETRIC)
    def test_rotation_scale_and_place_do_not_matter(self, cka):
        latents, other = space(0), space(1, dim=8)
        moved = 1e-4 * latents @ rotation(5) + 3
        assert cka(latents, moved) == pytest.approx(1)
        assert cka(moved, other) == pytest.approx(cka(other, latents), abs=1e-9)

    def test_unrelated_spaces_of_many_dimensions_are_alike_by_chance_unless_debiased(self):
        spaces = [(space(2 * seed, 40, 200), space(2 * seed + 1, 40, 200)) for seed in range(20)]
        assert all(linear_cka(*pair) > 0.7 for pair in spaces)
        debiased = [debiased_linear_cka(*pair) for pair in spaces]
        assert abs(np.mean(debiased)) < 0.03
        assert min(debiased) < 0

    @pytest.mark.parametrize("cka", SYMMETRIC)
    def test_one_point_has_no_shape(self, cka):
        for latents in (torch.full((8, 3), 0.1), torch.zeros(8, 3)):
            with pytest.raises(ValueError, match="all items share one point"):
                cka(space(0, 8), latents)

    def test_three_items_are_too_few_to_debias(self):
        with pytest.raises(ValueError, match="same 4 or more items: got 3 and 3"):
            debiased_linear_cka(space(0, 3), space(1, 3))


def quadruples(x, y):
    """Mean of <x_i, x_j> (<y_i, y_j> + <y_q, y_r> - 2 <y_i, y_q>) over distinct i, j, q, r."""
    n = len(x)
    k, m = (x @ x.T).numpy(), (y @ y.T).numpy()
    values = [
        k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q])
        for i in range(n)
        for j in range(n)
        for q in range(n)
        for r in range(n)
        if len({i, j, q, r}) == 4
    ]
    return np.mean(values)


class TestTrustworthiness:
    def test_it_is_the_sum_of_the_ranks_of_strangers(self):
        first, second, k, n = space(0, 30), space(1, 30, 2), 4, 30
        near = [torch.cdist(each, each).fill_diagonal_(math.inf) for each in (first, second)]
        order = [each.argsort(1).tolist() for each in near]
        penalty = sum(
            order[0][i].index(j) + 1 - k
            for i in range(n)
            for j in order[1][i][:k]
            if j not in order[0][i][:k]
        )
        expected = 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * penalty
        assert trustworthiness(first, second, k=k) == pytest.approx(expected)

    def test_the_same_space_is_trusted_and_another_one_less(self):
        latents = space(0)
        assert trustworthiness(latents, 2 * latents @ rotation(5), k=8) == 1
        assert 0.3 < trustworthiness(latents, space(1), k=8) < 0.7

    def test_k_is_below_half_the_items(self):
        for k in (0, 5, 6, 100):
            with pytest.raises(ValueError, match=f"below half the items: got {k} with 10 items"):
                trustworthiness(space(0, 10), space(1, 10), k=k)


@pytest.mark.parametrize("metric", OF_TWO.values(), ids=OF_TWO)
class TestEveryMetric:
    def test_refuses_spaces_of_different_items(self, metric):
        with pytest.raises(ValueError, match="got 20 and 19"):
            metric(space(0, 20), space(1, 19))

    @pytest.mark.parametrize("n", [0, 1])
    def test_refuses_one_item_and_none(self, metric, n):
        with pytest.raises(ValueError, match=f"or more items: got {n} and {n}"):
            metric(space(0, n), space(1, n))

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_refuses_what_is_not_finite_in_either(self, metric, value):
        bad = space(0)
        bad[3, 2] = value
        for pair in ((bad, space(1)), (space(1), bad)):
            with pytest.raises(ValueError, match="finite numbers: got NaN or infinity"):
                metric(*pair)

    def test_does_not_care_for_the_order_of_items(self, metric):
        first, second = space(0), first_and_noise()
        order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
        value = metric(first, second)
        assert metric(first[order], second[order]) == pytest.approx(value, abs=1e-9)

    def test_takes_float32(self, metric):
        first, second = space(0), first_and_noise()
        value = metric(first, second)
        assert metric(first.float(), second.float()) == pytest.approx(value, abs=1e-4)


def first_and_noise():
    return space(0) + 0.3 * space(1)
