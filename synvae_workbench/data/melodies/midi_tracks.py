"""Extraction of melodies from the tracks of a MIDI file, for large collections.

Unlike `music.midi`, which reads one chosen melody or refuses it, this takes every usable track and
gives a short reason if there is none.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER, Note
from synvae_core.music.midi_files import PERCUSSION_CHANNEL, MidiFile, parse_midi
from synvae_core.music.score import MidiError
from synvae_workbench.data.melodies.windows import cut_windows, first_in_any_key, on_grid, top_line

MONOPHONIC = 0.9  # least share of a track's notes in its top line
UNMELODIC_PROGRAMS = frozenset([*range(32, 40), *range(112, 128)])  # basses; drums and effects
METRE_BARS = {(4, 4): 1, (2, 2): 1, (2, 4): 2}  # that make 16 steps


class Song(NamedTuple):
    """Windows of a file, or the reason for none in `refused`; `melody` is a digest in any key."""

    refused: str = ""
    melody: int = 0
    windows: UInt8[np.ndarray, "n t"] = np.zeros((0, 0), np.uint8)
    repeated: int = 0  # windows left out: the file has them before, in some key


def read_song(path: Path, *, bars: int) -> Song:
    """Windows of `bars` bars of 4/4 from the melodies of a MIDI file; never raises.

    A melody is the notes of a track on one channel, outside percussion, basses and effects, if its
    top line (the highest of simultaneous notes, none below a longer higher one) has at least 90 %
    of the notes. Times are rounded to sixteenths of the file's own quarters. Windows start on every
    bar line that so many bars of 4/4 or 2/2, or twice as many of 2/4, follow. `Song.melody` is the
    digest of the longest melody.
    """
    try:
        midi = parse_midi(path)
    except OSError:
        return Song("cannot be read")
    except MidiError as error:
        return Song(error.reason)
    lines = [line for notes in _voices(midi) if (line := _melody(notes))]
    if not lines:
        return Song("no melodic track with one voice")
    starts = _window_starts(midi, end=max(line[-1].end for line in lines), bars=bars)
    if not len(starts):
        return Song("too few bars of 4/4 in a row")
    windows = np.concatenate([_windows(line, starts, bars) for line in lines])
    if not len(windows):
        return Song("too few notes")
    kept = windows[first_in_any_key(windows)]
    return Song("", _digest(max(lines, key=len)), kept, len(windows) - len(kept))


def _voices(midi: MidiFile) -> Iterator[np.ndarray]:
    """Notes (n, 3), start and end in steps and pitch, of each voice that may be a melody.

    A voice is the notes of a track on one channel.
    """
    steps_per_tick = STEPS_PER_QUARTER / midi.resolution
    for track in midi.tracks:
        notes: dict[int, list[tuple[float, float, int]]] = {}
        programs = {channel: program for _, channel, program in reversed(track.programs)}
        sounding: dict[tuple[int, int], int] = {}
        for tick, channel, pitch, velocity in track.notes:
            start = sounding.pop((channel, pitch), tick)
            if start < tick:  # a note that is struck again ends there
                note = start * steps_per_tick, tick * steps_per_tick, pitch
                notes.setdefault(channel, []).append(note)
            if velocity:
                sounding[channel, pitch] = tick
        for channel, voice in notes.items():
            program = programs.get(channel, 0)
            if channel != PERCUSSION_CHANNEL and program not in UNMELODIC_PROGRAMS:
                yield np.array(voice)


def _melody(voice: np.ndarray) -> list[Note]:
    """Top line of a voice, or no notes if it leaves out too many."""
    notes = on_grid(voice[:, 0], voice[:, 1], voice[:, 2].astype(int))
    line = top_line(notes)
    return line if len(line) >= MONOPHONIC * len(notes) else []


def _window_starts(midi: MidiFile, *, end: int, bars: int) -> np.ndarray:
    """Starts, in steps, of `bars` bars of 16 steps in a row; up to the bar that holds `end`."""
    starts: list[int] = []
    segments = _metre_segments(midi)
    for (start, metre), following in zip(segments, [*segments[1:], None], strict=True):
        count = METRE_BARS.get(metre)
        if count is None:
            continue
        length = STEPS_PER_BAR // count
        stop = following[0] if following else end + (start - end) % length
        starts += range(start, stop - bars * STEPS_PER_BAR + 1, length)
    return np.array(starts, int)


def _metre_segments(midi: MidiFile) -> list[tuple[int, tuple[int, int]]]:
    """Metres with their starts in steps; one repeated on a bar line is merged."""
    changes = {0: (4, 4)}  # unless the file says something else
    for track in midi.tracks:
        for tick, numerator, denominator in track.metres:
            step = round(tick * STEPS_PER_QUARTER / midi.resolution)
            changes[step] = (numerator, denominator)
    segments: list[tuple[int, tuple[int, int]]] = []
    for start, metre in sorted(changes.items()):
        goes_on = segments and metre == segments[-1][1] and metre in METRE_BARS
        bar = STEPS_PER_BAR // METRE_BARS.get(metre, 1)
        if not (goes_on and (start - segments[-1][0]) % bar == 0):
            segments.append((start, metre))
    return segments


def _windows(line: list[Note], starts: np.ndarray, bars: int) -> UInt8[np.ndarray, "n t"]:
    return cut_windows(np.array(line)[:, :3], starts=starts, bars=bars)


def _digest(line: list[Note]) -> int:
    """Digest of a melody, 56 bits, the same in any key and from any first step."""
    notes = np.array(line)
    moved = notes[:, [0, 2]] - notes[0, [0, 2]]
    return int.from_bytes(hashlib.blake2b(moved.astype("<i4").tobytes(), digest_size=7).digest())
