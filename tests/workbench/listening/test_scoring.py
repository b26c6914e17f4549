"""Scores of listeners: known answers, independent references, and who does not count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom
from sklearn.metrics import cohen_kappa_score, precision_score

from synvae_workbench.listening import (
    DesignSize,
    Key,
    Session,
    Share,
    Task,
    TaskSet,
    balanced_design,
    fleiss_kappa,
    score,
    simulate_session,
)

TRUTHS = (0, 1, 2, 0, 1, 2)
SET = TaskSet(
    "toy",
    ("a", "b", "c"),
    (0, 1, 2),
    tuple(Task(truth, (10 * i, 10 * i + 1, 10 * i + 2)) for i, truth in enumerate(TRUTHS, 1)),
)
# Fleiss 1971, table 1: 30 patients, 6 psychiatrists, 5 diagnoses; kappa 0.430
FLEISS = """00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050
02031 00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"""


def answers(*places):
    return Session(
        SET,
        tuple(
            None if place is None else task.options[place]
            for task, place in zip(SET.tasks, places, strict=True)
        ),
    )


class TestKappa:
    def test_fleiss_own_example(self):
        counts = np.array([[int(each) for each in row] for row in FLEISS.split()])
        assert fleiss_kappa(counts) == pytest.approx(0.430, abs=5e-4)

    def test_a_well_known_example(self):
        counts = "0 0 0 0 14 0 2 6 4 2 0 0 3 5 6 0 3 9 2 0 2 2 8 1 1 7 7 0 0 0 3 2 6 3 0 2 5 3 2 2"
        counts = np.array([*map(int, counts.split()), 6, 5, 2, 1, 0, 0, 2, 2, 3, 7]).reshape(10, 5)
        assert fleiss_kappa(counts) == pytest.approx(0.20993, abs=1e-5)

    def test_two_raters_of_one_kind_agree_with_cohen(self):
        first = np.array([0, 0, 1, 1, 2, 2, 0, 1])
        second = np.array([0, 1, 1, 0, 2, 2, 0, 1])  # both chose each category equally often
        counts = np.eye(3, dtype=int)[first] + np.eye(3, dtype=int)[second]
        assert fleiss_kappa(counts) == pytest.approx(cohen_kappa_score(first, second))

    def test_bounds(self):
        assert fleiss_kappa(np.eye(3, dtype=int) * 4) == 1
        # raters that always disagree: -1 / (raters - 1)
        assert fleiss_kappa(np.ones((5, 3), int)) == pytest.approx(-0.5)

    @pytest.mark.parametrize(
        ("counts", "message"),
        [
            (np.zeros((0, 3), int), "numbers of raters"),
            (np.array([[1, -1, 2]]), "numbers of raters"),
            (np.array([[2, 0], [1, 0]]), "same number of raters"),
            (np.array([[1, 0], [0, 1]]), "at least 2"),
            (np.array([[3, 0], [3, 0]]), "one category"),
        ],
    )
    def test_what_is_undefined_is_refused(self, counts, message):
        with pytest.raises(ValueError, match=message):
            fleiss_kappa(counts)


class TestScore:
    def test_known_answers(self):
        found = score([answers(0, 1, 2, 0, 1, 2), answers(0, 1, 0, 0, 0, 0)])
        assert found.accuracies.tolist() == [1, 0.5]
        assert found.confusion.tolist() == [[4, 0, 0], [1, 3, 0], [2, 0, 2]]
        assert found.precision == {"a": 4 / 7, "b": 1, "c": 1}
        assert (found.overall.right, found.overall.count) == (9, 12)
        summary = found.summary()
        assert summary["mean"] == summary["accuracy"] == 0.75
        assert (summary["sd"], summary["min"], summary["max"]) == (0.25, 0.5, 1)
        assert summary["chance"] == pytest.approx(1 / 3)

    def test_precision_is_that_of_sklearn(self):
        rng = np.random.default_rng(0)
        places = rng.integers(3, size=(20, 6))
        found = score([answers(*row) for row in places.tolist()])
        truths = np.tile(TRUTHS, (20, 1)).ravel()
        expected = precision_score(truths, places.ravel(), average=None)
        assert list(found.precision.values()) == pytest.approx(expected.tolist())

    def test_kappa_is_that_of_the_choices(self):
        places = np.random.default_rng(1).integers(3, size=(7, 6))
        found = score([answers(*row) for row in places.tolist()])
        counts = np.array([np.bincount(column, minlength=3) for column in places.T])
        assert found.kappa == fleiss_kappa(counts)

    def test_without_an_answer_a_task_does_not_count(self):
        found = score([answers(0, None, 0, None, 1, 2), answers(*TRUTHS)])
        assert (found.listeners[0].right, found.listeners[0].count) == (3, 4)
        assert found.unanswered == 2
        assert found.kappa is None  # one complete listener alone
        assert "kappa" not in found.summary()

    def test_whoever_answers_nothing_is_left_out(self):
        found = score([answers(*[None] * 6), answers(*TRUTHS)])
        assert (len(found.listeners), found.left_out) == (1, 1)

    def test_a_class_nobody_chose_has_no_precision(self):
        found = score([answers(0, 0, 0, 0, 0, 0)] * 2)
        assert found.precision == {"a": 1 / 3, "b": None, "c": None}
        assert found.kappa is None

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: score([]), "no sessions"),
            (lambda: score([answers(*[None] * 6)]), "none of 1 listeners counts"),
            (lambda: score([answers(*TRUTHS)], least_catch=1.1), "least_catch"),
            (lambda: score([answers(*TRUTHS)], Key({10: 0}, {10: 0})), "does not know id"),
            (lambda: Session(SET, (10,)), "each of 6 tasks, got 1"),
            (lambda: Session(SET, (10, 11, 30, 40, 50, 60)), "choice 1"),
            (lambda: simulate_session(SET, knows=2.0, rng=np.random.default_rng(0)), "probab"),
        ],
    )
    def test_bad_input_is_refused(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()

    def test_sessions_of_another_set_are_refused(self):
        other = TaskSet("other", SET.classes, SET.examples, SET.tasks[:5])
        with pytest.raises(ValueError, match="session 1 has other classes or tasks"):
            score([answers(*TRUTHS), Session(other, tuple(t.answer for t in other.tasks))])

    def test_a_key_whose_options_are_of_one_class_is_refused(self):
        ids = [each for task in SET.tasks for each in task.options]
        with pytest.raises(ValueError, match="not one of each class"):
            score([answers(*TRUTHS)], Key(dict.fromkeys(ids, 0), dict.fromkeys(ids, 1)))


class TestShare:
    @settings(max_examples=25)
    @given(st.integers(0, 60), st.integers(1, 60))
    def test_interval_is_clopper_and_pearsons(self, right, more):
        count = right + more
        low, high = Share(right, count, 1 / 3).interval()
        expected = beta.ppf(0.025, right, count - right + 1) if right else 0
        assert low == pytest.approx(expected, abs=1e-6)
        assert high == pytest.approx(beta.ppf(0.975, right + 1, count - right), abs=1e-6)
        assert low <= right / count <= high

    def test_p_value_is_the_tail_of_guessing(self):
        assert Share(14, 20, 1 / 3).p_value == pytest.approx(binom.sf(13, 20, 1 / 3))
        assert Share(0, 20, 1 / 3).p_value == 1


class TestBlind:
    labels = np.repeat(np.arange(3), 40)

    def design(self, listeners=12):
        size = DesignSize(listeners, tasks=27, catch=3)
        return balanced_design(self.labels, "abc", size, classes=[0, 1, 2], name="t")

    def test_listeners_are_pooled_across_orders(self):
        sets, key = self.design()
        perfect = [Session(each, tuple(task.answer for task in each.tasks)) for each in sets]
        found = score(perfect, key)
        assert found.overall[:2] == (12 * 27, 12 * 27)
        assert found.confusion.tolist() == (np.eye(3) * 12 * 9).tolist()
        assert found.kappa == 1
        assert found.caught == (1.0,) * 12

    def test_whoever_always_takes_one_place_scores_chance_and_misses_catch_trials(self):
        sets, key = self.design()
        lazy = [Session(each, tuple(task.options[1] for task in each.tasks)) for each in sets]
        found = score(lazy, key)
        assert (found.accuracies == 1 / 3).all()
        assert found.overall.p_value > 0.4
        keen = Session(sets[0], tuple(task.answer for task in sets[0].tasks))
        assert max(found.caught) < 1
        mixed = score([keen, *lazy[1:]], key, least_catch=1.0)
        assert (len(mixed.listeners), mixed.left_out) == (1, 11)

    def test_simulated_listeners_know_as_much_as_they_are_told(self):
        sets, key = self.design(listeners=30)
        rng = np.random.default_rng(0)
        found = score([simulate_session(each, knows=0.6, rng=rng) for each in sets], key)
        low, high = found.overall.interval(0.999)
        assert low < 0.6 + 0.4 / 3 < high
        assert found.overall.p_value < 1e-9
        assert 0.25 < found.kappa < 0.6
        sure = [simulate_session(s, knows=0.0, rng=rng, sure=key.catch) for s in sets]
        assert score(sure, key).caught == (1.0,) * 30
        assert score(sure, key).overall.p_value > 1e-3
