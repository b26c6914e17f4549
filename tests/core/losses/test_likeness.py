"""Likeness: a distance-preserving embedding up to scale, and distances by ear."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr

from synvae_core.losses import Likeness, distance_mismatch, likeness_losses
from synvae_core.types import Decoded, Posterior, SynVaeOutput


def points(n, dim, seed=0):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def output(mu, heard):
    """An output of SynVAE with these visual and auditive means."""
    notes = torch.zeros(len(mu), 2, 90)
    picture = torch.zeros(len(mu), 1, 4, 4)
    visual, auditive = (Posterior(each, torch.zeros_like(each)) for each in (mu, heard))
    return SynVaeOutput(picture, visual, mu, Decoded(notes, notes), auditive)


def test_the_mismatch_is_one_less_the_correlation_of_scipy():
    found, wanted = points(12, 3), points(12, 5, seed=1)
    expected = 1 - pearsonr(pdist(found.numpy()), pdist(wanted.numpy())).statistic
    assert distance_mismatch(found, wanted).item() == pytest.approx(expected, abs=1e-9)


def test_gradients_are_the_same_digit_for_digit_with_two_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = points(128, 45).float().requires_grad_()
        wanted = points(128, 20, seed=1).float()
        gradients = {
            torch.autograd.grad(distance_mismatch(found, wanted), found)[0].numpy().tobytes()
            for _ in range(20)
        }
    finally:
        torch.set_num_threads(threads)
    assert len(gradients) == 1


@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100.0), shift=st.floats(-10.0, 10.0))
def test_rigid_motions_and_scale_change_nothing(seed, scale, shift):
    found, wanted = points(9, 4, seed), points(9, 4, seed + 1)
    turn = torch.linalg.qr(points(4, 4, seed + 2)).Q
    moved = scale * found @ turn + shift
    torch.testing.assert_close(distance_mismatch(moved, wanted), distance_mismatch(found, wanted))
    assert distance_mismatch(moved, found).item() == pytest.approx(0, abs=1e-9)


def test_gradient_descent_lays_points_out_as_their_targets_lie():
    wanted = points(20, 2, seed=1)
    found = points(20, 3).requires_grad_()
    optimizer = torch.optim.Adam([found], 0.05)
    before = distance_mismatch(found, wanted).item()
    for _ in range(300):
        optimizer.zero_grad()
        distance_mismatch(found, wanted).backward()
        optimizer.step()
    assert before > 0.5
    assert distance_mismatch(found, wanted).item() < 0.02


@pytest.mark.parametrize("n", [1, 2, 3, 8])
@pytest.mark.parametrize("all_equal", ["points", "targets", "both", "some"])
def test_equal_points_and_small_batches_give_finite_gradients(n, all_equal):
    found, wanted = points(n, 3).float(), points(n, 2, seed=1).float()
    if all_equal in ("points", "both"):
        found = found.new_ones(n, 3)
    if all_equal in ("targets", "both"):
        wanted = wanted.new_zeros(n, 2)
    if all_equal == "some":
        found[: n // 2] = found[0]
        wanted[n // 2 :] = wanted[0]
    found.requires_grad_()
    mismatch = distance_mismatch(found, wanted)
    mismatch.backward()
    assert 0 <= mismatch.item() <= 2
    assert found.grad.isfinite().all()
    if n <= 2 or all_equal != "some":
        assert mismatch.item() == pytest.approx(1, abs=1e-4)


def test_the_loss_is_the_weighted_sum_of_its_terms():
    mu, moved, heard = (points(6, 3, seed).float() for seed in range(3))
    targets = points(6, 2, seed=3).float()
    likeness = Likeness(2.0, 0.5, 0.25, 3.0, audible=(1.0, 2.0, 0.0))
    found = likeness_losses(output(mu, heard), likeness, targets=targets, moved=moved)
    weights = torch.tensor([1.0, 2.0, 0.0])
    steadiness = ((mu - moved) * weights).square().sum(1) / 5
    distance = ((mu - heard) * weights).square().sum(1) / 5
    mismatch = distance_mismatch(mu * weights, targets)
    torch.testing.assert_close(found["steadiness"], steadiness)
    torch.testing.assert_close(found["heard_distance"], distance)
    torch.testing.assert_close(found["likeness"], mismatch.expand(6))
    told = distance_mismatch(heard * weights, targets)
    torch.testing.assert_close(found["heard_likeness"], told.expand(6))
    expected = 2 * mismatch + 0.5 * steadiness + 0.25 * distance + 3 * told
    torch.testing.assert_close(found["loss"], expected)


def test_it_moves_what_is_heard_of_the_picture_and_not_what_is_heard_of_the_notes():
    mu, heard = points(6, 3).float().requires_grad_(), points(6, 3, seed=1).float().requires_grad_()
    likeness = Likeness(1.0, commitment=1.0, audible=(1.0, 1.0, 0.0))
    targets = points(6, 2, seed=2).float()
    likeness_losses(output(mu, heard), likeness, targets=targets)["loss"].sum().backward()
    assert heard.grad is None
    assert mu.grad[:, :2].all()
    assert not mu.grad[:, 2].any()


def test_what_is_heard_moves_where_it_is_asked_for():
    mu, heard = points(6, 3).float(), points(6, 3, seed=1).float().requires_grad_()
    likeness = Likeness(0.0, heard=1.0, audible=(1.0, 1.0, 0.0))
    targets = points(6, 2, seed=2).float()
    likeness_losses(output(mu, heard), likeness, targets=targets)["loss"].sum().backward()
    assert heard.grad[:, :2].all()
    assert not heard.grad[:, 2].any()


def test_notes_far_out_pull_no_farther_than_three():
    mu, far = torch.zeros(1, 2), torch.full((1, 2), 50.0)
    found = likeness_losses(output(mu, far), Likeness(commitment=1.0))
    assert found["loss"].item() == 9


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"likeness": -1.0}, "0 or more"),
        ({"steadiness": math.nan}, "finite"),
        ({"heard": -0.1}, "0 or more"),
        ({"audible": (1.0, -1.0)}, "0 or more"),
        ({"audible": (0.0, 0.0)}, "no latent is heard"),
    ],
)
def test_weights_that_make_no_sense_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        Likeness(**weights)


def test_weights_of_another_melody_model_are_refused():
    mu = torch.zeros(4, 3)
    with pytest.raises(ValueError, match=r"2 weights, expected 3"):
        likeness_losses(output(mu, mu), Likeness(1.0, audible=(1.0, 1.0)))
