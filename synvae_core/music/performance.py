"""Performance of a melody that carries a picture's look: instrument, register, tempo, loudness.

Hue family -> family of instruments; lightness -> register, that is which of the family plays and
the octave; busyness -> tempo; contrast -> loudness. Each is monotone, and each look has one
performance. So a look is read back from the MIDI file exactly, and the melody beside it, moved back
by whole octaves. A file that is played otherwise, or is silent, has no look. See
`docs/performance.md` for the studies behind the choices.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Integer

from synvae_core.looks import ABSENT, SCALES, Look
from synvae_core.music.coding import Coding, Note
from synvae_core.music.expression import express
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import SEMITONES, midi_bytes, write_midi
from synvae_core.music.midi_files import PERCUSSION_CHANNEL, MidiFile, parse_midi, score_of
from synvae_core.music.score import Reading, Score
from synvae_core.music.soloist import melody_of

# General MIDI programs and names of each family's low, middle and high member, in order of `HUES`.
INSTRUMENTS = (
    ((0, "piano"), (4, "electric piano"), (8, "celesta")),
    ((57, "trombone"), (60, "horn"), (56, "trumpet")),
    ((67, "baritone saxophone"), (66, "tenor saxophone"), (64, "soprano saxophone")),
    ((12, "marimba"), (11, "vibraphone"), (9, "glockenspiel")),
    ((70, "bassoon"), (71, "clarinet"), (73, "flute")),
    ((42, "cello"), (41, "viola"), (40, "violin")),
)
REGISTERS = ("low", "middle", "high")
OCTAVES = (-1, 0, 1)  # of each register; every melody of 21..108 stays within MIDI's 0..127
TEMPOS = (("slow", 80.0), ("moderate", 108.0), ("fast", 144.0))  # quarters per minute
DYNAMICS = (("soft", 50), ("half loud", 76), ("loud", 104))  # velocities
_LEVELS = {
    program: (hue, register)
    for hue, family in enumerate(INSTRUMENTS)
    for register, (program, _) in enumerate(family)
}


class Performance(NamedTuple):
    """Options of playing, as in `music.midi.midi_bytes`."""

    program: int
    qpm: float
    velocity: int
    octaves: int


PLAIN = Performance(program=0, qpm=120.0, velocity=80, octaves=0)  # of no look


def performance_of(look: Look) -> Performance:
    """The performance that carries a look.

    Raises:
        ValueError: if a level is none of its scale.
    """
    for level, scale in zip(look, SCALES, strict=True):
        if not 0 <= level < len(scale):
            raise ValueError(f"a level of {scale} is 0..{len(scale) - 1}, got {level}")
    return Performance(
        program=INSTRUMENTS[look.hue][look.lightness][0],
        qpm=TEMPOS[look.busyness][1],
        velocity=DYNAMICS[look.contrast][1],
        octaves=OCTAVES[look.lightness],
    )


def look_of_performance(program: int, qpm: float, velocity: int) -> Look | None:
    """The look that a performance carries, or None if it is none of ours."""
    tempos = [each for _, each in TEMPOS]
    velocities = [each for _, each in DYNAMICS]
    if program not in _LEVELS or qpm not in tempos or velocity not in velocities:
        return None
    hue, lightness = _LEVELS[program]
    return Look(hue, lightness, velocities.index(velocity), tempos.index(qpm))


def performances_of(looks: Integer[np.ndarray, "n 4"]) -> list[Performance]:
    """The performances that carry looks; `PLAIN` where one is absent."""
    return [
        PLAIN if ABSENT in levels else performance_of(Look(*levels)) for levels in looks.tolist()
    ]


def in_register(
    events: Integer[np.ndarray, "n t"],
    looks: Integer[np.ndarray, "n 4"],
    *,
    coding: Coding = ONE_VOICE,
) -> Integer[np.ndarray, "n t"]:
    """Melodies moved by the octaves of their looks, where their pitches have room for that."""
    starts = coding.starts(events)
    lowest = np.where(starts > 0, starts, coding.highest).min(1)
    highest = np.where(starts > 0, starts, coding.lowest).max(1)
    moves = SEMITONES * np.array([each.octaves for each in performances_of(looks)])
    fits = (lowest + moves >= coding.lowest) & (highest + moves <= coding.highest)
    return coding.transpose(events, np.where(fits, moves, 0)[:, None])


def performance_words(look: Look) -> str:
    """A look and its performance, such as "dark and blue, flat, calm: cello, low, soft, slow"."""
    instrument = INSTRUMENTS[look.hue][look.lightness][1]
    register, (dynamic, _) = REGISTERS[look.lightness], DYNAMICS[look.contrast]
    return f"{look.words}: {instrument}, {register}, {dynamic}, {TEMPOS[look.busyness][0]}"


def read_performed(
    source: str | os.PathLike | bytes, **options: Any
) -> tuple[Integer[np.ndarray, " t"], Look | None]:
    """Event ids (t,) of the one melody in a MIDI file, and the look that its performance carries.

    A performance has one tempo and one instrument from the start on, and one velocity, or those
    that `expression.express` makes of one; an accompaniment may be there and has its own. With a
    look, the melody is moved back by the octaves of its register. Without, it is what `read_midi`
    reads, whose options and refusals these are.
    """
    reading = Reading(**options)
    midi = parse_midi(source)
    score = score_of(midi)
    look = _look(midi, score, reading.coding)
    moved = None if look is None else _moved_back(score, look, reading.coding)
    return melody_of(moved or score, reading), look if moved else None


def performed_round_trip(
    events: Integer[np.ndarray, "n t"],
    looks: Integer[np.ndarray, "n 4"],
    *,
    folder: str | os.PathLike | None = None,
    coding: Coding = ONE_VOICE,
) -> tuple[Integer[np.ndarray, "n t"], Integer[np.ndarray, "n 4"]]:
    """Melodies in canonical form, and looks, after a round trip through MIDI.

    A silent melody loses its look, which becomes `looks.ABSENT`.

    Args:
        folder: keeps the files here, as melody_00000.mid and so on; by default bytes in memory.
    """
    heard, found = np.empty(events.shape, np.int64), np.full(looks.shape, ABSENT, np.int64)
    steps = events.shape[1] // coding.voices
    for index, (melody, played) in enumerate(zip(events, performances_of(looks), strict=True)):
        how = played._asdict()
        source: bytes | Path = b""
        if folder is None:
            source = midi_bytes(melody, coding=coding, **how)
        else:
            source = Path(folder) / f"melody_{index:05d}.mid"
            write_midi(melody, source, coding=coding, **how)
        heard[index], look = read_performed(source, steps=steps, allow_silence=True, coding=coding)
        if look is not None:
            found[index] = look
    return heard, found


def _look(midi: MidiFile, score: Score, coding: Coding) -> Look | None:
    tempos: set[tuple[int, int]] = set()
    programs: set[tuple[int, int]] = set()
    velocities: dict[int | None, list[int]] = {voice: [] for voice in range(coding.voices)}
    for track in midi.tracks:
        tempos.update(track.tempos)
        programs.update(
            (tick, program)
            for tick, channel, program in track.programs
            if _voice(channel) in velocities
        )
        for _, channel, _, loud in track.notes:
            if loud and _voice(channel) in velocities:
                velocities[_voice(channel)].append(loud)
    carried = [part for part in score.parts if part.voice in velocities]
    dynamics = {_even_velocity(part.spans, velocities[part.voice]) for part in carried}
    if not len(tempos) == len(programs) == len(dynamics) == 1:
        return None
    ((start, tempo),), ((first, program),), (velocity,) = tempos, programs, dynamics
    if start or first or velocity is None:
        return None
    return look_of_performance(program, round(60e6 / tempo, 2), velocity)


def _voice(channel: int) -> int | None:
    """The voice that a channel belongs to; None of percussion."""
    return None if channel == PERCUSSION_CHANNEL else channel - (channel > PERCUSSION_CHANNEL)


def _even_velocity(spans: Float[np.ndarray, "n 3"], velocities: list[int]) -> int | None:
    """The velocity of all notes, or that of ours which their expression was made of."""
    played = {velocity for _, velocity in DYNAMICS}
    if len(set(velocities)) == 1 and velocities[0] in played:
        return velocities[0]
    notes = sorted(Note(*row) for row in spans.round().astype(int).tolist())
    for _, velocity in DYNAMICS:
        if [each.velocity for each in express(notes, velocity=velocity)] == velocities:
            return velocity
    return None


def _moved_back(score: Score, look: Look, coding: Coding) -> Score | None:
    """The score with its melody out of the look's register, or None where it cannot come from."""
    semitones = SEMITONES * OCTAVES[look.lightness]
    parts = []
    for part in score.parts:
        if part.voice < coding.voices:
            spans = part.spans - [0, 0, semitones]
            if spans[:, 2].min() < coding.lowest or spans[:, 2].max() > coding.highest:
                return None
            part = part._replace(spans=spans)
        parts.append(part)
    return score._replace(parts=parts)
