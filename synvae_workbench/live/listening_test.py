"""The live page of notebook 43: a blind listening test for a real person."""

from typing import Any, ClassVar

import traitlets

from synvae_workbench.listening.sitting import CODE, CONFIDENCE, ID, MOST_PLAYS, MOST_SECONDS
from synvae_workbench.listening.tasks import MOST_CLASSES, MOST_TASKS
from synvae_workbench.live.assets import read_assets
from synvae_workbench.live.screens import LESSON_MOVES, Moves, ScreenPage, whole


def _sitting(value: Any) -> bool:
    return isinstance(value, str) and ID.fullmatch(value) is not None


def _sitting_or_code(value: Any) -> bool:
    return _sitting(value) or (isinstance(value, str) and CODE.fullmatch(value) is not None)


# Of each kind of move what it has to bring, and nothing else.
MOVES: Moves = {
    "hello": {"sitting": lambda value: value == "" or _sitting(value)},
    "begin": {"consent": lambda value: value is True},
    "resume": {"sitting": _sitting_or_code},
    "tones": {"count": whole(0, 100)},
    **LESSON_MOVES,
    "learnt": {},
    "example": {"index": whole(0, MOST_TASKS)},
    "heard": {"examples": whole(0, MOST_TASKS)},
    "log": {"what": lambda value: value in ("pause", "resume")},
    "answer": {
        "task": whole(0, MOST_TASKS),
        "place": whole(0, MOST_CLASSES - 1),
        "seconds": lambda value: type(value) in (int, float) and 0 <= value <= MOST_SECONDS,
        "plays": whole(1, MOST_PLAYS),
        "confidence": whole(0, len(CONFIDENCE) - 1),
    },
}


class ListeningTest(ScreenPage):
    """Widget of the test: consent, sound check, a lesson if there is one, examples, questions.

    Its controller is `listening.controller.Controller`.
    """

    _esm = read_assets("screens.js", "lesson.js", "listening_test.js")
    _css = read_assets("screens.css", "lesson.css")
    confidence = traitlets.List(list(CONFIDENCE)).tag(sync=True)
    moves: ClassVar[Moves] = MOVES
    kept: ClassVar[str] = "What was answered before is safe."
    elsewhere: ClassVar[str] = (
        "This sitting went on in another page, or in this one before it was loaded again."
    )
