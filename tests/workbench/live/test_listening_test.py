"""What the page of a listening test is told, and what it cannot make the kernel do."""

import io
import json
import os
import re
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from lessons import lesson_of_numbers
from PIL import Image
from task_folders import blind_folder, published_folder

from synvae_core.music import render
from synvae_core.music.sound import Sound
from synvae_workbench.listening import begin_sitting, load_materials, read_results, read_sittings
from synvae_workbench.listening.controller import Controller
from synvae_workbench.live.listening_test import MOVES, ListeningTest
from synvae_workbench.live.messages import BROKEN
from synvae_workbench.live.screens import as_ink, parse_message

ADA, BOB = "a" * 32, "b" * 32


@pytest.fixture(autouse=True)
def plain_sounds(monkeypatch):
    monkeypatch.setattr(render, "default_synthesiser", render.sine_synthesiser)


@pytest.fixture(scope="module")
def materials(tmp_path_factory):
    return load_materials(blind_folder(tmp_path_factory.mktemp("blind") / "set"))


class Pages:
    """A widget in place of which a test looks at what is sent; `told` has every message."""

    def __init__(self, materials, folder, lesson=None):
        self.folder, self.told = folder, []
        self.widget = ListeningTest(Controller(materials, folder, lesson=lesson))
        self.widget.send = lambda content, buffers=(): self.told.append((content, buffers))

    def send(self, page, kind, **values):
        """What the front end does; gives what that page is told."""
        self.widget._handle_custom_msg({"page": page, "kind": kind, **values}, [])
        content, buffers = self.told[-1]
        assert content.pop("to") == page
        return content, buffers

    def to_questions(self, page):
        sitting = self.send(page, "begin", consent=True)[0]["sitting"]
        self.send(page, "tones", count=self.tones(sitting))
        return self.send(page, "heard", examples=6)

    def tones(self, sitting):
        """What a person would have counted."""
        return self.widget._controller._tones[sitting]

    def answer(self, page, task, place=0, **change):
        values = {"seconds": 1.5, "plays": 1, "confidence": 1} | change
        return self.send(page, "answer", task=task, place=place, **values)

    def stored(self):
        return read_sittings(self.folder / "sittings", self.widget._controller.materials).found


@pytest.fixture
def pages(materials, tmp_path):
    made = Pages(materials, tmp_path)
    yield made
    made.widget.close()


def test_a_test_from_its_beginning_to_its_end(pages, materials):
    content, _ = pages.send(ADA, "hello", sitting="")
    assert (content["screen"], content["questions"], content["choices"]) == ("welcome", 4, 3)
    content, (sound,) = pages.send(ADA, "begin", consent=True)
    assert (content["screen"], content["counts"]) == ("volume", (2, 3, 4, 5))
    assert soundfile.read(io.BytesIO(sound))[0].max() > 0.05
    content, pictures = pages.send(ADA, "tones", count=pages.tones(content["sitting"]))
    assert content["classes"] == [name for name in materials.first.classes for _ in range(2)]
    assert len(pictures) == 6
    content, (sound,) = pages.send(ADA, "example", index=5)
    assert content == {"example": 5}
    assert sound == materials.sound(materials.first.examples[5])
    content, (sound, *pictures) = pages.send(ADA, "heard", examples=2)
    first = materials.first.tasks[0]
    assert sound == materials.sound(first.answer)
    assert pictures == [materials.picture(each) for each in first.options]
    for task in range(4):
        assert (content["screen"], content["task"], content["of"]) == ("question", task, 4)
        content, _ = pages.answer(ADA, task, materials.first.tasks[task].truth)
        assert content["said"] == "Saved."
    assert (content["screen"], content["right"], content["count"]) == ("end", 3, 3)
    assert content["confusion"] == np.eye(3).tolist()
    assert "100 % were right" in content["lines"][2]
    (sitting,) = pages.stored().values()
    result = read_results(pages.folder / "results" / f"{sitting.id}.json", sitting.tasks)
    assert result == sitting.session
    assert json.loads(content["result"]) == list(sitting.session.choices)


