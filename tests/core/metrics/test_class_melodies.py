"""What tells classes of melodies apart, against scipy's analysis of variance and pair by pair."""

from itertools import combinations

import numpy as np
import pytest
from no_checks import no_checks
from scipy.stats import f_oneway

from synvae_core.metrics.class_melodies import class_features, class_spread
from synvae_core.metrics.diversity import melody_spread
from synvae_core.metrics.melody import FEATURE_NAMES, melody_features
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE


def random_events(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random((n, 32)) < 0.3, rng.integers(0, 90, (n, 32)), 0)


def scale(pitch, *, notes=8):
    """So many eighths upwards from a pitch."""
    return ONE_VOICE.events([Note(2 * i, 2 * i + 2, pitch + i) for i in range(notes)], steps=32)


def test_features_by_class_agree_with_an_analysis_of_variance():
    events, classes = random_events(90), np.arange(90) % 4 * 3
    found, features = class_features(events, classes), melody_features(events)
    groups = [features[classes == c] for c in (0, 3, 6, 9)]
    assert found.classes.tolist() == [0, 3, 6, 9]
    assert found.counts.tolist() == [23, 23, 22, 22]
    np.testing.assert_allclose(found.means, [group.mean(0) for group in groups])
    varies = np.ptp(features, axis=0) > 0
    f, p = f_oneway(*(group[:, varies] for group in groups))
    np.testing.assert_allclose(found.f[varies], f, rtol=1e-7)
    np.testing.assert_allclose(found.p[varies], p, rtol=1e-6)
    # eta squared follows from F and its degrees of freedom
    np.testing.assert_allclose(found.share[varies], 3 * f / (3 * f + 86), rtol=1e-7)
    assert (found.f[~varies] == 0).all()
    effects = (found.means - features.mean(0))[:, varies] / features.std(0)[varies]
    np.testing.assert_allclose(found.effects[:, varies], effects)


def test_a_feature_that_alone_differs_comes_first_and_one_that_never_varies_tells_nothing():
    rng = np.random.default_rng(0)
    low, high = ([scale(int(p)) for p in rng.integers(at, at + 5, 30)] for at in (40, 70))
    found = class_features(np.array(low + high), np.repeat([0, 1], 30))
    assert found.ranked()[0] == "pitch_mean"
    pitch, onsets = (FEATURE_NAMES.index(name) for name in ("pitch_mean", "onsets"))
    assert found.share[pitch] > 0.95
    assert found.p[pitch] < 1e-20
    assert (found.f[onsets], found.p[onsets], found.share[onsets]) == (0, 1, 0)
    assert (found.effects[:, onsets] == 0).all()
    assert found.effects[0, pitch] == pytest.approx(-found.effects[1, pitch])
    assert np.isfinite([found.share, found.p, *found.effects]).all()


def test_classes_that_are_drawn_by_lot_do_not_differ():
    events = random_events(400)
    classes = np.random.default_rng(1).integers(0, 4, 400)
    found = class_features(events, classes)
    assert 0.5 < np.mean(found.f[found.f > 0]) < 1.7
    assert found.share.max() < 0.05


def test_one_tune_for_each_class_is_told_for_sure():
    events = np.repeat([scale(40), scale(60, notes=5)], 10, axis=0)
    found = class_features(events, np.repeat([0, 1], 10))
    at = FEATURE_NAMES.index("onsets")
    assert found.share[at] == pytest.approx(1)
    assert found.f[at] > 1e9
    spread = class_spread(events, np.repeat([0, 1], 10))
    assert spread.unlike.diagonal().tolist() == [0, 0]
    # the longer one plays for 16 steps
    assert spread.unlike[0, 1] == spread.unlike[1, 0] == 16 / 32


def test_spread_agrees_with_a_count_pair_by_pair():
    events, classes = random_events(40), np.arange(40) % 3
    heard = ONE_VOICE.sounding(events)
    expected = {(a, b): [] for a in range(3) for b in range(3)}
    for i, j in combinations(range(40), 2):
        for a, b in {(classes[i], classes[j]), (classes[j], classes[i])}:
            expected[a, b].append((heard[i] != heard[j]).mean())
    found = class_spread(events, classes)
    for (a, b), values in expected.items():
        assert found.unlike[a, b] == pytest.approx(np.mean(values))
    whole = melody_spread(events, classes)
    pairs = np.bincount(classes) * (np.bincount(classes) - 1)
    within = (found.unlike.diagonal() * pairs).sum() / pairs.sum()
    assert within == pytest.approx(whole["within_classes"])


def test_many_melodies_are_drawn_by_the_seed(monkeypatch):
    monkeypatch.setattr("synvae_core.metrics.class_melodies.MOST", 20)
    events, classes = random_events(300), np.arange(300) % 2
    one, again = (class_spread(events, classes, seed=3).unlike for _ in range(2))
    assert (one == again).all()
    assert (one != class_spread(events, classes, seed=4).unlike).any()
    everything = melody_spread(events, classes)["between_classes"]
    assert one[0, 1] == pytest.approx(everything, abs=0.1)


@pytest.mark.parametrize("function", [class_features, class_spread])
@pytest.mark.parametrize(
    ("events", "classes", "message"),
    [
        (random_events(5), np.arange(4), "5 melodies, classes of shape"),
        (random_events(5), np.zeros(5, int), "got 1 of them"),
        (random_events(0), np.zeros(0, int), "got 0 of them"),
        (random_events(1), np.zeros(1, int), "got 1 of them"),
        (random_events(4), np.eye(4, dtype=int), "classes of shape"),
        (random_events(4) + 90, np.arange(4) % 2, "90"),
    ],
)
def test_hostile_input_is_refused(function, events, classes, message):
    with no_checks(), pytest.raises(ValueError, match=message):
        function(events, classes)


def test_classes_of_one_melody_are_refused():
    with pytest.raises(ValueError, match=r"classes \[2\] have one each"):
        class_spread(random_events(5), np.array([0, 0, 1, 1, 2]))
    with pytest.raises(ValueError, match="more melodies than classes: got 3 melodies of 3"):
        class_features(random_events(3), np.arange(3))
