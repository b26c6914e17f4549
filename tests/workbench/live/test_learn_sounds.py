"""The widget of the lessons passes moves on, and nothing else."""

import json

import pytest
from lessons import lesson_of_numbers

from synvae_workbench.listening.course import CourseController
from synvae_workbench.live.learn_sounds import LearnSounds

ADA = "a" * 32


@pytest.fixture
def widget():
    made = LearnSounds(CourseController([lesson_of_numbers()]))
    made.told = []
    made.send = lambda content, buffers=(): made.told.append((content, buffers))
    yield made
    made.close()


def test_a_move_is_answered_with_a_screen_and_leaves_no_state(widget):
    before = json.dumps(widget.get_state(), default=str)
    for move in ({"kind": "hello"}, {"kind": "lesson", "index": 0}, {"kind": "step", "index": 3}):
        widget._handle_custom_msg({"page": ADA, **move}, [])
    assert [content["screen"] for content, _ in widget.told] == ["menu", "step", "try"]
    assert {content["to"] for content, _ in widget.told} == {ADA}
    assert json.dumps(widget.get_state(), default=str) == before


@pytest.mark.parametrize(
    "content",
    [
        None,
        {"kind": "hello"},
        {"page": ADA, "kind": "lesson", "index": -1},
        {"page": ADA, "kind": "lesson", "index": True},
        {"page": ADA, "kind": "guess", "task": 0},
        {"page": ADA, "kind": "guess", "task": 0, "place": 9},
        {"page": ADA, "kind": "next", "more": 1},
        {"page": ADA, "kind": "answer", "task": 0, "place": 0},
    ],
    ids=str,
)
def test_any_other_message_is_refused(content, widget):
    widget._handle_custom_msg(content, [])
    told, _ = widget.told[-1]
    assert (told["to"], told["refused"]) == ("", True)
