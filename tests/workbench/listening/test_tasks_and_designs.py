"""Task sets as published and balanced designs: who is asked about, where, and in which order."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synvae_workbench.listening import (
    DesignSize,
    Key,
    Task,
    TaskSet,
    balanced_design,
    cluster_labels,
    merge_rare,
    syneval_set,
)
from synvae_workbench.listening.syneval import _check_latents

RNG = np.random.default_rng(0)
NAMES = tuple("abcde")
CENTRES = np.array([[0.0, 0], [1, 0], [0, 9], [9, 0], [5, 5]])
LABELS = np.repeat(np.arange(5), 40)
LATENTS = CENTRES[LABELS] + RNG.normal(size=(200, 2))


def published_toy(**options):
    return syneval_set(LATENTS, LABELS, NAMES, name="toy", **options)


def design(**options):
    given = {"listeners": 3, "tasks": 18, "catch": 2} | options
    rest = {name: given.pop(name) for name in ("classes", "name", "seed") if name in given}
    rest = {"classes": [0, 2, 3], "name": "toy"} | rest
    return balanced_design(LABELS, NAMES, DesignSize(**given), **rest)


class TestPublished:
    def test_trio_is_the_widest(self):
        means = [LATENTS[LABELS == label].mean(0) for label in range(5)]
        widths = {
            trio: sum(np.linalg.norm(means[i] - means[j]) for i, j in combinations(trio, 2))
            for trio in combinations(range(5), 3)
        }
        best = max(widths, key=widths.get)
        assert published_toy().classes == tuple(NAMES[label] for label in best)

    def test_rare_classes_are_passed_over(self):
        rare = LABELS.copy()
        rare[(LABELS == 3) & (np.arange(200) % 2 == 0)] = 4
        assert syneval_set(LATENTS, LABELS, NAMES, name="t").classes == ("a", "c", "d")
        found = syneval_set(LATENTS, rare, NAMES, name="t", examples=4, tasks=20)
        assert "d" not in found.classes

    def test_members_are_the_nearest_and_nobody_is_shown_twice(self):
        found = published_toy(examples=4, tasks=20)
        for place, name in enumerate(found.classes):
            label = NAMES.index(name)
            used = [*found.examples_by_class[name], *(t.options[place] for t in found.tasks)]
            assert len(set(used)) == 24
            assert (LABELS[used] == label).all()
            distance = np.linalg.norm(LATENTS - LATENTS[LABELS == label].mean(0), axis=1)
            others = [i for i in np.flatnonzero(LABELS == label) if i not in used]
            assert distance[used].max() < distance[others].min()

    def test_minmax_prefers_members_away_from_the_other_classes(self):
        closest, minmax = published_toy(), published_toy(choose="minmax")
        assert closest.classes == minmax.classes
        means = np.array([LATENTS[LABELS == NAMES.index(c)].mean(0) for c in closest.classes])

        def excess(found):
            points = LATENTS[[task.options for task in found.tasks]]
            apart = np.linalg.norm(points[:, :, None] - means, axis=-1)
            own = np.einsum("tii->ti", apart)
            return (own - np.where(np.eye(3, dtype=bool), np.inf, apart).min(-1)).mean()

        assert excess(minmax) < excess(closest)

    def test_seed_decides(self):
        assert published_toy(seed=1) == published_toy(seed=1)
        assert published_toy(seed=1) != published_toy(seed=2)
        assert len({task.truth for task in published_toy().tasks}) == 3

    def test_clusters_find_separate_groups(self):
        near = LATENTS[(LABELS == 0) | (LABELS == 2) | (LABELS == 3)]
        found = cluster_labels(near, clusters=3)
        assert all(len(set(part)) == 1 for part in np.split(found, 3))
        assert found.dtype == np.int64

    def test_rare_classes_join_the_nearest_large_one(self):
        rare = np.append(LABELS, [5, 5])
        latents = np.vstack([LATENTS, [[8.0, 1.0], [9.0, 1.0]]])
        merged = merge_rare(latents, rare, least=10)
        assert merged[-2:].tolist() == [3, 3]
        assert (merged[:-2] == LABELS).all()
        assert rare[-1] == 5

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: published_toy(tasks=37), "expected three classes of at least 41"),
            (lambda: published_toy(choose="nearest"), "closest or minmax"),
            (lambda: published_toy(examples=0), "at least 1 example"),
            (lambda: syneval_set(LATENTS * np.nan, LABELS, NAMES, name="t"), "NaN"),
            (lambda: syneval_set(LATENTS, LABELS, NAMES[:3], name="t"), "labels are 0 to 2"),
            (lambda: syneval_set(LATENTS[:1], LABELS[:1], NAMES, name="t"), "three classes"),
            (lambda: syneval_set(LATENTS[:0], LABELS[:0], NAMES, name="t"), "no latents"),
            (lambda: merge_rare(LATENTS, LABELS, least=41), "no class has 41 members"),
            (lambda: cluster_labels(LATENTS[:2], clusters=3), "clusters is 2 to 2"),
            (lambda: cluster_labels(LATENTS * np.inf), "infinity"),
        ],
    )
    def test_bad_input_is_refused(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()


def test_lengths_that_differ_are_refused():
    # the checked annotations of the public functions would speak first
    with pytest.raises(ValueError, match="one label: got 9 and 200"):
        _check_latents(LATENTS[:9], LABELS)


def mains(task_set, key):
    return [task for task in task_set.tasks if task.answer not in key.catch]


class TestBalanced:
    def test_class_and_place_are_balanced_for_every_listener(self):
        sets, key = design(tasks=18)
        for task_set in sets:
            cells = Counter((key.labels[t.answer], t.truth) for t in mains(task_set, key))
            assert len(cells) == 9
            assert set(cells.values()) == {2}

    @settings(max_examples=20)
    @given(st.integers(1, 30), st.integers(0, 5))
    def test_margins_differ_by_one_at_most(self, tasks, catch):
        sets, key = design(tasks=tasks, catch=min(catch, tasks), listeners=1)
        found = mains(sets[0], key)
        assert len(found) == tasks
        for margin in ([t.truth for t in found], [key.labels[t.answer] for t in found]):
            counts = [margin.count(value) for value in range(3)]
            assert max(counts) - min(counts) <= 1

    def test_a_right_answer_stands_in_every_place_across_listeners(self):
        sets, _ = design(listeners=3)
        places = {task.question: [] for task in sets[0].tasks}
        for task_set in sets:
            for task in task_set.tasks:
                places[task.question].append(task.truth)
        assert all(sorted(found) == [0, 1, 2] for found in places.values())

    def test_listeners_hear_the_same_tasks_in_orders_of_their_own(self):
        sets, _ = design(listeners=4)
        orders = [tuple(task.answer for task in each.tasks) for each in sets]
        assert len(set(orders)) == 4
        assert len({frozenset(order) for order in orders}) == 1

    def test_catch_trials_are_examples_under_other_ids_and_never_come_first(self):
        sets, key = design(catch=3)
        shown = {key.sources[each] for each in sets[0].examples}
        for task_set in sets:
            at = [i for i, task in enumerate(task_set.tasks) if task.answer in key.catch]
            assert len(at) == 3
            assert at[0] > 0
            for i in at:
                options = task_set.tasks[i].options
                assert {key.sources[each] for each in options} <= shown
                assert not set(options) & set(task_set.examples)

    def test_members_are_new_in_each_task_and_of_the_class_that_the_key_says(self):
        sets, key = design()
        used = [key.sources[each] for task in mains(sets[0], key) for each in task.options]
        used += [key.sources[each] for each in sets[0].examples]
        assert len(set(used)) == len(used)
        for each, source in key.sources.items():
            assert LABELS[source] == [0, 2, 3][key.labels[each]]
        for name, ids in sets[0].examples_by_class.items():
            assert all(NAMES[LABELS[key.sources[each]]] == name for each in ids)

    def test_ids_say_nothing(self):
        _, key = design(tasks=27, seed=4)
        ids = sorted(key.sources)
        order = [key.labels[each] for each in ids]
        assert min(ids) >= 10_000
        # neither runs of one class, as with ids in order, nor a fixed alternation
        changes = np.mean(np.diff(order) != 0)
        assert 0.5 < changes < 0.85
        means = [np.mean([each for each in ids if key.labels[each] == label]) for label in range(3)]
        assert np.ptp(means) < 25_000

    def test_seed_decides(self):
        assert design(seed=3) == design(seed=3)
        assert design(seed=3).key != design(seed=4).key

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"tasks": 37}, "class 'a' has 40 members, expected at least 41"),
            ({"classes": [0, 0, 1]}, "different labels"),
            ({"classes": [0, 1, 9]}, "0 to 4"),
            ({"classes": [0]}, "2 to 9 classes"),
            ({"listeners": 0}, "at least 1 listener"),
            ({"catch": 19}, "catch is 0 to 18"),
            ({"catch": -1}, "catch is 0 to 18"),
        ],
    )
    def test_bad_numbers_are_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            design(**options)

    def test_labels_without_a_name_are_refused(self):
        with pytest.raises(ValueError, match="labels are 0 to 1"):
            balanced_design(LABELS, "ab", DesignSize(1), classes=[0, 1], name="t")


def test_a_key_knows_what_it_marks():
    with pytest.raises(ValueError, match="catch: id 8"):
        Key({7: 0}, {7: 1}, (8,))
    with pytest.raises(ValueError, match="labels"):
        Key({7: 0}, {8: 1})


TASK = Task(0, (3, 4, 5))
SOUND = {"name": "n", "classes": ("a", "b", "c"), "examples": (0, 1, 2), "tasks": (TASK,)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name: expected text"),
        ({"code": "x" * 10_001}, "code: expected text"),
        ({"classes": ("a", "b", "a")}, "classes: expected different"),
        ({"examples": (0, 1)}, "examples: expected equally many"),
        ({"examples": ()}, "examples: expected equally many"),
        ({"examples": (0, 1, 1)}, "examples: expected different ids"),
        ({"examples": (0, 1, -2)}, r"examples\[2\]: an id is a whole number"),
        ({"tasks": ()}, "tasks: expected 1 to"),
        ({"tasks": (TASK, Task(0, (3, 4)))}, r"tasks\[1\].options: expected 3"),
        ({"tasks": (TASK, Task(2, (5, 4, 3)), Task(1, (4, 3, 5)))}, "same question"),
    ],
)
def test_a_task_set_holds_together(change, message):
    with pytest.raises(ValueError, match=message):
        TaskSet(**(SOUND | change))


def test_ids_are_those_shown_or_heard():
    assert TaskSet(**SOUND).ids == (0, 1, 2, 3, 4, 5)