def test_a_listener_may_have_to_learn_first_and_it_is_noted(materials, tmp_path):
    pages = Pages(materials, tmp_path, lesson=lesson_of_numbers())
    assert pages.send(ADA, "hello", sitting="")[0]["lesson"] > 0
    sitting = pages.send(ADA, "begin", consent=True)[0]["sitting"]
    content, _ = pages.send(ADA, "tones", count=pages.tones(sitting))
    assert (content["screen"], content["step"], content["sitting"]) == ("step", 0, sitting)
    for kind in ({"kind": "learnt"}, {"kind": "heard", "examples": 9}):
        assert pages.send(ADA, **kind)[0]["screen"] == "step", "the lesson comes first"
    pages.send(ADA, "step", index=3)
    for task in range(8):
        pages.send(ADA, "guess", task=task, place=0)
        content, _ = pages.send(ADA, "next")
    assert content["screen"] == "learnt"
    assert pages.send(BOB, "resume", sitting=sitting)[0]["right"] == content["right"]
    assert pages.send(BOB, "learnt")[0]["screen"] == "examples"
    (stored,) = pages.stored().values()
    assert stored.lesson == (content["right"], 8)
    assert pages.send(BOB, "step", index=0)[0]["screen"] == "examples", "it is over"
    pages.widget.close()


def test_a_lesson_on_pictures_of_the_test_is_refused(materials, tmp_path):
    lesson = lesson_of_numbers()
    asked = Image.open(io.BytesIO(materials.picture(materials.first.ids[0])))
    images = np.zeros((len(lesson.images), 1, *asked.size), np.uint8)
    images[5, 0] = np.asarray(asked)
    with pytest.raises(ValueError, match="1 of its pictures are in the test"):
        Controller(materials, tmp_path, lesson=replace(lesson, images=images))


def test_nothing_that_tells_the_answer_is_sent_before_the_choice(pages, materials):
    pages.send(ADA, "hello", sitting="")
    pages.to_questions(ADA)
    pages.send(ADA, "resume", sitting=next(iter(pages.stored())))
    for task in range(3):
        pages.answer(ADA, task)
    words = {"to", "screen", "sitting", "said", "task", "of", "names"}
    known = {str(each) for each in materials.first.ids}
    for content, buffers in pages.told:
        if content["screen"] == "question":
            assert content.keys() <= words
        text = json.dumps(content | {"sitting": ""})
        assert not known & set(re.findall(r"\d{5}", text))  # ids of a blind design have five digits
        for buffer in buffers:
            assert not any(each.encode() in buffer for each in known)
            if buffer.startswith(b"\x89PNG"):
                assert not Image.open(io.BytesIO(buffer)).info


def test_no_answer_is_in_the_state_that_a_notebook_saves(pages):
    before = json.dumps(pages.widget.get_state(), default=str)
    pages.to_questions(ADA)
    pages.answer(ADA, 0)
    assert json.dumps(pages.widget.get_state(), default=str) == before


def test_two_pages_do_not_mix(pages):
    pages.to_questions(ADA)
    pages.to_questions(BOB)
    for task in range(2):
        pages.answer(ADA, task, 0, plays=7)
    content, _ = pages.answer(BOB, 0, 2, plays=9)
    assert content["task"] == 1
    first, second = sorted(pages.stored().values(), key=lambda each: -len(each.answers))
    assert [answer.plays for answer in first.answers] == [7, 7]
    assert [answer.plays for answer in second.answers] == [9]
    assert first.listener != second.listener  # each an order of their own
    content, _ = pages.answer(BOB, 2)
    assert content["refused"]
    assert "not at the question" in content["said"]


def test_a_page_that_is_loaded_again_goes_on_and_takes_over(pages):
    pages.to_questions(ADA)
    pages.answer(ADA, 0)
    (each,) = pages.stored()
    content, _ = pages.send(BOB, "hello", sitting=each)
    assert (content["screen"], content["task"]) == ("question", 1)
    content, _ = pages.answer(ADA, 1)
    assert content["screen"] == "moved"
    pages.answer(BOB, 1, 2)
    content, _ = pages.send(ADA, "resume", sitting=each)
    assert content["task"] == 2


