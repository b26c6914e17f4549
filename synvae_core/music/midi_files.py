"""Reader of MIDI files: their notes as a `Score`, parsed by mido, with bounds on size and time."""

import io
import os
import re
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
from jaxtyping import Float

from synvae_core.music.coding import STEPS_PER_QUARTER
from synvae_core.music.score import MAX_STEPS, MidiError, Part, Score

MAX_BYTES = 1 << 19  # a song of POP909 has 30 KB, a dense export from an editor some hundred
PERCUSSION_CHANNEL = 9
# A delta time has at most four bytes; long runs make mido's integers grow, in quadratic time.
ENDLESS_NUMBER = re.compile(rb"[\x80-\xff]{1024}")


class Track(NamedTuple):
    """Changes of notes and metres of one track; `end` is its last tick.

    A change is a tick, a channel and pitch, and whether the note starts there or ends.
    """

    name: str
    changes: list[tuple[int, tuple[int, int], bool]]
    metres: list[tuple[int, int]]
    end: int


def file_score(source: str | os.PathLike | bytes) -> Score:
    """Reads the score of a MIDI file, given by its path or its bytes.

    Raises:
        MidiError: if it is no MIDI file of type 0 or 1 in ticks per quarter, truncated or corrupt,
            larger than 512 KB or with an absurd tick.
    """
    return score_of(*parse_midi(source))


def score_of(name: str, midi: mido.MidiFile) -> Score:
    """The score of a parsed MIDI file, with a name for messages."""
    resolution = midi.ticks_per_beat
    tracks = [_read_track(track) for track in midi.tracks]
    end = max((track.end for track in tracks), default=0) * STEPS_PER_QUARTER / resolution
    parts, percussion = [], 0
    for index, track in enumerate(tracks):
        for channel, spans in sorted(_spans(track, resolution).items()):
            label = f"{track.name[:40]!r} (MIDI track {index}, channel {channel + 1})"
            if channel == PERCUSSION_CHANNEL:
                percussion += len(spans)
            else:
                voice = channel - (channel > PERCUSSION_CHANNEL)
                parts.append(Part(track.name, label, spans, voice))
    return Score(
        name, parts, [metre for track in tracks for metre in track.metres], end, percussion
    )


def parse_midi(source: str | os.PathLike | bytes) -> tuple[str, mido.MidiFile]:
    """Parses a MIDI file, given by its path or its bytes: a name for messages, and its content.

    Raises:
        MidiError: as in `file_score`; its `reason` says in a few words which of these it was.
    """
    name, data = _contents(source)
    broken = f"{name} is truncated or corrupt, expected a whole MIDI file; export or copy it again"
    corrupt = "truncated or corrupt"
    if ENDLESS_NUMBER.search(data):
        raise MidiError(f"{broken} (a number without an end)", reason=corrupt)
    try:
        midi = mido.MidiFile(file=io.BytesIO(data))
    except Exception as error:  # mido raises whatever the bytes provoke, from EOFError to KeyError
        detail = str(error) or type(error).__name__
        raise MidiError(f"{broken} ({detail})", reason=corrupt) from error
    if midi.type not in (0, 1) or midi.ticks_per_beat <= 0:
        raise MidiError(
            f"{name} is of type {midi.type} with time division {midi.ticks_per_beat}; expected "
            "type 0 or 1 in ticks per quarter; export it again as type 1",
            reason="not of type 0 or 1 in ticks per quarter",
        )
    ticks = max((sum(message.time for message in track) for track in midi.tracks), default=0)
    if ticks * STEPS_PER_QUARTER > MAX_STEPS * midi.ticks_per_beat:
        raise MidiError(
            f"{name} has an absurd tick: it would last more than {MAX_STEPS} sixteenths; "
            "the file is corrupt, export it again",
            reason="absurdly long",
        )
    return name, midi


def _contents(source: str | os.PathLike | bytes) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        name, data = "the MIDI data", source
    else:
        name, path = str(source), Path(source)
        if not path.is_file():
            raise MidiError(
                f"{name} is not a file; expected the path of a MIDI file (.mid)",
                reason="cannot be read",
            )
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    if not data.startswith(b"MThd"):
        raise MidiError(
            f"{name} is not a MIDI file: it starts with {data[:4]!r} instead of b'MThd'; "
            "export the melody as a standard MIDI file (.mid)",
            reason="not a MIDI file",
        )
    if len(data) > MAX_BYTES:
        raise MidiError(
            f"{name} has more than {MAX_BYTES // 1024} KB, far more than a song; "
            "export the melody alone",
            reason="larger than 512 KB",
        )
    return name, data


def _read_track(track: mido.MidiTrack) -> Track:
    changes, metres, tick = [], [], 0
    for message in track:
        tick += message.time
        if message.type in ("note_on", "note_off"):
            starts = message.type == "note_on" and message.velocity > 0  # velocity 0 ends a note
            changes.append((tick, (message.channel, message.note), starts))
        elif message.type == "time_signature":
            metres.append((message.numerator, message.denominator))
    return Track(_text(track.name), changes, metres, tick)


def _text(name: str) -> str:
    """Decodes a name as UTF-8, which most programs write, where it is not the Latin-1 of mido."""
    try:
        return name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return name


def _spans(track: Track, resolution: int) -> dict[int, Float[np.ndarray, "n 3"]]:
    """Notes of a track by channel; a note without an end lasts as long as the track."""
    ended = dict.fromkeys(key for _, key, _ in track.changes)
    found: dict[int, list[tuple[int, int, int]]] = {}
    sounding: dict[tuple[int, int], list[int]] = {}
    for tick, key, starts in [*track.changes, *((track.end, key, False) for key in ended)]:
        if starts:
            sounding.setdefault(key, []).append(tick)
            continue
        begun = sounding.pop(key, ())
        channel, pitch = key
        for start in begun:
            if start < tick:
                found.setdefault(channel, []).append((start, tick, pitch))
        if begun and begun[0] < tick == begun[-1]:
            # The note-on came before the note-off of the same pitch at the same tick.
            sounding[key] = [tick]
    to_steps = np.array([STEPS_PER_QUARTER / resolution, STEPS_PER_QUARTER / resolution, 1.0])
    return {channel: np.array(notes) * to_steps for channel, notes in found.items()}
