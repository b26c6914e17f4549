"""What the page of a lesson is told, and when; and what it cannot make the kernel do."""

import io
import json

import numpy as np
import pytest
import soundfile
from lessons import lesson_of_numbers
from PIL import Image

from synvae_workbench.listening.course import Course, CourseController
from synvae_workbench.listening.screens import Move

ADA, BOB = "a" * 32, "b" * 32
ASKED = {"screen", "lesson", "said", "task", "of", "right", "names"}


def course(seed=0):
    return Course(lesson_of_numbers(), np.random.default_rng(seed))


def loudness(sound):
    return round(float(soundfile.read(io.BytesIO(sound))[0].mean()), 3)


def index_of(picture):
    """Which picture of the lesson a PNG is."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)))
    return next(i for i, each in enumerate(lesson_of_numbers().images) if (each[0] == pixels).all())


def to_questions(learner):
    return learner.reply("step", {"index": len(learner.lesson.pairs)})


def answer(learner, place=0):
    task = len(learner._staircase.answers)
    return learner.reply("guess", {"task": task, "place": place})


def test_a_lesson_from_its_first_sound_to_its_result():
    learner = course()
    for index, pair in enumerate(learner.lesson.pairs):
        content, buffers = learner.reply("step", {"index": index})
        assert (content["screen"], content["step"], content["of"]) == ("step", index, 3)
        assert [index_of(each) for each in buffers[:2]] == [pair.less, pair.more]
        told = [0.5 + each / 1000 for each in (pair.less, pair.more)]
        assert [loudness(each) for each in buffers[2:]] == pytest.approx(told, abs=1e-3)
    assert to_questions(learner).content["screen"] == "try"
    for task in range(8):
        place = learner._staircase.question.place
        content, _ = answer(learner, place)
        assert (content["screen"], content["place"], content["chosen"]) == ("shown", place, place)
        assert (content["task"], content["right"]) == (task, task + 1)
        content, _ = learner.reply("next", {})
    assert (content["screen"], content["right"], content["count"]) == ("learnt", 8, 8)
    assert learner.finished
    assert learner.reply("again", {}).content["task"] == 0


def test_nothing_that_tells_the_answer_is_sent_before_it():
    learner = course()
    content, (sound, *pictures) = to_questions(learner)
    for _ in range(7):
        question = learner._staircase.question
        assert content.keys() == ASKED
        assert [index_of(each) for each in pictures] == list(question.options)
        assert loudness(sound) == pytest.approx(0.5 + question.answer / 1000, abs=1e-3)
        assert not any(Image.open(io.BytesIO(each)).info for each in pictures)
        answer(learner)
        content, (sound, *pictures) = learner.reply("next", {})


def test_after_the_answer_all_of_them_can_be_heard():
    learner = course()
    to_questions(learner)
    question = learner._staircase.question
    content, buffers = answer(learner, 1 - question.place)
    assert [index_of(each) for each in buffers[:2]] == list(question.options)
    told = [0.5 + each / 1000 for each in question.options]
    assert [loudness(each) for each in buffers[2:]] == pytest.approx(told, abs=1e-3)
    assert all(each["notes"] for each in content["examples"])
    chosen = learner.lesson.names[question.options[1 - question.place]]
    assert all(each.startswith(f"Beside that of {chosen}") for each in content["differences"])
    json.dumps(content)  # plain numbers, as a message wants them


def test_a_page_may_go_back_to_the_sounds_and_finds_its_question_again():
    learner = course()
    before = to_questions(learner)
    assert learner.reply("step", {"index": 0}).content["screen"] == "step"
    assert to_questions(learner).content == before.content
    answer(learner)
    shown = learner.screen().content
    learner.reply("step", {"index": 1})
    assert to_questions(learner).content == shown


def test_an_answer_that_is_sent_twice_counts_once():
    learner = course()
    to_questions(learner)
    first = answer(learner, 0).content
    assert learner.reply("guess", {"task": 0, "place": 1}).content == first
    with pytest.raises(ValueError, match="not at the question"):
        learner.reply("guess", {"task": 5, "place": 0})
    learner.reply("next", {})
    with pytest.raises(ValueError, match="not at the question"):
        learner.reply("guess", {"task": 1, "place": 8})
    with pytest.raises(ValueError, match="before the end"):
        learner.reply("again", {})


def test_pages_do_not_mix_and_know_what_is_missing():
    pages = CourseController([lesson_of_numbers()], ["Lesson 2 needs a model."])
    content, _ = pages.reply(Move(ADA, "hello", {}))
    assert content["missing"] == ["Lesson 2 needs a model."]
    assert content["lessons"][0]["steps"] == 3
    with pytest.raises(ValueError, match="has no lesson"):
        pages.reply(Move(ADA, "next", {}))
    with pytest.raises(ValueError, match="no such lesson"):
        pages.reply(Move(ADA, "lesson", {"index": 1}))
    for page in (ADA, BOB):
        pages.reply(Move(page, "lesson", {"index": 0}))
    pages.reply(Move(ADA, "step", {"index": 2}))
    assert pages.reply(Move(BOB, "next", {})).content["step"] == 0
