"""Density and coverage, against their definitions written out and against what is known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from no_checks import no_checks

from synvae_core.metrics import coverage
from synvae_core.metrics.coverage import (
    density_and_coverage,
    density_and_coverage_by_class,
    expected_coverage,
)


def normal(n: int, f: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, f, generator=torch.Generator().manual_seed(seed))


def by_definition(real: np.ndarray, made: np.ndarray, k: int) -> tuple[float, float]:
    """Equations 3 and 4 of the paper, item by item."""
    inside = np.zeros((len(real), len(made)))
    for i, centre in enumerate(real):
        others = [float(np.linalg.norm(centre - each)) for j, each in enumerate(real) if j != i]
        radius = sorted(others)[k - 1]
        for j, each in enumerate(made):
            inside[i, j] = np.linalg.norm(centre - each) < radius
    return inside.sum() / (k * len(made)), (inside.max(1) > 0).mean()


@given(
    n=st.integers(3, 15),
    m=st.integers(1, 15),
    k=st.integers(1, 14),
    tile=st.sampled_from([1, 40, 1 << 22]),
    seed=st.integers(0, 1000),
)
def test_they_are_what_the_paper_defines(n, m, k, tile, seed):
    k = min(k, n - 1)
    real, made = normal(n, 3, seed), 0.5 + normal(m, 3, seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coverage, "TILE_ELEMENTS", tile)
        found = density_and_coverage(real, made, k=k)
    assert found == pytest.approx(by_definition(real.double().numpy(), made.double().numpy(), k))


def test_a_line_of_points_has_known_values():
    # balls of k = 1: (-1, 1), (0, 2), (1, 3) about 0, 1, 2, and (2, 18) about 10
    real = torch.tensor([[0.0], [1.0], [2.0], [10.0]])
    made = torch.tensor([[0.5], [17.9], [40.0]])
    found = density_and_coverage(real, made, k=1)
    assert found == pytest.approx((3 / 3, 3 / 4))
    # where a ball ends, it holds nothing: 1 lies in its own alone
    assert density_and_coverage(real, torch.tensor([[1.0]]), k=1) == pytest.approx((1, 1 / 4))


def test_the_real_items_themselves_have_density_and_coverage_of_one():
    real = normal(200, 6)
    for k in (1, 5, 20):
        assert density_and_coverage(real, real, k=k) == (1, 1)


def test_what_lies_far_away_has_neither():
    assert density_and_coverage(normal(50, 4), 100 + normal(50, 4)) == (0, 0)


def test_one_archetype_is_as_dense_as_what_is_real_and_covers_little():
    real = normal(400, 2)
    found = density_and_coverage(real, torch.zeros(400, 2))
    assert found.density > 0.5
    assert found.coverage < 0.05


def test_same_distributions_meet_the_expectation():
    trials = [density_and_coverage(normal(60, 3, s), normal(40, 3, 999 + s)) for s in range(200)]
    density, covered = np.mean(trials, axis=0)
    assert density == pytest.approx(1, abs=0.03)
    assert covered == pytest.approx(expected_coverage(60, 40), abs=0.01)


def test_expected_coverage_is_that_of_the_lemma():
    # of 2 real companions and 2 made ones, the nearest is real in half of the cases
    assert expected_coverage(3, 2, k=1) == pytest.approx(1 - 2 / 4)
    assert expected_coverage(3, 2, k=2) == pytest.approx(1 - 2 / 4 * 1 / 3)
    assert expected_coverage(30, 30) > 0.95  # so the paper chooses its k


def test_classes_are_measured_apart():
    labels = torch.arange(60) % 2
    real = normal(60, 3) + 100 * labels[:, None]
    made, meant = real.clone(), torch.arange(60) % 2
    made[1] = real[0]  # meant for 1 and looks like 0
    found = density_and_coverage_by_class(real, labels, made, meant, k=3)
    assert found[0] == (1, 1)
    assert found[1].density < 1
    apart = density_and_coverage(real[labels == 1], made[meant == 1], k=3)
    assert found[1] == apart


@pytest.mark.parametrize(
    ("real", "made", "k", "message"),
    [
        (normal(6, 2), normal(3, 2), 6, "got k = 6 with 6 real items"),
        (normal(6, 2), normal(3, 2), 0, "got k = 0"),
        (normal(1, 2), normal(3, 2), 1, "with 1 real items"),
        (normal(6, 2), normal(3, 4), 1, "same dimensions: got 2 and 4"),
        (torch.zeros(0, 2), normal(3, 2), 1, "real items have shape"),
        (normal(6, 2), torch.zeros(0, 2), 1, "made items have shape"),
        (normal(6, 2), normal(6, 2)[0], 1, "made items have shape"),
        (normal(6, 2), torch.full((3, 2), torch.nan), 1, "made items are finite"),
        (torch.full((6, 2), torch.inf), normal(3, 2), 1, "real items are finite"),
    ],
)
def test_hostile_input_is_refused(real, made, k, message):
    with no_checks(), pytest.raises(ValueError, match=message):
        density_and_coverage(real, made, k=k)


def test_the_class_at_fault_is_named():
    real, labels = normal(10, 2), torch.arange(10) // 9
    with pytest.raises(ValueError, match="class 1: k is 1 to real items"):
        density_and_coverage_by_class(real, labels, real, labels, k=3)
    with pytest.raises(ValueError, match="class 7: real items have shape"):
        density_and_coverage_by_class(real, labels, real, torch.full((10,), 7), k=3)
    with pytest.raises(ValueError, match="no generated item"):
        density_and_coverage_by_class(real, labels, real[:0], labels[:0])
    with no_checks(), pytest.raises(ValueError, match="each made item has one label"):
        density_and_coverage_by_class(real, labels, real, labels[:3])
    for numbers in ((5, 0), (5, 3), (0, 9)):
        with pytest.raises(ValueError, match="expected 1 <= k < real items"):
            expected_coverage(*numbers)
