import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from scipy.special import logsumexp

from synvae_core.metrics.mutual_information import (
    BOUNDS,
    correlated_gaussians,
    donsker_varadhan,
    estimate,
    info_nce,
    jensen_shannon,
    nwj,
    nwj_as_published,
    smile,
)

EVERY = [*BOUNDS.values(), nwj_as_published, jensen_shannon]
seeds = st.integers(0, 2**31)


def random_scores(seed, n=6, scale=3.0):
    return scale * torch.randn(n, n, generator=torch.Generator().manual_seed(seed)).double()


def best_scores(x, y, nats):
    """The log density ratio of correlated Gaussians: the critic that no training beats."""
    dim = x.shape[1]
    rho2 = 1 - math.exp(-2 * nats / dim)
    x, y = x.double(), y.double()
    squares = x.square().sum(1)[:, None] + y.square().sum(1)
    exponent = (2 * math.sqrt(rho2) * x @ y.T - rho2 * squares) / (2 * (1 - rho2))
    return exponent + nats


def known(nats, n=1500, dim=3, seed=0):
    return correlated_gaussians(
        n, dim=dim, nats=nats, generator=torch.Generator().manual_seed(seed)
    )


@pytest.mark.parametrize("bound", BOUNDS.values(), ids=BOUNDS)
@pytest.mark.parametrize("nats", [0.2, 0.7, 1.5])
def test_the_best_critic_finds_the_known_information(bound, nats):
    found = estimate(bound, best_scores(*known(nats), nats))
    assert found.nats == pytest.approx(nats, abs=0.12)
    assert found.low < found.nats < found.high < found.low + 0.35


@given(seeds)
def test_bounds_agree_with_plain_numpy(seed):
    scores = random_scores(seed).numpy()
    own = np.diag(scores)
    others = scores[~np.eye(6, dtype=bool)]
    clipped = np.clip(others, -5, 5)
    expected = {
        donsker_varadhan: own.mean() - (logsumexp(others) - math.log(30)),
        nwj: own.mean() - np.exp(others).mean() + 1,
        smile: own.mean() - (logsumexp(clipped) - math.log(30)),
        jensen_shannon: -np.logaddexp(0, -own).mean() - np.logaddexp(0, others).mean(),
    }
    for bound, value in expected.items():
        assert bound(torch.from_numpy(scores)).item() == pytest.approx(value)
    entropy = F.cross_entropy(torch.from_numpy(scores), torch.arange(6))
    assert info_nce(torch.from_numpy(scores)).item() == pytest.approx(math.log(6) - entropy.item())


@given(seeds)
def test_the_published_estimator_is_that_over_all_cyclic_shifts(seed):
    scores = random_scores(seed)
    index = torch.arange(6)
    shifted = torch.cat([scores[index, index.roll(shift)] for shift in range(6)])
    expected = scores.diagonal().mean() - shifted.exp().mean() + 1
    assert nwj_as_published(scores).item() == pytest.approx(expected.item())


@given(seeds, st.floats(0.01, 60), st.integers(2, 12))
def test_no_score_gets_beyond_the_ceilings_nor_nwj_beyond_donsker_varadhan(seed, scale, n):
    for scores in (random_scores(seed, n, scale), scale * torch.eye(n).double()):
        for bound in (info_nce, nwj_as_published):
            assert bound(scores).item() <= math.log(n) + 1e-9
        assert nwj(scores).item() <= donsker_varadhan(scores).item() + 1e-9
        assert jensen_shannon(scores).item() <= 0


def test_the_ceilings_are_reached():
    assert info_nce(100 * torch.eye(8)).item() == pytest.approx(math.log(8), rel=1e-5)
    told = torch.full((8, 8), -100.0).fill_diagonal_(math.log(8))
    assert nwj_as_published(told).item() == pytest.approx(math.log(8))
    # the pairs that belong together are among the others: with them left out, there is no ceiling
    assert nwj(100 * torch.eye(8) - 100).item() == pytest.approx(1)
    assert nwj(told + 20).item() == pytest.approx(21 + math.log(8), rel=1e-4)


@given(seeds)
def test_smile_without_a_clip_is_donsker_varadhan(seed):
    scores = random_scores(seed)
    assert smile(scores, clip=1e9).item() == pytest.approx(donsker_varadhan(scores).item())
    assert smile(scores, clip=1.0).item() != pytest.approx(donsker_varadhan(scores).item())


