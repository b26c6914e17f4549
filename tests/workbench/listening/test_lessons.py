"""Examples differ in what they teach, and questions can be answered by the melody alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lessons import lesson_of_numbers

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.listening.lessons import (
    LEAST_APART,
    Channel,
    class_aucs,
    example_pairs,
    find_tendencies,
    melody_channels,
    standardised,
)
from synvae_workbench.listening.staircase import LEVELS, Staircase, rule_accuracies


def channel(values, more="higher", less="lower"):
    return Channel(more, less, "All notes move up", "semitones", np.asarray(values, float))


class TestExamples:
    def test_they_differ_in_their_channel_and_little_in_all_others(self):
        lesson = lesson_of_numbers()
        values = standardised(lesson.channels)
        assert [pair.channel for pair in lesson.pairs] == [0, 1, 2]
        for pair in lesson.pairs:
            apart = values[:, pair.more] - values[:, pair.less]
            assert apart[pair.channel] == pytest.approx(pair.apart)
            assert pair.apart >= LEAST_APART
            others = np.abs(np.delete(apart, pair.channel))
            assert others.max() == pytest.approx(pair.otherwise)
            assert np.linalg.norm(others) < pair.apart

    def test_no_better_pair_is_passed_over(self):
        lesson = lesson_of_numbers()
        values = standardised(lesson.channels)
        found = lesson.pairs[0]
        scores = [
            values[0, j] - values[0, i] - np.linalg.norm(values[1:, j] - values[1:, i])
            for i in range(values.shape[1])
            for j in range(values.shape[1])
            if i != j
        ]
        own = values[:, found.more] - values[:, found.less]
        assert own[0] - np.linalg.norm(own[1:]) == pytest.approx(max(scores))

    def test_no_picture_teaches_twice(self):
        pairs = lesson_of_numbers().pairs
        used = [i for pair in pairs for i in (pair.less, pair.more)]
        assert len({*used}) == len(used) == 6

    def test_what_goes_with_everything_else_is_not_taught(self):
        values = np.array([0.0, 0.1, 0.2, 0.3])
        assert not example_pairs([channel([0, 0, 0, 0.0001]), channel(values)])[1:]
        assert example_pairs([channel([0, 1, 5, 5.1])])[0][1:3] == (0, 3)

    def test_a_key_is_no_channel_and_nor_is_what_never_varies(self):
        events = ONE_VOICE.events([Note(0, 4, 60), Note(4, 8, 62)], steps=32)
        assert not melody_channels(np.stack([events, events]))
        higher = ONE_VOICE.events([Note(0, 4, 64), Note(4, 8, 66)], steps=32)
        assert [each.more for each in melody_channels(np.stack([events, higher]))] == ["higher"]


class TestWords:
    def test_a_difference_is_told_from_the_first_to_the_second(self):
        pitches = channel([60, 63.456, 62, 61])
        assert pitches.difference(0, 1) == "higher by 3.5 semitones"
        assert pitches.difference(1, 0) == "lower by 3.5 semitones"
        assert pitches.difference(0, 3) == "higher by 1 semitone"

    def test_only_clear_differences_are_told(self):
        lesson = lesson_of_numbers()
        pair = lesson.pairs[0]
        told = lesson.compare(pair.less, pair.more)
        assert told.startswith("higher by")
        assert lesson.compare(pair.less, pair.less) == ""


class TestTendencies:
    def test_auc_is_the_share_of_pairs(self):
        values, kinds = np.array([1.0, 3, 2, 3]), ["a", "a", "b", "b"]
        pairs = [(x > y) + (x == y) / 2 for x in values[:2] for y in values[2:]]
        assert class_aucs(values, kinds) == {
            "a": pytest.approx(np.mean(pairs)),
            "b": pytest.approx(1 - np.mean(pairs)),
        }

    def test_what_does_not_stand_out_is_not_told(self):
        low = find_tendencies(channel([1, 2, 5, 6, 5, 6]), ["one", "one", "a", "a", "b", "b"])
        assert [str(each) for each in low] == [
            "One: lower, in 100% of the pairs with other pictures"
        ]


def play(lesson, seed, right):
    """The questions of a learner who is right as told, one by one."""
    stairs, asked = Staircase(lesson, np.random.default_rng(seed)), []
    while (question := stairs.question) is not None:
        asked.append(question)
        wrong = (question.place + 1) % len(question.options)
        stairs.answer(question.place if right[len(asked) - 1] else wrong)
    return stairs, asked


class TestStaircase:
    @given(st.integers(0, 99), st.lists(st.booleans(), min_size=8, max_size=8))
    def test_a_right_answer_makes_it_harder_and_a_wrong_one_easier(self, seed, right):
        stairs, asked = play(lesson_of_numbers(), seed, right)
        assert stairs.right == sum(right)
        assert asked[0].level == 0
        for (before, after), was_right in zip(
            zip(asked, asked[1:], strict=False), right, strict=False
        ):
            step = 1 if was_right else -1
            assert after.level == min(max(before.level + step, 0), len(LEVELS) - 1)
        assert all(len(each.options) == LEVELS[each.level].options for each in asked)

    @given(st.integers(0, 99), st.lists(st.booleans(), min_size=8, max_size=8))
    def test_no_picture_comes_twice_and_none_that_taught(self, seed, right):
        lesson = lesson_of_numbers()
        _, asked = play(lesson, seed, right)
        shown = [i for question in asked for i in question.options]
        assert len({*shown}) == len(shown)
        assert not {*shown} & {i for pair in lesson.pairs for i in (pair.less, pair.more)}
        for question in asked:
            names = [lesson.names[i] for i in question.options]
            assert len({*names}) == len(names), "one name, one picture"

    @given(st.integers(0, 99))
    def test_the_key_is_balanced(self, seed):
        lesson = lesson_of_numbers(questions=12)
        _, asked = play(lesson, seed, [False] * 12)
        places = [question.place for question in asked]
        assert places.count(0) == places.count(1) == 6
        names = [lesson.names[question.answer] for question in asked]
        assert {names.count(name) for name in {*lesson.names}} == {3}

    def test_near_pictures_sound_nearer_than_far_ones(self):
        lesson, apart = lesson_of_numbers(), {False: [], True: []}
        for seed in range(50):
            for question in play(lesson, seed, [seed % 2 == 0] * 8)[1]:
                others = [i for i in question.options if i != question.answer]
                near = LEVELS[question.level].near
                apart[near] += lesson.distances[question.answer][others].tolist()
        assert np.mean(apart[True]) < 0.6 * np.mean(apart[False])

    def test_what_nobody_asked_cannot_be_answered(self):
        stairs, _ = play(lesson_of_numbers(), 0, [True] * 8)
        with pytest.raises(ValueError, match="no question with a place 0"):
            stairs.answer(0)
        with pytest.raises(ValueError, match="no question with a place 2"):
            Staircase(lesson_of_numbers(), np.random.default_rng(0)).answer(2)

    def test_who_knows_what_stands_out_is_right_the_more_often_the_easier_it_is(self):
        lesson = lesson_of_numbers()
        found = rule_accuracies(lesson, lesson.channels, lesson.names, learners=100, seed=0)
        assert set(found) == {0, 1, 2, 3}
        assert found[0] > 0.95
        assert found[0] > found[1] > 0.5


def test_too_few_pictures_are_refused():
    with pytest.raises(ValueError, match="30 questions need 96 pictures of 3 names; got 80 of 4"):
        lesson_of_numbers(questions=30)
