"""A player in a live page: draws and plays the melody that the kernel shows, and saves it.

Sound and notes travel as one message, which is not part of the widget's state: a notebook that is
saved holds none of it.
"""

import io
import re
from typing import NamedTuple

import anywidget
import numpy as np
import soundfile
from jaxtyping import Integer

from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER, Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.render import SAMPLE_RATE
from synvae_core.music.sound import PIANO, Sound
from synvae_workbench.live.assets import read_assets

PITCH_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


class Performance(NamedTuple):
    """A melody for the page: notes and text to draw, and its WAV and MIDI files."""

    content: dict
    wav: bytes
    midi: bytes


class LivePlayer(anywidget.AnyWidget):
    """Widget of a piano roll with a playhead, a player, and links that save; empty at first."""

    _esm = read_assets("live_player.js")
    _css = read_assets("live_player.css")

    def __init__(self) -> None:
        super().__init__()
        self._shown: Performance | None = None
        self.on_msg(self._receive)

    def show(
        self,
        events: Integer[np.ndarray, " t"],
        *,
        label: str,
        sound: Sound = PIANO,
        play: bool = True,
    ) -> None:
        """Draws a melody (t,) and, with `play`, plays it in place of whatever sounds in the page.

        Args:
            label: what is heard, in a few words.
            sound: how it is played.

        Raises:
            ValueError: as `prepare_performance`.
        """
        self._shown = prepare_performance(events, label=label, sound=sound)
        self._tell(play)

    def clear(self) -> None:
        """Stops the sound and shows nothing."""
        self._shown = None
        self.send({"kind": "clear"})

    def _receive(self, _: object, content: object, buffers: object) -> None:
        """Repeats the melody to a page that opens, or is opened again."""
        if content == {"kind": "ready"} and self._shown is not None:
            self._tell(False)

    def _tell(self, play: bool) -> None:
        content, *files = self._shown
        self.send(content | {"play": play}, files)


def prepare_performance(
    events: Integer[np.ndarray, " t"], *, label: str, sound: Sound = PIANO
) -> Performance:
    """Renders a melody (t,) to sound in 16 bits, a MIDI file, and notes in steps for the page.

    Raises:
        ValueError: if the label is empty, an event id is unknown, or the sound is out of range.
    """
    if not label.strip():
        raise ValueError("a player needs a label that says what it plays")
    notes = ONE_VOICE.notes(events)
    waveform = sound.render(events)
    wav = io.BytesIO()
    soundfile.write(wav, waveform, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    content = {
        "kind": "show",
        "label": label,
        "count": format_note_count(notes),
        "words": describe_notes(notes, len(events)),
        "notes": [list(note[:3]) for note in notes],
        "steps": len(events),
        "seconds": len(events) * 60 / sound.qpm / STEPS_PER_QUARTER,
        "file": re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:60] or "melody",
    }
    return Performance(content, wav.getvalue(), sound.midi(events))


def describe_notes(notes: list[Note], steps: int) -> str:
    """Text alternative of a piano roll: "Piano roll: 1 note in 2 bars, C4"."""
    bars = steps / STEPS_PER_BAR
    told = f"Piano roll: {format_note_count(notes)} in {bars:g} bar{'' if bars == 1 else 's'}"
    return ", ".join([told, *(pitch_name(note.pitch) for note in notes)])


def format_note_count(notes: list[Note]) -> str:
    """The number of notes in words: "1 note" or "12 notes"."""
    return f"{len(notes)} note{'' if len(notes) == 1 else 's'}"


def pitch_name(pitch: int) -> str:
    """The name of a MIDI pitch: 60 is C4."""
    return f"{PITCH_NAMES[pitch % 12]}{pitch // 12 - 1}"