def test_only_who_has_its_code_is_led_to_a_sitting_that_was_not_finished(pages):
    pages.to_questions(ADA)
    pages.answer(ADA, 0)
    (each,) = pages.stored()
    content, _ = pages.send(BOB, "hello", sitting="")
    assert content["screen"] == "welcome"
    said = json.dumps(content)
    assert each[:8] not in said
    assert str(pages.folder) not in said, "where sittings lie is nothing to a listener"
    content, _ = pages.send(BOB, "resume", sitting="0" * 8)
    assert "there is no sitting" in content["said"]
    content, _ = pages.send(BOB, "resume", sitting=each[:8])
    assert (content["screen"], content["task"]) == ("question", 1)


def test_a_digit_is_ink_on_the_pages_own_paper():
    digit = np.zeros((28, 28), np.uint8)
    digit[8:20, 12:16] = 200
    photograph = np.tile(np.arange(28, dtype=np.uint8) * 9, (28, 1))
    for picture, is_ink in ((digit, True), (photograph, False), (255 - digit, False)):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG")
        shown = as_ink(buffer.getvalue())
        assert (shown[25] == 4) == is_ink, "the page goes by this byte"
        if is_ink:
            grey, alpha = Image.open(io.BytesIO(shown)).split()
            assert np.array_equal(alpha, digit)
            assert not np.asarray(grey).any()
        else:
            assert shown == buffer.getvalue()
    assert as_ink(b"fLaC") == b"fLaC"


def test_a_new_kernel_goes_on_where_the_old_one_was(pages, materials):
    pages.to_questions(ADA)
    pages.answer(ADA, 0, 1)
    (before,) = pages.stored().values()
    again = Pages(materials, pages.folder)
    content, _ = again.send(BOB, "hello", sitting=before.id)
    assert content["task"] == 1
    assert content["said"] == "You go on where you stopped."
    again.answer(BOB, 1)
    assert pages.stored()[before.id].answers[0] == before.answers[0]
    assert len(pages.stored()[before.id].answers) == 2
    again.widget.close()


def test_an_answer_that_is_sent_twice_is_stored_once(pages):
    pages.to_questions(ADA)
    pages.answer(ADA, 0, 1)
    content, _ = pages.answer(ADA, 0, 2)  # the reply got lost
    assert content["task"] == 1
    (sitting,) = pages.stored().values()
    assert len(sitting.answers) == 1


def test_a_wrong_count_brings_other_tones(pages):
    content, _ = pages.send(ADA, "begin", consent=True)
    right = pages.tones(content["sitting"])
    content, buffers = pages.send(ADA, "tones", count=right + 1)
    assert content["screen"] == "volume"
    assert content["said"].startswith("It was another number")
    assert len(buffers) == 1


def test_the_clip_of_the_tones_has_one_length_whatever_their_number(materials, tmp_path):
    counted = set()

    def synthesise(sequence, rate):
        counted.add(len(sequence.notes))
        assert len(sequence.notes) == controller._tones[sitting.id]
        return np.zeros(render.clip_samples(sequence, rate), np.float32)

    controller = Controller(materials, tmp_path, sound=Sound(synthesiser=synthesise))
    sitting = begin_sitting(tmp_path, materials)
    lengths = {
        soundfile.info(io.BytesIO(controller._tone_sound(sitting))).frames for _ in range(40)
    }
    assert len(lengths) == 1
    assert counted == {2, 3, 4, 5}


def test_a_pause_is_noted(pages):
    pages.to_questions(ADA)
    assert pages.send(ADA, "log", what="pause") == ({}, [])
    pages.send(ADA, "log", what="resume")
    (path,) = (pages.folder / "sittings").glob("*.jsonl")
    assert (
        path.read_text(encoding="utf-8").count('"pause"')
        == path.read_text(encoding="utf-8").count('"resume"')
        == 1
    )


def test_a_full_disk_is_said_and_the_answer_can_be_given_again(pages, monkeypatch):
    pages.to_questions(ADA)
    fsync = os.fsync

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    content, _ = pages.answer(ADA, 0)
    assert "No space left on device" in content["said"]
    assert content["refused"]
    monkeypatch.setattr(os, "fsync", fsync)
    assert pages.send(ADA, "resume", sitting=next(iter(pages.stored())))[0]["screen"] == "question"


