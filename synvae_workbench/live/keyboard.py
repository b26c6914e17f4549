"""A piano keyboard in a live page: plays keys in the browser, and quantises taps to melodies.

Step by step, each key adds a note of the chosen length; in time, a bar is counted in and what is
played is moved to the nearest sixteenths. What the page sends is not trusted.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import anywidget
import numpy as np
import traitlets
from jaxtyping import Integer

from synvae_core.music.coding import MAX_PITCH, MIN_PITCH, STEPS_PER_QUARTER, Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.live.assets import read_assets

SLOTS = ("A", "B")
TEMPOS = (40.0, 240.0)  # quarters per minute
MAX_TAPS = 1_000
STRANGE = "Not used: the page sent something that no keyboard plays; run the cell again"

# One tap: when the key went down and up, in seconds from the first beat, and its MIDI pitch.
Tap = tuple[float, float, int]


class Key(NamedTuple):
    """A key to add to what a slot, "A" or "B", holds: `length` sixteenths of a pitch or a rest."""

    slot: str
    pitch: int | None
    length: int


class Take(NamedTuple):
    """A melody (steps,) in place of what a slot holds; silence clears it."""

    slot: str
    events: Integer[np.ndarray, " t"]


class Undo(NamedTuple):
    """The last change taken back, of whatever kind and in whatever slot."""


Wish = Key | Take | Undo


class Keyboard(anywidget.AnyWidget):
    """Widget of two octaves of piano keys, for the mouse, a finger or the computer's keyboard.

    It keeps no melody: whoever owns the slots is asked, and says by `show` what they hold.

    Args:
        asked: called with each `Wish`; a ValueError is said.
        steps: of a melody, in sixteenths.
        qpm: the tempo at first, in quarters per minute.
    """

    _esm = read_assets("keyboard.js")
    _css = read_assets("keyboard.css")
    steps = traitlets.Int(32).tag(sync=True)
    qpm = traitlets.Float(120.0).tag(sync=True)

    def __init__(self, asked: Callable[[Wish], object], *, steps: int, qpm: float = 120.0) -> None:
        super().__init__(steps=steps, qpm=qpm)
        self._asked = asked
        self._shown: dict[str, Any] = {}
        self.on_msg(self._receive)

    def show(self, slots: Mapping[str, Mapping[str, Any]], *, undo: bool, said: str = "") -> None:
        """Shows what the slots hold.

        Args:
            slots: of each its `name`, its `notes` as [start, end, pitch] in steps, and the step
                `end` at which the next key is added.
            undo: whether there is something to take back.
            said: what to say of it.
        """
        self._shown = {"kind": "holds", "slots": slots, "undo": undo}
        self.send(self._shown | {"said": said})

    def _receive(self, _: object, content: object, buffers: Sequence[object]) -> None:
        if content == {"kind": "ready"}:
            self.send(self._shown)
            return
        try:
            self._asked(parse_message(content, steps=self.steps))
        except ValueError as error:
            self.send({"kind": "refused", "said": f"{error}."})


def parse_message(content: object, *, steps: int) -> Wish:
    """Parses a message of the page.

    Args:
        content: {"kind": "key", "slot", "pitch": a MIDI pitch or None for a rest, "length": in
            steps}, {"kind": "taps", "slot", "taps": [[down, up, pitch], ...] in seconds, "qpm"},
            {"kind": "clear", "slot"} or {"kind": "undo"}.

    Raises:
        ValueError: for any other message, or notes that make no melody.
    """
    match content:
        case {"kind": "undo"}:
            return Undo()
        case {"kind": "clear", "slot": str(slot)} if slot in SLOTS:
            return Take(slot, ONE_VOICE.events([], steps=steps))
        case {"kind": "key", "slot": str(slot), "pitch": pitch, "length": int(length)}:
            if slot in SLOTS and _is_pitch(pitch) and _is_whole(length) and 1 <= length <= steps:
                return Key(slot, pitch, length)
        case {"kind": "taps", "slot": str(slot), "taps": list(taps), "qpm": int() | float() as qpm}:
            if slot in SLOTS and len(taps) <= MAX_TAPS and all(map(_is_tap, taps)):
                return Take(slot, quantise(map(tuple, taps), qpm=qpm, steps=steps))
    raise ValueError(STRANGE)


def quantise(taps: Iterable[Tap], *, qpm: float, steps: int) -> Integer[np.ndarray, " t"]:
    """The melody (steps,) of taps, moved to the nearest sixteenths; one voice, the latest tap's.

    A note lasts a sixteenth at least, and ends where the next one starts. Of taps on the same
    sixteenth the last one counts; what starts after the last step is left out.

    Raises:
        ValueError: if the tempo is not within `TEMPOS`.
    """
    slowest, fastest = TEMPOS
    if not slowest <= qpm <= fastest:
        raise ValueError(f"the tempo is {slowest:g} to {fastest:g} beats a minute, got {qpm:g}")
    per_second = qpm / 60 * STEPS_PER_QUARTER
    spans = {}
    for down, up, pitch in sorted(taps):
        start, end = (math.floor(time * per_second + 0.5) for time in (down, up))
        start = max(start, 0)
        if start < steps:
            spans[start] = (max(end, start + 1), pitch)
    starts = [*sorted(spans), steps]
    notes = [
        Note(start, min(spans[start][0], following), spans[start][1])
        for start, following in zip(starts[:-1], starts[1:], strict=True)
    ]
    return ONE_VOICE.events(notes, steps=steps)


def _is_whole(value: object) -> bool:
    return type(value) is int


def _is_pitch(value: object) -> bool:
    return value is None or (_is_whole(value) and MIN_PITCH <= value <= MAX_PITCH)


def _is_tap(tap: object) -> bool:
    match tap:
        case [int() | float() as down, int() | float() as up, int(pitch)]:
            in_time = math.isfinite(down) and math.isfinite(up) and -60 <= down <= up <= 600
            return in_time and MIN_PITCH <= pitch <= MAX_PITCH
    return False