@given(seeds)
def test_weights_count_examples(seed):
    """Twice the weight is the example twice, never paired with itself."""
    scores = random_scores(seed)
    twice = [0, 0, 1, 2, 3, 4, 5]
    weights = torch.tensor([2.0, 1, 1, 1, 1, 1]).double()
    repeated = scores[twice][:, twice].numpy()
    apart = np.array(twice)[:, None] != np.array(twice)
    own = np.diag(repeated).mean()
    expected = own - np.log(np.exp(repeated[apart]).mean())
    assert donsker_varadhan(scores, weights=weights).item() == pytest.approx(expected)
    expected = own - np.exp(repeated[apart]).mean() + 1
    assert nwj(scores, weights=weights).item() == pytest.approx(expected)
    assert nwj_as_published(scores, weights=weights).item() == pytest.approx(
        own - np.exp(repeated).mean() + 1
    )


@pytest.mark.parametrize("bound", EVERY, ids=lambda bound: bound.__name__)
def test_the_order_and_the_scale_of_weights_do_not_matter(bound):
    scores = random_scores(1)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(0))
    weights = torch.rand(6, generator=torch.Generator().manual_seed(1)).double() + 0.1
    value = bound(scores, weights=weights).item()
    mixed = bound(scores[order][:, order], weights=5 * weights[order]).item()
    assert mixed == pytest.approx(value)
    assert bound(scores, weights=torch.ones(6).double()).item() == pytest.approx(
        bound(scores).item()
    )


@pytest.mark.parametrize("bound", BOUNDS.values(), ids=BOUNDS)
def test_intervals_are_as_wide_as_new_samples_say(bound):
    """The standard error against the spread over fresh sets of examples, and the coverage."""
    nats, values, errors, covered = 0.5, [], [], 0
    exact = estimate(bound, best_scores(*known(nats, n=2500, seed=999), nats)).nats
    for seed in range(60):
        found = estimate(bound, best_scores(*known(nats, n=150, seed=seed), nats))
        values.append(found.nats)
        errors.append((found.high - found.low) / 2 / 1.96)
        covered += found.low <= exact <= found.high
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.3)
    assert covered >= 51  # of 60; 95 % are 57


def test_a_higher_level_gives_a_wider_interval():
    scores = random_scores(0, 50)
    narrow, wide = (estimate(nwj, scores, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.nats == wide.nats < narrow.high < wide.high


def test_estimates_leave_no_graph_and_work_without_gradients():
    scores = random_scores(0).float().requires_grad_()
    with torch.no_grad():
        found = estimate(info_nce, scores)
    assert all(isinstance(value, float) for value in found)
    assert scores.grad is None


def test_gradients_reach_every_score():
    for bound in EVERY:
        scores = random_scores(2, scale=0.5).requires_grad_()
        bound(scores).backward()
        assert torch.isfinite(scores.grad).all()
        assert (scores.grad != 0).all()


def test_gaussians_are_standard_and_correlated_as_asked():
    first, second = known(1.0, n=20_000, dim=2)
    covariance = np.cov(torch.cat([first, second], 1).numpy().T)
    assert np.diag(covariance) == pytest.approx(np.ones(4), abs=0.03)
    assert first.mean(0).abs().max() < 0.03
    # of Gaussians, half the log of the determinants: the blocks' over the whole
    blocks = covariance[:2, :2], covariance[2:, 2:]
    logdets = sum(np.linalg.slogdet(block).logabsdet for block in blocks)
    found = (logdets - np.linalg.slogdet(covariance).logabsdet) / 2
    assert found == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("bound", EVERY, ids=lambda bound: bound.__name__)
@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (torch.zeros(0, 0), "at least two pairs: got 0 rows"),
        (torch.zeros(1, 1), "at least two pairs: got 1 rows"),
        (torch.zeros(3, 2), "got 3 rows and 2 columns"),
        (torch.tensor([[0.0, math.nan], [0, 0]]), "finite: got NaN"),
        (torch.tensor([[0.0, math.inf], [0, 0]]), "finite: got NaN or infinity"),
    ],
)
def test_scores_that_say_nothing_are_refused(bound, scores, message):
    with pytest.raises(ValueError, match=message):
        bound(scores)
    with pytest.raises(ValueError, match=message):
        estimate(bound, scores)


def test_other_bad_input_is_refused():
    scores = random_scores(0)
    with pytest.raises(ValueError, match="6 examples want as many weights: got 5"):
        nwj(scores, weights=torch.ones(5))
    for value in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="weights are finite and above 0"):
            nwj(scores, weights=torch.full((6,), value))
    with pytest.raises(ValueError, match="clip is above 0: got 0"):
        smile(scores, clip=0.0)
    for level in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="level of an interval"):
            estimate(nwj, scores, level=level)
    generator = torch.Generator()
    for n, dim, nats in ((0, 1, 1.0), (1, 0, 1.0), (1, 1, -0.1), (1, 1, math.inf)):
        with pytest.raises(ValueError, match="expected at least one pair"):
            correlated_gaussians(n, dim=dim, nats=nats, generator=generator)
    with pytest.raises((ValueError, TypeCheckError)):
        nwj(torch.zeros(3))
