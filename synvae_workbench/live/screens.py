"""Widgets of pages of screens: a page makes a move, its controller says the next screen.

Everything goes through messages and nothing into the widget's state, so that no answer is stored in
the notebook. Two tabs may show the same widget: each says who it is by a random token of its own,
and what it is told is for that token alone. What a page sends is not trusted.
"""

import io
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Protocol, runtime_checkable

import anywidget
import numpy as np
from PIL import Image

from synvae_workbench.listening.journal import Stale
from synvae_workbench.listening.screens import Move, Screen
from synvae_workbench.listening.tasks import MOST_CLASSES, MOST_TASKS
from synvae_workbench.live.messages import BROKEN

PAGE = re.compile(r"[0-9a-f]{32}")
PNG = b"\x89PNG\r\n\x1a\n"
BLACK = 16  # of 255, at most

Check = Callable[[Any], bool]
Moves = Mapping[str, Mapping[str, Check]]


@runtime_checkable
class Controller(Protocol):
    """Answers each move with the next screen."""

    def reply(self, move: Move) -> Screen:
        """The next screen of a page after its move."""
        ...


def whole(low: int, high: int) -> Check:
    """A check that a value is a whole number from `low` to `high`."""
    return lambda value: type(value) is int and low <= value <= high


# Of each kind of move within a lesson what it has to bring, and nothing else.
LESSON_MOVES: Moves = {
    "step": {"index": whole(0, MOST_TASKS)},
    "guess": {"task": whole(0, MOST_TASKS), "place": whole(0, MOST_CLASSES - 1)},
    "next": {},
}


class ScreenPage(anywidget.AnyWidget):
    """Widget that passes a page's moves to a controller, and the screens back.

    Attributes:
        moves: of each kind of move what it has to bring.
        kept: said after a refusal; what a listener need not worry about.
        elsewhere: said where a move came from a page that is no longer the one that counts.
    """

    moves: ClassVar[Moves]
    kept: ClassVar[str] = ""
    elsewhere: ClassVar[str] = ""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self.on_msg(self._receive)

    def _receive(self, _: object, content: object, __: object) -> None:
        screen, page = Screen({"said": f"{BROKEN} {self.kept}".strip(), "refused": True}, []), ""
        try:
            move = parse_message(content, self.moves)
            page = move.page
            screen = self._controller.reply(move)
        except Stale:
            screen = Screen({"screen": "moved", "said": self.elsewhere}, [])
        except (ValueError, OSError) as error:
            said = f"Not possible: {error}. {self.kept}".strip()
            screen = Screen({"said": said, "refused": True}, [])
        finally:  # any other error goes on to the log
            self.send({"to": page} | screen.content, [as_ink(each) for each in screen.buffers])


@lru_cache(maxsize=1024)
def as_ink(data: bytes) -> bytes:
    """A grey PNG that is black for the most part as black ink, whose alpha its light pixels are.

    So a page shows a digit on its own paper, light or dark. Anything else stays as it is.
    """
    if not data.startswith(PNG):
        return data
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        if image.mode != "L" or np.median(light := np.asarray(image)) > BLACK:
            return data
    ink, buffer = Image.new("LA", light.shape[::-1]), io.BytesIO()
    ink.putalpha(Image.fromarray(light))
    ink.save(buffer, "PNG")
    return buffer.getvalue()


def parse_message(content: object, moves: Moves) -> Move:
    """Parses a message of a page into a move.

    Args:
        content: {"page": 32 hexadecimal digits, "kind": one of `moves`, and what belongs to it}.

    Raises:
        ValueError: for any other message.
    """
    match content:
        case {"page": str(page), "kind": str(kind), **values} if (
            PAGE.fullmatch(page)
            and kind in moves
            and values.keys() == moves[kind].keys()
            and all(check(values[name]) for name, check in moves[kind].items())
        ):
            return Move(page, kind, values)
    raise ValueError("the page sent something that is no move of it; run the cell again")
