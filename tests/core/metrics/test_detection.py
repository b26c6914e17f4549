import numpy as np
import pytest

from synvae_core.metrics.detection import (
    area_under_curve,
    share_above,
    share_not_above,
    threshold_for,
)

RNG = np.random.default_rng(0)


def test_so_many_of_what_belongs_are_above_the_threshold():
    scores = RNG.permutation(np.arange(100.0))
    threshold = threshold_for([scores], false_alarms=0.05)
    assert threshold == 94
    assert share_above(scores, threshold).value == 0.05
    assert threshold_for([scores], false_alarms=0.0) == 99
    assert threshold_for([scores], false_alarms=1.0) == 0


def test_each_group_counts_as_much_however_large_it_is():
    few, many = np.arange(10.0), 100 + np.arange(1000.0)
    # 5 % of both are 10 % of either half, here of the higher one
    assert share_above(many, threshold_for([few, many], false_alarms=0.05)).value == 0.1
    assert share_above(few, threshold_for([few + 2000, many], false_alarms=0.05) - 2000).right == 1


def test_equal_scores_are_on_one_side():
    assert threshold_for([np.zeros(20)], false_alarms=0.05) == 0
    assert share_not_above(np.zeros(3), 0).value == 1


@pytest.mark.parametrize("groups", [[], [np.zeros(0)], [np.zeros(2), np.array([np.nan])]])
def test_no_or_broken_scores_give_no_threshold(groups):
    with pytest.raises(ValueError, match="finite scores"):
        threshold_for(groups, false_alarms=0.05)


def test_a_share_is_no_percentage():
    with pytest.raises(ValueError, match="0 to 1, got 5"):
        threshold_for([np.zeros(2)], false_alarms=5)


def test_the_area_is_the_share_of_pairs_in_order():
    belong, others = RNG.normal(size=30).round(1), RNG.normal(0.5, size=40).round(1)
    pairs = others[:, None] - belong
    expected = ((pairs > 0) + (pairs == 0) / 2).mean()
    assert area_under_curve(belong, others) == pytest.approx(expected)
    with pytest.raises(ValueError, match="both are needed: got 0 and 40"):
        area_under_curve(belong[:0], others)