MESSAGES = [
    None,
    "hello",
    {},
    {"kind": "hello", "sitting": ""},
    {"page": "../x", "kind": "hello", "sitting": ""},
    {"page": ADA + "\n", "kind": "hello", "sitting": ""},
    {"page": ADA, "kind": "hello"},
    {"page": ADA, "kind": "hello", "sitting": "../../etc/passwd"},
    {"page": ADA, "kind": "hello", "sitting": 5},
    {"page": ADA, "kind": "hello", "sitting": "", "more": 1},
    {"page": ADA, "kind": "begin", "consent": False},
    {"page": ADA, "kind": "begin", "consent": 1},
    {"page": ADA, "kind": "resume", "sitting": ""},
    {"page": ADA, "kind": "tones", "count": True},
    {"page": ADA, "kind": "log", "what": "answer"},
    {"page": ADA, "kind": "log", "what": ["pause"]},
    {"page": ADA, "kind": "shell", "sitting": ""},
]
ANSWER = {"task": 0, "place": 0, "seconds": 1, "plays": 1, "confidence": 0}
MESSAGES += [
    {"page": ADA, "kind": "answer", **ANSWER, **change}
    for change in (
        {"place": -1},
        {"place": 9},
        {"place": "0"},
        {"task": -1},
        {"task": 10**9},
        {"seconds": float("nan")},
        {"seconds": "1"},
        {"seconds": -1},
        {"plays": 0},
        {"confidence": 3},
    )
]


@pytest.mark.parametrize("content", MESSAGES, ids=str)
def test_any_other_message_is_refused(content, pages):
    with pytest.raises(ValueError, match="no move of it"):
        parse_message(content, MOVES)
    pages.widget._handle_custom_msg(content, [])
    told, _ = pages.told[-1]
    assert (told["to"], told["refused"]) == ("", True)
    assert not list(pages.folder.rglob("*.jsonl"))


def test_moves_that_are_not_possible_now_are_refused_in_words(pages):
    assert "no sitting" in pages.answer(ADA, 0)[0]["said"]
    assert pages.send(ADA, "hello", sitting="0" * 16)[0]["screen"] == "welcome"
    assert "there is no sitting" in pages.send(ADA, "resume", sitting="0" * 16)[0]["said"]
    pages.send(ADA, "begin", consent=True)
    assert "not at the question" in pages.answer(ADA, 1)[0]["said"]
    assert "no such example" in pages.send(ADA, "example", index=0)[0]["said"]


def test_a_place_beyond_the_options_is_refused(pages):
    pages.to_questions(ADA)
    assert "not at the question" in pages.answer(ADA, 0, 8)[0]["said"]


def test_a_fault_of_the_kernel_is_said_and_not_hidden(pages, monkeypatch):
    def broken(_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(pages.widget._controller, "reply", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        pages.widget._receive(None, {"page": ADA, "kind": "hello", "sitting": ""}, [])
    assert pages.told[-1][0]["said"].startswith(BROKEN)


def test_pages_that_come_and_go_are_forgotten(pages):
    pages.to_questions(ADA)
    (each,) = pages.stored()
    for number in range(70):
        pages.send(f"{number:032x}", "resume", sitting=each)
    assert len(pages.widget._controller._pages) == 64
    assert "no sitting" in pages.answer(ADA, 0)[0]["said"]


def test_a_published_set_is_served_and_its_words_are_text(tmp_path):
    pages = Pages(load_materials(published_folder(tmp_path / "set")), tmp_path / "run")
    content, _ = pages.send(ADA, "hello", sitting="")
    assert content["disclaimer"] == "<b>Headphones</b>, please."
    pages.to_questions(ADA)
    pages.answer(ADA, 0, 2)
    content, _ = pages.answer(ADA, 1, 1)
    assert (content["right"], content["count"], len(content["lines"])) == (1, 2, 2)
    pages.to_questions(BOB)
    pages.answer(BOB, 0, 2)
    content, _ = pages.answer(BOB, 1, 0)
    assert content["lines"][-1].startswith("All 2 listeners so far: 75 % right")
    pages.widget.close()
