"""The live page of notebook 43: a blind listening test for a real person.

Everything goes through messages and nothing into the widget's state, so that no answer is stored in
the notebook. Two tabs may show the same widget: each says who it is by a random token of its own,
and what it is told is for that token alone. What a page sends is not trusted.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from synvae_core.music.sound import PIANO, Sound
from synvae_workbench.listening.controller import Controller, Move, Screen
from synvae_workbench.listening.journal import Stale
from synvae_workbench.listening.materials import Materials
from synvae_workbench.listening.sitting import CONFIDENCE, ID, MOST_PLAYS, MOST_SECONDS
from synvae_workbench.listening.tasks import MOST_CLASSES, MOST_TASKS
from synvae_workbench.live.assets import read_assets

PAGE = re.compile(r"[0-9a-f]{32}")
BROKEN = "That went wrong, through no fault of yours; what happened is said in the log. "
KEPT = "What was answered before is safe."
ELSEWHERE = "This sitting went on in another page, or in this one before it was loaded again."

Check = Callable[[Any], bool]


def _whole(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _sitting(value: Any) -> bool:
    return isinstance(value, str) and ID.fullmatch(value) is not None


# Of each kind of move what it has to bring, and nothing else.
MOVES: dict[str, dict[str, Check]] = {
    "hello": {"sitting": lambda value: value == "" or _sitting(value)},
    "begin": {"consent": lambda value: value is True},
    "resume": {"sitting": _sitting},
    "tones": {"count": _whole(0, 100)},
    "example": {"index": _whole(0, MOST_TASKS)},
    "heard": {"examples": _whole(0, MOST_TASKS)},
    "log": {"what": lambda value: value in ("pause", "resume")},
    "answer": {
        "task": _whole(0, MOST_TASKS),
        "place": _whole(0, MOST_CLASSES - 1),
        "seconds": lambda value: type(value) in (int, float) and 0 <= value <= MOST_SECONDS,
        "plays": _whole(1, MOST_PLAYS),
        "confidence": _whole(0, len(CONFIDENCE) - 1),
    },
}


class ListeningTest(anywidget.AnyWidget):
    """Widget of the test: consent, sound check, examples, questions, result.

    Args:
        materials: the task sets, their media and their key.
        folder: the run folder, in which every sitting is stored step by step.
        sound: of the tones of the sound check.
    """

    _esm = read_assets("listening_test.js")
    _css = read_assets("listening_test.css")
    confidence = traitlets.List(list(CONFIDENCE)).tag(sync=True)

    def __init__(self, materials: Materials, folder: str | Path, *, sound: Sound = PIANO) -> None:
        super().__init__()
        self._controller = Controller(materials, folder, sound=sound)
        self.on_msg(self._receive)

    def _receive(self, _: object, content: object, __: object) -> None:
        screen, page = Screen({"said": BROKEN + KEPT, "refused": True}, []), ""
        try:
            move = parse_message(content)
            page = move.page
            screen = self._controller.reply(move)
        except Stale:
            screen = Screen({"screen": "moved", "said": ELSEWHERE}, [])
        except (ValueError, OSError) as error:
            said = f"Not possible: {error}. {KEPT}"
            screen = Screen({"said": said, "refused": True}, [])
        finally:  # any other error goes on to the log
            self.send({"to": page} | screen.content, screen.buffers)


def parse_message(content: object) -> Move:
    """Parses a message of a page into a move.

    Args:
        content: {"page": 32 hexadecimal digits, "kind": one of `MOVES`, and what belongs to it}.

    Raises:
        ValueError: for any other message.
    """
    match content:
        case {"page": str(page), "kind": str(kind), **values} if (
            PAGE.fullmatch(page)
            and kind in MOVES
            and values.keys() == MOVES[kind].keys()
            and all(check(values[name]) for name, check in MOVES[kind].items())
        ):
            return Move(page, kind, values)
    raise ValueError("the page sent something that is no move of the test; run the cell again")
