"""A player in a live page: draws and plays the melody that the kernel shows, and saves it.

Sound and notes travel as one message, which is not part of the widget's state: a notebook that is
saved holds none of it. MusicXML and sheet music take a tenth of a second or more, and are made when
the page asks for them.
"""

import io
import re
from collections.abc import Sequence
from functools import cached_property

import anywidget
import numpy as np
import soundfile
from jaxtyping import Integer

from synvae_core.metrics.form import sections
from synvae_core.music.coding import STEPS_PER_BAR, Note
from synvae_core.music.ensemble import players_of
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.render import SAMPLE_RATE
from synvae_core.music.sound import PIANO, Sound
from synvae_workbench.live.assets import read_assets
from synvae_workbench.notation import WIDTHS, Part, music_xml, sheet_music

LEAST_BARS = 4  # of a piece whose sections are marked
MOST_NAMED = 32  # notes whose pitches are named one by one
PITCH_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


class Performance:
    """A melody for the page: notes and text to draw, and its files.

    Attributes:
        content: of the message that shows it.
        wav, midi: bytes of the two files that are always made.
    """

    def __init__(
        self, content: dict, events: np.ndarray, wav: bytes, midi: bytes, sound: Sound
    ) -> None:
        self.content, self.wav, self.midi = content, wav, midi
        self._events, self._sound = events, sound

    @cached_property
    def music_xml(self) -> bytes:
        """Bytes of its MusicXML, chords and bass included if there are any."""
        sound = self._sound
        if sound.accompaniment is None:
            parts = [Part(ONE_VOICE.notes(self._events), program=sound.program)]
        else:
            players = players_of(self._events, sound.accompaniment, program=sound.program)
            parts = [Part(each.notes, each.name.title(), each.program) for each in players]
        steps, title = len(self._events), self.content["label"]
        return music_xml(parts, steps=steps, qpm=sound.qpm, title=title)


class LivePlayer(anywidget.AnyWidget):
    """Widget of a piano roll with a playhead, a player, sheet music and links that save."""

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
        """Repeats the melody to a page that opens, or is opened again, and writes it down."""
        shown = self._shown
        if shown is None:
            return
        match content:
            case {"kind": "ready"}:
                self._tell(False)
            case {"kind": "music xml"}:
                self.send({"kind": "music xml"}, [shown.music_xml])
            case {"kind": "sheet", "width": int(width)}:
                width = min(max(width, WIDTHS[0]), WIDTHS[1])
                words = shown.content["words"].replace("Piano roll", "Sheet music", 1)
                image = sheet_music(shown.music_xml, width=width)
                self.send({"kind": "sheet", "words": words}, [image.encode()])

    def _tell(self, play: bool) -> None:
        shown = self._shown
        self.send(shown.content | {"play": play}, [shown.wav, shown.midi])


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
    waveform = sound.perform(events)
    wav = io.BytesIO()
    soundfile.write(wav, waveform, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    parts = labels_of_sections(events)
    content = {
        "kind": "show",
        "label": label,
        "count": format_note_count(notes),
        "words": describe_notes(notes, len(events), parts),
        "sections": parts,
        "notes": [list(note[:3]) for note in notes],
        "steps": len(events),
        "seconds": len(events) * sound.step_seconds,
        "file": re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:60] or "melody",
    }
    return Performance(content, events, wav.getvalue(), sound.midi(events), sound)


def labels_of_sections(events: Integer[np.ndarray, " t"]) -> list[str]:
    """Labels of a piece's sections, all of one length; none of fewer than `LEAST_BARS` bars."""
    if len(events) % STEPS_PER_BAR or len(events) < LEAST_BARS * STEPS_PER_BAR:
        return []
    return [label.replace("'", "′") for label in sections(events)]


def describe_notes(notes: list[Note], steps: int, parts: Sequence[str] = ()) -> str:
    """Text alternative of a piano roll: "Piano roll: 1 note in 2 bars, C4".

    Of many notes it says the range of their pitches, as nobody listens to a hundred names.

    Args:
        parts: labels of the sections.
    """
    told = [f"Piano roll: {format_note_count(notes)} in {_format_bars(steps)}"]
    if parts:
        told.append(f"sections of {_format_bars(steps / len(parts))}: {', '.join(parts)}")
    if len(notes) > MOST_NAMED:
        pitches = [note.pitch for note in notes]
        told.append(f"from {pitch_name(min(pitches))} to {pitch_name(max(pitches))}")
    else:
        told.extend(pitch_name(note.pitch) for note in notes)
    return ", ".join(told)


def _format_bars(steps: float) -> str:
    bars = steps / STEPS_PER_BAR
    return f"{bars:g} bar{'' if bars == 1 else 's'}"


def format_note_count(notes: list[Note]) -> str:
    """The number of notes in words: "1 note" or "12 notes"."""
    return f"{len(notes)} note{'' if len(notes) == 1 else 's'}"


def pitch_name(pitch: int) -> str:
    """The name of a MIDI pitch: 60 is C4."""
    return f"{PITCH_NAMES[pitch % 12]}{pitch // 12 - 1}"
