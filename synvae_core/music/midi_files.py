"""Reader of MIDI files: their notes as a `Score`, with bounds on size, time and memory."""

import os
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from synvae_core.music.coding import STEPS_PER_QUARTER
from synvae_core.music.midi_events import Corrupt, Track, parse_header, parse_tracks
from synvae_core.music.score import MAX_STEPS, MidiError, Part, Score
from synvae_core.places import whole_path

MAX_BYTES = 1 << 19  # a song of POP909 has 30 KB, a dense export from an editor some hundred
# An event takes two bytes or more: with the size, their number and memory are bounded, too.
MOST_BEFORE = 256  # bytes before the file proper: the head of a RIFF or of a MacBinary
PERCUSSION_CHANNEL = 9


class MidiFile(NamedTuple):
    """Tracks of a MIDI file in ticks, of which a quarter has `resolution`; a name for messages."""

    name: str
    resolution: int
    tracks: list[Track]


def file_score(source: str | os.PathLike | bytes, *, name: str = "") -> Score:
    """Reads the score of a MIDI file, given by its path or its bytes.

    Args:
        name: of the source in messages, by default its path.

    Raises:
        MidiError: if it is no MIDI file of type 0 or 1 in ticks per quarter, truncated or corrupt,
            larger than 512 KB or with an absurd tick.
    """
    return score_of(parse_midi(source, name=name))


def score_of(midi: MidiFile) -> Score:
    """The score of a parsed MIDI file."""
    end = max((track.end for track in midi.tracks), default=0)
    parts, percussion = [], 0
    for index, track in enumerate(midi.tracks):
        for channel, spans in sorted(_spans(track, midi.resolution).items()):
            label = f"{track.name[:40]!r} (MIDI track {index}, channel {channel + 1})"
            if channel == PERCUSSION_CHANNEL:
                percussion += len(spans)
            else:
                voice = channel - (channel > PERCUSSION_CHANNEL)
                parts.append(Part(track.name, label, spans, voice))
    metres = [metre[1:] for track in midi.tracks for metre in track.metres]
    return Score(midi.name, parts, metres, end * STEPS_PER_QUARTER / midi.resolution, percussion)


def parse_midi(source: str | os.PathLike | bytes, *, name: str = "") -> MidiFile:
    """Parses a MIDI file, given by its path or its bytes.

    Raises:
        MidiError: as in `file_score`; its `reason` says in a few words which of these it was.
    """
    name, data = _contents(source, name)
    try:
        header = parse_header(data)
        if header.kind not in (0, 1) or header.resolution <= 0:
            raise MidiError(
                f"{name} is of type {header.kind} with time division {header.resolution}; expected "
                "type 0 or 1 in ticks per quarter; export it again as type 1",
                reason="not of type 0 or 1 in ticks per quarter",
            )
        tracks = parse_tracks(data, header)
    except Corrupt as error:
        raise MidiError(
            f"{name} is truncated or corrupt, expected a whole MIDI file; export or copy it again "
            f"({error})",
            reason="truncated or corrupt",
        ) from error
    ticks = max((track.end for track in tracks), default=0)
    if ticks * STEPS_PER_QUARTER > MAX_STEPS * header.resolution:
        raise MidiError(
            f"{name} has an absurd tick: it would last more than {MAX_STEPS} sixteenths; "
            "the file is corrupt, export it again",
            reason="absurdly long",
        )
    return MidiFile(name, header.resolution, tracks)


def _contents(source: str | os.PathLike | bytes, name: str) -> tuple[str, bytes]:
    """A name for messages, and the bytes from the header on."""
    if isinstance(source, bytes):
        name, data = name or "the MIDI data", source
    else:
        path = whole_path(source)
        name = name or str(path)
        if not path.is_file():
            raise MidiError(
                f"{name} is not a file; expected the path of a MIDI file (.mid)",
                reason="cannot be read",
            )
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    start = data.find(b"MThd", 0, MOST_BEFORE)
    if start < 0:
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
    return name, data[start:]


def _spans(track: Track, resolution: int) -> dict[int, Float[np.ndarray, "n 3"]]:
    """Notes of a track by channel; a note without an end lasts as long as the track."""
    ended = dict.fromkeys((channel, pitch) for _, channel, pitch, _ in track.notes)
    found: dict[int, list[tuple[int, int, int]]] = {}
    sounding: dict[tuple[int, int], list[int]] = {}
    ends = ((track.end, channel, pitch, 0) for channel, pitch in ended)
    for tick, channel, pitch, velocity in [*track.notes, *ends]:
        key = channel, pitch
        if velocity:
            sounding.setdefault(key, []).append(tick)
            continue
        begun = sounding.pop(key, ())
        for start in begun:
            if start < tick:
                found.setdefault(channel, []).append((start, tick, pitch))
        if begun and begun[0] < tick == begun[-1]:
            # The note-on came before the note-off of the same pitch at the same tick.
            sounding[key] = [tick]
    to_steps = np.array([STEPS_PER_QUARTER / resolution, STEPS_PER_QUARTER / resolution, 1.0])
    return {channel: np.array(notes) * to_steps for channel, notes in found.items()}
