"""Reader of melodies: from files, NoteSequences, PrettyMIDI objects, arrays and tensors."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int
from pretty_midi import PrettyMIDI

from synvae_core.looks import Look
from synvae_core.music.coding import STEPS_PER_BAR, Coding, Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import (
    NoteSequence,
    note_sequence_to_events,
    pretty_midi_to_events,
    read_midi,
)
from synvae_core.music.midi_files import file_score
from synvae_core.music.performance import read_performed
from synvae_core.music.score import MidiError, Reading, score_to_events
from synvae_core.music.soloist import melody_of

ONE_MELODY = Reading(quantize=True, ignore_metre=True, transpose_into_range=True)
ANY_TUNE = replace(ONE_MELODY, top_line=True)


def read_melodies(source: object, *, steps: int, **options: Any) -> Int[np.ndarray, "n t"]:
    """Event ids of one or more melodies, each of exactly `steps` sixteenths.

    Args:
        source: the path or bytes of a MIDI file, a NoteSequence or a PrettyMIDI (n = 1 each);
            event ids (steps,) or (n, steps) as an array or a tensor on any device; or a list or
            tuple of any of these.
        options: how files, NoteSequences and PrettyMIDI are read, as in `midi.read_midi`; and the
            `coding` of the events, by default that of one voice.

    Raises:
        MidiError: if a file or score is not a melody that the options allow; it names the option
            that helps.
        ValueError: if events are no ids of the coding or of another length; in a list, both errors
            name the item, counted from 0.
    """
    reading = vars(Reading(steps=steps, **options))
    if isinstance(source, (str, os.PathLike, bytes)):
        return read_midi(source, **reading)[None]
    if isinstance(source, NoteSequence):
        return note_sequence_to_events(source, **reading)[None]
    if isinstance(source, PrettyMIDI):
        return pretty_midi_to_events(source, **reading)[None]
    if isinstance(source, (list, tuple)):
        return _read_items(source, reading)
    return _checked(source, steps, reading["coding"])


def read_opening(
    source: str | os.PathLike | bytes, *, steps: int, name: str = ""
) -> Int[np.ndarray, " {steps}"]:
    """Event ids (steps,) of the opening of any MIDI file, from the bar of its first note on.

    Of a melody with its accompaniment the melody, else the top line of all parts; on the grid of
    sixteenths, moved into the range by octaves, filled up with silence.

    Args:
        name: of the file in messages, by default its path.

    Raises:
        MidiError: if it is no MIDI file, truncated, too large, or has no notes.
    """
    try:
        score = file_score(source, name=name)
        try:
            events = melody_of(score, ONE_MELODY)
        except MidiError:  # several parts, none of them an accompaniment
            events = score_to_events(score, ANY_TUNE)
    except MidiError as error:
        raise _without_options(error) from error
    return _from_first_note(events, ANY_TUNE.coding, steps)[0]


def read_windows(
    source: str | os.PathLike | bytes, *, steps: int, coding: Coding = ONE_VOICE
) -> tuple[Int[np.ndarray, "n t"], Look | None]:
    """Event ids (n, t) of a whole MIDI file in windows of `steps`, and the look that it carries.

    A melody of that length as it stands; any other file as in `read_opening`, but to its end.

    Raises:
        MidiError: as `read_opening`.
    """
    try:
        events, look = read_performed(source, steps=steps, coding=coding)
        return events[None], look
    except MidiError:  # no melody of that length
        pass
    try:
        events, look = read_performed(source, **vars(replace(ONE_MELODY, coding=coding)))
    except MidiError:  # several parts, none of them an accompaniment
        try:
            events, look = read_performed(source, **vars(replace(ANY_TUNE, coding=coding)))
        except MidiError as error:
            raise _without_options(error) from error
    return _from_first_note(events, coding, steps), look


def _from_first_note(
    events: Int[np.ndarray, " t"], coding: Coding, steps: int
) -> Int[np.ndarray, "n window"]:
    """Windows of `steps` from the bar of the first note to the end, filled up with silence."""
    notes = coding.notes(events)
    first = notes[0].start // STEPS_PER_BAR * STEPS_PER_BAR
    windows: list[list[Note]] = [[] for _ in range(-(-(notes[-1].end - first) // steps))]
    for note in notes:
        number, start = divmod(note.start - first, steps)
        end = min(start + note.end - note.start, steps)
        windows[number].append(note._replace(start=start, end=end))
    return np.stack([coding.events(each, steps=steps) for each in windows])


def _without_options(error: MidiError) -> MidiError:
    """The same refusal without the options that would help elsewhere."""
    said = str(error).split("; pass ")[0].split(", or pass ")[0]
    return MidiError(said, reason=error.reason)


def _read_items(items: list | tuple, reading: dict[str, Any]) -> Int[np.ndarray, "n t"]:
    if not items:
        raise ValueError("the list of melodies is empty; expected at least one melody")
    melodies = []
    for index, item in enumerate(items):
        try:
            melodies.append(read_melodies(item, **reading))
        except ValueError as error:
            kind = MidiError if isinstance(error, MidiError) else ValueError
            raise kind(f"item {index} of {len(items)}: {error}") from error
    return np.concatenate(melodies)


def _checked(source: object, steps: int, coding: Coding) -> Int[np.ndarray, "n t"]:
    """Events of an array or a tensor, recognised by its methods: this floor imports no torch."""
    if hasattr(source, "detach"):
        source = source.detach().cpu().numpy()
    if not isinstance(source, np.ndarray):
        raise ValueError(
            f"a melody cannot be read from {type(source).__name__}; expected the path or bytes of "
            "a MIDI file, a NoteSequence, a PrettyMIDI, an array or tensor of event ids, or a list "
            "of these"
        )
    if source.ndim not in (1, 2):
        raise ValueError(f"melodies have shape (steps,) or (n, steps), got {source.shape}")
    found = source.shape[-1] / coding.voices
    if found != steps:
        raise ValueError(
            f"the melodies have {found:g} steps, expected steps={steps}; "
            "cut or fill them with holds to this length"
        )
    return np.array(coding.check(source), ndmin=2)  # a copy
