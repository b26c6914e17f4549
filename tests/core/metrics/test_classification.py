"""Scores of a classifier: counted by hand, at their bounds, and refused where they mean nothing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from synvae_core.metrics.classification import (
    accuracy,
    accuracy_as_published,
    averaged_scores,
    class_scores,
    confusion_counts,
    exact_interval,
    one_against_rest,
)

LABELS = torch.tensor([0, 0, 0, 1, 1, 2])
PREDICTED = torch.tensor([0, 0, 1, 1, 0, 0])
MANY = torch.tensor([[1, 0, 1], [0, 1, 1], [1, 1, 0], [0, 1, 0]], dtype=torch.bool)
READ = torch.tensor([[1, 0, 1], [0, 0, 1], [1, 1, 1], [0, 1, 0]], dtype=torch.bool)

# classes 0..3, each at least once, and any answers
answers = st.integers(4, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 3), min_size=n, max_size=n).map(lambda x: [0, 1, 2, 3, *x[4:]]),
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
    )
)


def counted(labels, predicted, c):
    """True positives, false positives, false negatives and true negatives, one by one."""
    pairs = [(a == c, b == c) for a, b in zip(labels.tolist(), predicted.tolist(), strict=True)]
    return [pairs.count(kind) for kind in ((1, 1), (0, 1), (1, 0), (0, 0))]


def test_scores_are_those_counted_by_hand():
    scores = class_scores(LABELS, PREDICTED, classes=range(3))
    np.testing.assert_allclose(scores.precision, [2 / 4, 1 / 2, 0])
    np.testing.assert_allclose(scores.recall, [2 / 3, 1 / 2, 0])
    np.testing.assert_allclose(scores.f1, [4 / 7, 1 / 2, 0])
    assert scores.support.tolist() == [3, 2, 1]
    assert accuracy(LABELS, PREDICTED) == 0.5
    np.testing.assert_allclose(
        one_against_rest(LABELS, PREDICTED, classes=range(3)), [3 / 6, 4 / 6, 5 / 6]
    )
    assert confusion_counts(LABELS, PREDICTED, classes=range(3)).tolist() == [
        [2, 1, 0],
        [1, 1, 0],
        [1, 0, 0],
    ]


def test_with_many_labels_a_picture_is_right_if_all_are():
    assert accuracy(MANY, READ) == 0.5
    assert accuracy_as_published(MANY, READ, classes=range(3)) == pytest.approx(10 / 12)
    scores = class_scores(MANY, READ, classes=range(3))
    np.testing.assert_allclose(scores.precision, [1, 1, 2 / 3])
    np.testing.assert_allclose(scores.recall, [1, 2 / 3, 1])
    assert scores.support.tolist() == [2, 3, 2]
    only = class_scores(MANY, READ, classes=[2])
    assert (only.precision[0], only.recall[0]) == (scores.precision[2], 1)


@settings(max_examples=40)
@given(answers)
def test_scores_agree_with_counting(pair):
    labels, predicted = map(torch.tensor, pair)
    scores = class_scores(labels, predicted, classes=range(4))
    right = one_against_rest(labels, predicted, classes=range(4))
    for c in range(4):
        tp, fp, fn, tn = counted(labels, predicted, c)
        assert scores.precision[c] == pytest.approx(tp / (tp + fp) if tp + fp else 0)
        assert scores.recall[c] == pytest.approx(tp / (tp + fn))
        assert scores.f1[c] == pytest.approx(2 * tp / (2 * tp + fp + fn))
        assert right[c] == pytest.approx((tp + tn) / len(labels))
    for kind, weights in (("macro", np.ones(4)), ("weighted", scores.support)):
        averages = averaged_scores(labels, predicted, classes=range(4), average=kind)
        assert averages["f1"] == pytest.approx(np.average(scores.f1, weights=weights))
    micro = averaged_scores(labels, predicted, classes=range(4), average="micro")
    assert micro["precision"] == pytest.approx(accuracy(labels, predicted))


@settings(max_examples=40)
@given(answers, st.randoms(use_true_random=False))
def test_one_hot_labels_score_as_class_ids_do(pair, random):
    labels, predicted = map(torch.tensor, pair)
    hot = [torch.nn.functional.one_hot(each, 4).bool() for each in (labels, predicted)]
    assert accuracy(*hot) == accuracy(labels, predicted)
    for function in (accuracy_as_published, class_scores, averaged_scores):
        one, many = (function(*each, classes=range(4)) for each in ((labels, predicted), hot))
        np.testing.assert_allclose(
            *(list(x.values()) if isinstance(x, dict) else x for x in (one, many))
        )
    order = torch.tensor(random.sample(range(len(labels)), len(labels)))
    assert averaged_scores(labels, predicted, classes=range(4)) == pytest.approx(
        averaged_scores(labels[order], predicted[order], classes=range(4))
    )


@settings(max_examples=40)
@given(answers)
def test_the_published_accuracy_is_a_function_of_the_plain_one(pair):
    labels, predicted = map(torch.tensor, pair)
    published = accuracy_as_published(labels, predicted, classes=range(4))
    assert published == pytest.approx(1 - 2 * (1 - accuracy(labels, predicted)) / 4)


def test_a_guesser_among_ten_classes_scores_as_the_facts_say():
    labels = torch.arange(10).repeat_interleave(10)
    guessed = torch.arange(10).repeat(10)
    assert accuracy(labels, guessed) == pytest.approx(0.1)
    assert accuracy_as_published(labels, guessed, classes=range(10)) == pytest.approx(0.82)


def test_perfect_and_worst():
    for labels in (LABELS, MANY):
        assert accuracy(labels, labels) == 1
        assert accuracy_as_published(labels, labels, classes=range(3)) == 1
        assert averaged_scores(labels, labels, classes=range(3))["f1"] == 1
    assert accuracy_as_published(MANY, ~MANY, classes=range(3)) == 0
    assert class_scores(MANY, ~MANY, classes=range(3)).f1.tolist() == [0, 0, 0]


@pytest.mark.parametrize(("right", "count"), [(0, 7), (7, 7), (3, 7), (219, 300)])
def test_the_interval_is_that_of_the_beta_distribution(right, count):
    low, high = exact_interval(right, count)
    assert low == pytest.approx(beta.ppf(0.025, right, count - right + 1) if right else 0)
    assert high == pytest.approx(beta.ppf(0.975, right + 1, count - right) if right < count else 1)
    wider = exact_interval(right, count, confidence=0.99)
    assert wider[0] <= low <= right / count <= high <= wider[1]


def scored(labels=LABELS, predicted=PREDICTED, classes=range(3), **options):
    return averaged_scores(labels, predicted, classes=classes, **options)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda: scored(predicted=PREDICTED[:5]), r"shape \(6,\) and predictions of shape \(5,\)"),
        (lambda: scored(LABELS[:0], PREDICTED[:0]), r"some labels: got labels of shape \(0,\)"),
        (lambda: accuracy(MANY, READ[:, :2]), r"\(4, 3\) and predictions of shape \(4, 2\)"),
        (lambda: scored(classes=range(5)), "no picture is of class 3, 4, so that its recall"),
        (lambda: scored(MANY & False, READ), "no picture is of class 0, 1, 2"),
        (lambda: scored(MANY, READ, classes=[0, 3]), r"columns 0..2 of the labels, got \[0, 3\]"),
        (lambda: scored(classes=[]), "some classes, each once"),
        (lambda: scored(classes=[1, 1]), "some classes, each once"),
        (lambda: scored(average="mean"), "macro, weighted, micro, got 'mean'"),
        (
            lambda: confusion_counts(LABELS, PREDICTED + 7, classes=range(3)),
            r"\[7, 8\] were predicted",
        ),
        (lambda: exact_interval(3, 2), "got 3 of 2"),
        (lambda: exact_interval(0, 0), "at least one case"),
        (lambda: exact_interval(1, 2, confidence=1.0), "confidence between 0 and 1"),
    ],
)
def test_what_means_nothing_is_refused(score, message):
    with pytest.raises(ValueError, match=message):
        score()
