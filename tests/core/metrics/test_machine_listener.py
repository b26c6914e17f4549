"""A machine listener: right where sounds differ, at chance where they do not, told nothing else."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

from synvae_core.metrics.machine_listener import (
    LISTENERS,
    Answers,
    can_be_asked,
    find_sounds,
    learning_curve,
    match_pictures,
    members_of,
    nearest_example,
    nearest_mean,
    sit,
    trios,
)

RNG = np.random.default_rng(0)
LABELS = torch.arange(4).repeat(30)
NOISE = RNG.normal(size=(120, 6)) * 5
APART = NOISE / 50 + 100 * np.eye(4, 6)[LABELS]
MEMBERS = members_of(LABELS, (0, 2, 3))


@pytest.mark.parametrize("listener", LISTENERS.values(), ids=LISTENERS)
def test_every_listener_is_right_where_classes_lie_apart_and_guesses_in_noise(listener):
    for task in (match_pictures, find_sounds):
        assert task(APART, MEMBERS, listener=listener).accuracy == 1
        low, high = task(NOISE, MEMBERS, listener=listener).interval(0.999)
        assert low < 1 / 3 < high
    assert learning_curve(APART, MEMBERS, listener=listener, count=2).tolist() == [1, 1]


def test_nearest_mean_is_that_of_scikit_learn_on_standardised_sounds():
    classes = np.repeat(np.arange(3), 8)
    examples, heard = RNG.normal(size=(24, 5)) * 9, RNG.normal(size=(50, 5)) * 9
    scale = StandardScaler().fit(examples)
    reference = NearestCentroid().fit(scale.transform(examples), classes)
    expected = reference.predict(scale.transform(heard))
    np.testing.assert_array_equal(nearest_mean(examples, classes, heard).argmax(1), expected)
    assert nearest_example(examples, classes, examples).argmax(1).tolist() == classes.tolist()


def test_a_feature_that_no_example_varies_counts_little():
    examples = np.array([[0.0, 0.0], [9.0, 0.0], [18.0, 0.0]])
    scores = nearest_mean(examples, np.arange(3), np.array([[9.0, 1.0]]))
    assert scores.argmax() == 1
    assert scores[0, 1] == -1  # one decibel is one standard deviation at least


def test_a_listener_is_given_examples_of_others_and_nothing_more():
    asked = []

    def spy(examples, classes, heard):
        assert not (heard[:, None] == examples).all(-1).any()
        assert np.bincount(classes).tolist() == [5, 5, 5]
        rows = [np.flatnonzero((APART == each).all(1))[0] for each in examples]
        assert LABELS[rows].tolist() == [0] * 5 + [2] * 5 + [3] * 5
        asked.append(heard)
        return np.zeros((len(heard), 3))

    answers = match_pictures(APART, MEMBERS, examples=5, listener=spy)
    np.testing.assert_array_equal(np.concatenate(asked), APART[np.concatenate(MEMBERS)])
    assert answers.truth.tolist() == [0] * 30 + [1] * 30 + [2] * 30
    assert answers.accuracy == pytest.approx(1 / 3)  # who always says the first class
    asked.clear()
    find_sounds(APART, MEMBERS, examples=5, listener=spy)
    assert {len(heard) for heard in asked} == {3}


def test_the_seed_decides_and_another_draws_other_examples():
    first, again, other = (
        match_pictures(NOISE, MEMBERS, examples=1, seed=seed).chosen for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_sitting_keeps_its_examples():
    given, played = [rows[:4] for rows in MEMBERS], [rows[4:9] for rows in MEMBERS]
    answers = sit(APART, given, played)
    assert answers.truth.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert answers.right == 15
    swapped = sit(APART, given, [played[1], played[0], played[2]])
    assert swapped.accuracy == pytest.approx(1 / 3)


def test_every_three_classes_are_tried():
    found = trios(APART, LABELS, classes=range(4), examples=2)
    assert list(found) == list(combinations(range(4), 3))
    expected = match_pictures(APART, members_of(LABELS, (0, 1, 3)), examples=2)
    np.testing.assert_array_equal(found[0, 1, 3].chosen, expected.chosen)


def test_of_several_labels_those_that_carry_one_alone_take_part():
    labels = torch.eye(4, dtype=torch.bool)[LABELS]
    for members, alone in zip(members_of(labels, (0, 2, 3)), MEMBERS, strict=True):
        np.testing.assert_array_equal(members, alone)
    own = np.flatnonzero(LABELS == 0)
    labels[own[:28], 2] = True  # two are left that are not of class 2 as well
    assert members_of(labels, (0, 2, 3))[0].tolist() == own[28:].tolist()
    assert len(members_of(labels, (0, 1, 3))[0]) == 30
    found = trios(APART, labels, classes=range(4), examples=2)
    assert set(found) == {(0, 1, 3), (1, 2, 3)}
    assert can_be_asked(labels, (0, 2, 3), examples=1)
    labels[own, 2] = True
    assert not can_be_asked(labels, (0, 2, 3), examples=1)


def test_the_interval_is_exact():
    answers = Answers(np.zeros(20, int), np.repeat([0, 1], [14, 6]))
    assert (answers.right, answers.accuracy) == (14, 0.7)
    expected = binomtest(14, 20).proportion_ci(0.95, method="exact")
    assert answers.interval() == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: members_of(LABELS, (0, 1)), r"three classes or more, each once: got \[0, 1\]"),
        (lambda: members_of(LABELS, (0, 1, 1)), "each once"),
        (lambda: members_of(LABELS, (0, 1, 7, 8)), "nothing is of class 7, 8"),
        (lambda: match_pictures(APART * np.nan, MEMBERS), "NaN or infinity"),
        (lambda: match_pictures(APART, MEMBERS, examples=30), r"30 examples and \[30, 30, 30\]"),
        (lambda: find_sounds(APART, MEMBERS, examples=0), "an example or more"),
        (lambda: match_pictures(APART[:50], MEMBERS), r"rows are 0\.\.49, got 0\.\.119"),
        (lambda: match_pictures(APART, MEMBERS[:2]), r"three classes or more, got \[30, 30\]"),
        (lambda: learning_curve(APART, [*MEMBERS[:2], MEMBERS[2][:0]]), r"got \[30, 30, 0\]"),
        (lambda: learning_curve(APART, MEMBERS, count=0), "a sitting or more"),
        (lambda: sit(APART, MEMBERS, MEMBERS), "are examples and played as well"),
        (
            lambda: sit(APART, MEMBERS, [rows[:0] for rows in MEMBERS]),
            r"of the 3 classes, got \[0, 0, 0\]",
        ),
        (lambda: trios(APART, LABELS, classes=(0, 1)), "three classes or more"),
    ],
)
def test_what_cannot_be_asked_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
