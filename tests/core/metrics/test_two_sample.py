"""Two-sample classifiers: 0.5 where there is nothing to tell, 1 where there is, no tune leaking."""

import numpy as np
import pytest

from synvae_core.metrics.two_sample import two_sample_auc, two_sample_scores
from synvae_core.music.melody import ONE_VOICE
from synvae_core.types import TooFewError


def random_events(n: int, seed: int = 0, *, notes: float = 0.4, low: int = 40, high: int = 60):
    rng = np.random.default_rng(seed)
    played = rng.random((n, 32)) < notes
    return np.where(played, rng.integers(low, high, (n, 32)), rng.integers(0, 2, (n, 32)))


@pytest.mark.slow
@pytest.mark.parametrize("hears", ["features", "events"])
def test_one_distribution_cannot_be_told_from_itself(hears):
    first, second = random_events(400, 1), random_events(400, 2)
    auc = two_sample_auc(first, second, hears=hears)
    assert auc == pytest.approx(0.5, abs=0.07)  # three standard errors are 0.06
    assert two_sample_auc(first, second, hears=hears) == auc
    assert two_sample_auc(first, second, hears=hears, seed=1) != auc


@pytest.mark.slow
def test_different_distributions_are_told_apart():
    corpus = random_events(300, 1)
    octave_up = random_events(300, 2, low=52, high=72)
    a_little_busier = random_events(300, 4, notes=0.45)
    busier = random_events(300, 3, notes=0.6)
    assert two_sample_auc(corpus, octave_up) > 0.99
    assert 0.58 < two_sample_auc(corpus, a_little_busier) < two_sample_auc(corpus, busier)


def test_events_in_another_order_are_heard_though_every_feature_is_the_same():
    events = np.zeros((300, 32), np.int64)
    rng = np.random.default_rng(0)
    events[:, ::8] = 40
    events[:, 4::8] = rng.integers(42, 60, (300, 4))
    mirrored = np.where(events > 40, 80 - events, events)  # each interval turned round
    shift = (rng.integers(0, 5, (300, 1))) * (events > 0)
    first, second = events + shift, mirrored + shift + 10 * (events > 0)
    assert two_sample_auc(first, second, hears="events") > 0.9


def test_of_more_than_two_bars_the_form_is_heard():
    """Pieces of the same bars, some in the order A B A B, the others in the order A A B B."""
    bars = random_events(120).reshape(120, 2, 16)
    alternating, doubled = (bars[:, order].reshape(120, 64) for order in ([0, 1] * 2, [0, 0, 1, 1]))
    assert two_sample_auc(alternating[:60], doubled[60:]) > 0.95
    assert two_sample_auc(alternating[:60], alternating[60:]) == pytest.approx(0.5, abs=0.2)


def test_auc_does_not_care_which_set_comes_first_or_is_larger():
    small, large = random_events(60), random_events(600, 1)
    assert two_sample_auc(small, ONE_VOICE.transpose(large, 25)) > 0.97
    assert two_sample_auc(ONE_VOICE.transpose(large, 25), small) > 0.97
    assert two_sample_auc(small, large) == pytest.approx(0.5, abs=0.15)


@pytest.mark.slow
def test_windows_of_one_tune_do_not_give_away_the_others():
    """20 tunes of 20 nearly equal windows against windows of their own: both are the same music."""
    rng = np.random.default_rng(0)
    tune = np.repeat(np.arange(20), 20)
    windows = random_events(20, 1)[tune]
    at = rng.integers(0, 32, len(windows))
    windows[np.arange(len(windows)), at] = 0  # one event of each is missing
    others = random_events(400, 2)
    assert two_sample_auc(windows, others) > 0.7  # knows the tunes by their other windows
    assert two_sample_auc(windows, others, tunes=tune) < 0.6
    found = two_sample_scores(windows, tune, others)
    assert found["auc_plain_folds"] > 0.7 and found["auc"] < 0.6 and found["auc_events"] < 0.7
    half = np.arange(400) % 2 == 0  # both sets are of the same tunes
    a, b = windows[half], windows[~half]
    assert two_sample_auc(a, b, tunes=tune[half], other_tunes=tune[~half]) < 0.65


@pytest.mark.slow
def test_melodies_of_one_kind_are_known_by_each_other_and_not_where_kinds_are_kept_apart():
    """Twenty families of nearly equal melodies, of the same music as the windows."""
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.arange(20), 20)
    melodies = random_events(20, 1)[kinds]
    melodies[np.arange(len(melodies)), rng.integers(0, 32, len(melodies))] = 0
    windows, tune = random_events(400, 2), np.arange(400)
    found = two_sample_scores(windows, tune, melodies, kinds=kinds)
    assert found["auc_events"] > 0.7 > 0.6 > found["auc_events_other_kinds"]
    assert found["auc"] > 0.7 > 0.65 > found["auc_other_kinds"]
    # What all have is told as before.
    higher = two_sample_scores(windows, tune, ONE_VOICE.transpose(melodies, 20), kinds=kinds)
    assert higher["auc_other_kinds"] > 0.95 and higher["auc_events_other_kinds"] > 0.95
    alone = two_sample_scores(windows, tune, melodies, kinds=np.zeros(400, int))
    assert "auc_other_kinds" not in alone  # one kind cannot be kept apart


def test_auc_needs_a_melody_for_each_fold_and_a_known_classifier():
    events = random_events(10)
    with pytest.raises(ValueError, match="got 5 folds, 4 and 10 melodies"):
        two_sample_auc(events[:4], events)
    with pytest.raises(ValueError, match="at least 2 folds"):
        two_sample_auc(events, events, folds=1)
    with pytest.raises(ValueError, match="hears features or events, not 'lyrics'"):
        two_sample_auc(events, events, hears="lyrics")


@pytest.mark.parametrize("count", [10, 24])
def test_few_melodies_that_have_nothing_in_common_are_told_apart(count):
    low, high = random_events(count, low=10, high=20), random_events(count, low=70, high=80)
    assert two_sample_auc(low, high) > 0.9


def test_each_fold_needs_a_tune():
    events, tunes = random_events(10), np.arange(10) // 5
    with pytest.raises(TooFewError, match="each of 5 folds needs a tune of its own: got 4 tunes"):
        two_sample_auc(events, events, tunes=tunes, other_tunes=10 + tunes)
