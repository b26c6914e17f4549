"""A piano keyboard in a live page: plays keys in the browser, and quantises taps to melodies.

Step by step, each key adds a note of the chosen length; in time, a bar is counted in and what is
played is moved to the nearest sixteenths. What the page sends is not trusted.
"""

import math
from collections.abc import Callable, Iterable, Sequence

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
STRANGE = "the page sent something that no keyboard plays; run the cell again"

# One tap: when the key went down and up, in seconds from the first beat, and its MIDI pitch.
Tap = tuple[float, float, int]


class Keyboard(anywidget.AnyWidget):
    """Widget of two octaves of piano keys, for the mouse, a finger or the computer's keyboard.

    Args:
        heard: called with a slot, "A" or "B", the melody (steps,) tapped into it, and whether it
            is finished and should sound.
        steps: of a melody, in sixteenths.
        qpm: the tempo at first, in quarters per minute.
    """

    _esm = read_assets("keyboard.js")
    _css = read_assets("keyboard.css")
    steps = traitlets.Int(32).tag(sync=True)
    qpm = traitlets.Float(120.0).tag(sync=True)

    def __init__(
        self,
        heard: Callable[[str, Integer[np.ndarray, " t"], bool], object],
        *,
        steps: int,
        qpm: float = 120.0,
    ) -> None:
        super().__init__(steps=steps, qpm=qpm)
        self._heard = heard
        self.on_msg(self._receive)

    def _receive(self, _: object, content: object, buffers: Sequence[object]) -> None:
        try:
            slot, events, finished = parse_message(content, steps=self.steps)
        except ValueError as error:
            self.send({"kind": "refused", "said": f"Not used: {error}."})
            return
        if content["kind"] == "taps":
            notes = [list(note[:3]) for note in ONE_VOICE.notes(events)]
            self.send({"kind": "quantised", "slot": slot, "notes": notes})
        self._heard(slot, events, finished)


def parse_message(content: object, *, steps: int) -> tuple[str, Integer[np.ndarray, " t"], bool]:
    """Parses a message of the page: its slot, its melody, and whether to play it.

    Args:
        content: {"kind": "notes", "slot", "notes": [[start, end, pitch], ...] in steps, "play"}, or
            {"kind": "taps", "slot", "taps": [[down, up, pitch], ...] in seconds, "qpm"}.

    Raises:
        ValueError: for any other message, or notes that make no melody.
    """
    match content:
        case {"kind": "notes", "slot": str(slot), "notes": list(notes), "play": bool(play)}:
            if slot in SLOTS and all(map(_is_note, notes)):
                return slot, ONE_VOICE.events((Note(*note) for note in notes), steps=steps), play
        case {"kind": "taps", "slot": str(slot), "taps": list(taps), "qpm": int() | float() as qpm}:
            if slot in SLOTS and len(taps) <= MAX_TAPS and all(map(_is_tap, taps)):
                return slot, quantise(map(tuple, taps), qpm=qpm, steps=steps), True
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


def _is_note(note: object) -> bool:
    return isinstance(note, list) and len(note) == 3 and all(type(value) is int for value in note)


def _is_tap(tap: object) -> bool:
    match tap:
        case [int() | float() as down, int() | float() as up, int(pitch)]:
            in_time = math.isfinite(down) and math.isfinite(up) and -60 <= down <= up <= 600
            return in_time and MIN_PITCH <= pitch <= MAX_PITCH
    return False
