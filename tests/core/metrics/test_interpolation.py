"""Smoothness of paths: the smoothest, a jump, a detour, and the baseline's expectation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synvae_core.metrics.interpolation import mixed_paths, path_smoothness

FIRST, LAST = np.full(8, 40), np.full(8, 50)


def at(*changed: int) -> np.ndarray:
    """A path whose melodies have taken so many events from the last one, from the front."""
    return np.array([np.where(np.arange(8) < count, LAST, FIRST) for count in changed])[None]


@pytest.mark.parametrize(
    ("changed", "length", "largest", "monotone", "distinct"),
    [
        ((0, 2, 4, 6, 8), 1, 0.25, 1, 1),  # even
        ((0, 0, 0, 8, 8), 1, 1, 1, 0.4),  # a jump
        ((0, 6, 2, 6, 8), 2, 0.75, 0.75, 0.8),  # back and forth
    ],
)
def test_known_paths(changed, length, largest, monotone, distinct):
    smoothness = path_smoothness(at(*changed))
    assert smoothness.to_first[0].tolist() == [count / 8 for count in changed]
    assert smoothness.to_last[0].tolist() == [1 - count / 8 for count in changed]
    assert smoothness.summary() == pytest.approx(
        {"length": length, "largest_step": largest, "monotone": monotone, "distinct": distinct}
    )


def test_a_detour_is_not_on_the_way():
    path = at(0, 4, 8)
    path[0, 1] = 70
    smoothness = path_smoothness(path)
    assert smoothness.length == 2
    assert smoothness.steps.tolist() == [[1, 1]]


@given(hnp.arrays(np.int64, (2, 5, 16), elements=st.integers(0, 89)))
def test_bounds_and_reversal(paths):
    smoothness, back = path_smoothness(paths), path_smoothness(paths[:, ::-1])
    differ = smoothness.to_last[:, 0] > 0
    assert (smoothness.length[differ] >= 1 - 1e-12).all()
    assert (smoothness.largest_step[differ] >= 0.25 - 1e-12).all()  # four steps cover the way
    np.testing.assert_array_equal(np.isnan(smoothness.length), ~differ)
    np.testing.assert_allclose(back.length, smoothness.length)
    np.testing.assert_allclose(back.monotone, smoothness.monotone)
    np.testing.assert_array_equal(back.to_first, smoothness.to_last[:, ::-1])


def test_note_offs_that_nobody_hears_are_no_distance():
    path = np.array([[[1, 40, 0, 1, 1], [0, 40, 0, 1, 0], [0, 40, 0, 1, 1]]])
    smoothness = path_smoothness(path)
    assert not smoothness.steps.any()
    assert smoothness.distinct == pytest.approx(1 / 3)
    assert np.isnan([*smoothness.summary().values()]).all()  # there is nothing between


def test_equal_ends_do_not_spoil_the_mean():
    paths = np.concatenate([at(0, 4, 8), at(0, 4, 0)])
    assert path_smoothness(paths).summary()["length"] == 1


def test_the_baseline_changes_in_proportion_and_starts_where_it_should():
    first, last = np.tile(FIRST, (2000, 1)), np.tile(LAST, (2000, 1))
    paths = mixed_paths(first, last, n=5, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(paths[:, 0], first)
    np.testing.assert_array_equal(paths[:, -1], last)
    share = path_smoothness(paths).to_first.mean(0)
    np.testing.assert_allclose(share, [0, 0.25, 0.5, 0.75, 1], atol=0.02)
    again = mixed_paths(first, last, n=5, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(again, paths)


@given(hnp.arrays(np.int64, (2, 3, 16), elements=st.integers(0, 89)), st.integers(0, 99))
def test_the_baseline_only_copies_or_falls_silent(ends, seed):
    first, last = ends
    paths = mixed_paths(first, last, n=4, rng=np.random.default_rng(seed))
    copied = (paths == first[:, None]) | (paths == last[:, None])
    assert (copied | (paths == 0)).all()  # a note-off without a note becomes a hold


def test_what_is_no_path_is_refused():
    with pytest.raises(ValueError, match="two ends"):
        path_smoothness(FIRST[None, None])
    with pytest.raises(ValueError, match="n = 1"):
        mixed_paths(FIRST[None], LAST[None], n=1, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"0\.\.89"):
        path_smoothness(at(0, 4, 8) + 60)
