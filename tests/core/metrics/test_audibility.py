"""Scores of distances: known answers, independent references, ties."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.manifold import trustworthiness

from synvae_core.metrics.audibility import (
    audibility,
    class_precision,
    class_spread,
    neighbours_kept,
    rank_correlation,
    trustworthiness_of_distances,
    twin_share,
)
from synvae_core.metrics.neighbour_labels import neighbour_precision
from synvae_core.types import TooFewError


def points(seed, n=40, dim=3):
    return np.random.default_rng(seed).normal(size=(n, dim))


def distances(places):
    return cdist(places, places)


CLUSTERS = distances(np.repeat([[0.0], [10.0]], 6, 0) + np.arange(12)[:, None] / 100)
CLASSES = np.repeat([0, 1], 6)


def test_precision_of_clusters_is_perfect_until_their_items_are_used_up():
    assert class_precision(CLUSTERS, CLASSES, k=5) == 1
    assert class_precision(CLUSTERS, CLASSES, k=10) == 0.5
    assert class_precision(CLUSTERS, np.arange(12) % 2, k=1) == 0


def test_ties_are_broken_by_lot_and_not_by_the_order_of_the_items():
    equal = 1 - np.eye(12)
    for order in (np.arange(12), np.random.default_rng(0).permutation(12)):
        assert class_precision(equal, CLASSES[order], k=1) == pytest.approx(5 / 11)
        assert class_precision(equal, CLASSES[order], k=7) == pytest.approx(5 / 11)


def test_one_label_of_several_is_a_class():
    one_hot = np.eye(2, dtype=bool)[CLASSES]
    assert audibility(*[distances(points(0))] * 2, np.arange(40) % 3) == audibility(
        *[distances(points(0))] * 2, np.eye(3, dtype=bool)[np.arange(40) % 3]
    )
    assert class_spread(CLUSTERS, one_hot) == class_spread(CLUSTERS, CLASSES)


@pytest.mark.parametrize("k", [1, 7])
def test_precision_of_several_labels_is_that_of_latents(k):
    places, carried = points(0), np.random.default_rng(1).random((40, 4)) < 0.4
    latents, labels = torch.from_numpy(places), torch.from_numpy(carried)
    expected = neighbour_precision(latents, labels, ks=(k,))[k].weighted
    assert class_precision(distances(places), carried, k=k) == pytest.approx(expected)


def test_spread_of_several_labels_is_within_pairs_that_share_one():
    carried = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]], bool)
    apart = np.arange(16.0).reshape(4, 4)
    apart += apart.T
    spread = class_spread(apart, carried)
    assert spread.within == apart[0, 1]
    assert spread.between == (apart[:2, 2:].sum() + apart[2, 3]) / 5
    assert "precision_at_1" not in audibility(*[distances(points(0))] * 2, np.ones((40, 1), bool))


def test_neighbours_are_kept_by_the_same_space_and_by_chance_in_another():
    first, second = distances(points(0, 200)), distances(points(1, 200))
    assert neighbours_kept(first, 3 * first) == 1
    assert neighbours_kept(first, second) == pytest.approx(10 / 199, abs=0.02)


def test_rank_correlation():
    first, second = distances(points(0)), distances(points(1))
    assert rank_correlation(first, np.exp(first)) == pytest.approx(1)
    assert rank_correlation(first, -first) == pytest.approx(-1)
    assert abs(rank_correlation(first, second)) < 0.15
    assert rank_correlation(first, np.zeros_like(first)) == 0
    with pytest.raises(TooFewError, match="of 1 items"):
        rank_correlation(first[:1, :1], second[:1, :1])


@pytest.mark.parametrize("k", [1, 5, 12])
def test_trustworthiness_is_that_of_scikit_learn(k):
    first, second = points(0), points(1)
    expected = trustworthiness(first, second, n_neighbors=k)
    found = trustworthiness_of_distances(distances(first), distances(second), k=k)
    assert found == pytest.approx(expected)
    assert trustworthiness_of_distances(distances(first), distances(first), k=k) == 1


def test_spread_and_twins():
    spread = class_spread(CLUSTERS, CLASSES)
    assert spread.within < 0.1
    assert spread.between == pytest.approx(10, abs=0.1)
    others = CLUSTERS.sum() / (12 * 11)
    assert twin_share(np.full(12, others / 4), CLUSTERS) == pytest.approx(0.25)
    assert twin_share(np.zeros(12), CLUSTERS) == 0


def test_all_scores_of_one_ear_have_names_and_ranges():
    scores = audibility(distances(points(0)), distances(points(1)), np.arange(40) % 4)
    assert scores.keys() >= {"precision_at_1", "precision_at_10", "rank_correlation"}
    for name in ("precision_at_1", "precision_at_10", "trustworthiness", "neighbours_kept"):
        assert 0 <= scores[name] <= 1


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="k is 1 to 11, of 12 items: got 12"):
        class_precision(CLUSTERS, CLASSES, k=12)
    with pytest.raises(ValueError, match="NaN or infinity"):
        class_precision(np.where(CLUSTERS > 9, np.nan, CLUSTERS), CLASSES, k=1)
    with pytest.raises(ValueError, match="below half the items"):
        trustworthiness_of_distances(CLUSTERS, CLUSTERS, k=6)
    with pytest.raises(ValueError, match="two of each of two classes"):
        class_spread(CLUSTERS, np.arange(12))
    with pytest.raises(ValueError, match="all melodies are the same"):
        twin_share(np.zeros(3), np.zeros((3, 3)))
