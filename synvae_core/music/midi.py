"""Conversion of melodies to and from MIDI files, NoteSequences and PrettyMIDI objects.

Files are written by mido and parsed by `midi_files` on integer ticks, so every event sequence comes
back exactly, in its canonical form, at any tempo. `NoteSequence` is note-seq's; take it from here:
importing note_seq raises pretty_midi's guard against absurd ticks, and this module restores it.
"""

import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import mido
import numpy as np
import pretty_midi
from jaxtyping import Float, Integer

from synvae_core.atomic import make_folder, write_bytes
from synvae_core.music.coding import STEPS_PER_QUARTER, Coding, Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi_files import PERCUSSION_CHANNEL, file_score
from synvae_core.music.score import MidiError, Part, Reading, Score
from synvae_core.music.soloist import melody_of


class _Later(ModuleType):
    """Stands for a module while others import its functions, each imported when it is called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

        def call(*arguments: Any, **options: Any) -> Any:
            return getattr(import_module(self.__name__), name)(*arguments, **options)

        return call


@contextmanager
def _imported_later(*names: str) -> Iterator[None]:
    """Within the block, what imports functions of these modules does not import them yet."""
    stand_ins = {name: sys.modules.setdefault(name, _Later(name)) for name in names}
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if isinstance(stand_in, _Later):
                del sys.modules[name]


# Of note_seq, what nothing here uses, and what it brings: bokeh and pandas with figures for
# notebooks, scipy.io and scipy.linalg with the other two. A second of each kernel, and 50 MB.
_UNUSED = ("note_seq.notebook_utils", "note_seq.audio_io", "note_seq.melody_inference")
with warnings.catch_warnings(), _imported_later(*_UNUSED):
    warnings.simplefilter("ignore")  # pydub misses ffmpeg, which nothing here needs
    from note_seq import NoteSequence

pretty_midi.pretty_midi.MAX_TICK = 1e7  # its own guard; note_seq's 1e10 lets a file eat 80 GB

SEMITONES = 12  # of an octave
TICKS_PER_QUARTER = 480
TICKS_PER_STEP = TICKS_PER_QUARTER // STEPS_PER_QUARTER


def events_to_note_sequence(
    events: Integer[np.ndarray, " t"],
    *,
    qpm: float = 120.0,
    program: int = 0,
    velocity: int = 80,
    octaves: int = 0,
    coding: Coding = ONE_VOICE,
) -> NoteSequence:
    """A melody (t,) as a NoteSequence in 4/4 that lasts all its steps, silence included.

    Args:
        qpm: quarters per minute, 4..960.
        program: General MIDI program, 0..127.
        velocity: of every note, 1..127.
        octaves: by which the notes are moved, -1, 0 or 1: every melody has room for that.
        coding: of the events; each voice is an instrument of its own.
    """
    check_performance(qpm, program, velocity, octaves)
    seconds = 60.0 / qpm / STEPS_PER_QUARTER
    sequence = NoteSequence(ticks_per_quarter=TICKS_PER_QUARTER)
    sequence.tempos.add(qpm=qpm)
    sequence.time_signatures.add(numerator=4, denominator=4)
    for start, end, pitch, voice in moved_notes(coding.notes(events), octaves):
        sequence.notes.add(
            start_time=start * seconds,
            end_time=end * seconds,
            pitch=pitch,
            velocity=velocity,
            program=program,
            instrument=voice,
        )
    sequence.total_time = len(events) // coding.voices * seconds
    return sequence


def note_sequence_to_events(sequence: NoteSequence, **options: Any) -> Integer[np.ndarray, " t"]:
    """Event ids (t,) of the one melody in a NoteSequence; options and refusals of `read_midi`."""
    return melody_of(_sequence_score(sequence), Reading(**options))


def pretty_midi_to_events(
    midi: pretty_midi.PrettyMIDI, **options: Any
) -> Integer[np.ndarray, " t"]:
    """Event ids (t,) of the one melody in a PrettyMIDI; options and refusals of `read_midi`.

    It does not know where a file ended: silence after the last event is too short without `pad`.
    """
    return melody_of(_pretty_score(midi), Reading(**options))


def midi_bytes(
    events: Integer[np.ndarray, " t"],
    *,
    qpm: float = 120.0,
    program: int = 0,
    velocity: int | Sequence[int] = 80,
    octaves: int = 0,
    coding: Coding = ONE_VOICE,
) -> bytes:
    """A melody (t,) as the bytes of a MIDI file; arguments as in `events_to_note_sequence`.

    `velocity` may also be that of each note, in the order of `coding.notes`.

    The end of the track stands at the last step, so the length of trailing silence is kept too.
    Each voice has a channel of its own, in their order and without that of percussion.
    """
    check_performance(qpm, program, velocity, octaves)
    channels = [voice + (voice >= PERCUSSION_CHANNEL) for voice in range(coding.voices)]
    track = mido.MidiTrack(
        [
            mido.MetaMessage("set_tempo", tempo=round(60e6 / qpm)),
            mido.MetaMessage("time_signature", numerator=4, denominator=4),
            *(mido.Message("program_change", program=program, channel=c) for c in channels),
        ]
    )
    steps = len(events) // coding.voices
    notes = moved_notes(coding.notes(events), octaves)
    add_notes(track, notes, channels=channels, velocity=velocity, steps=steps)
    buffer = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_QUARTER, tracks=[track]).save(file=buffer)
    return buffer.getvalue()


def moved_notes(notes: list[Note], octaves: int) -> list[Note]:
    """Notes that many octaves higher."""
    return [note._replace(pitch=note.pitch + SEMITONES * octaves) for note in notes]


def add_notes(
    track: mido.MidiTrack,
    notes: list[Note],
    *,
    channels: list[int],
    velocity: int | Sequence[int],
    steps: int,
) -> None:
    """Adds notes to a track, each in the channel of its voice, and the end of the track."""
    velocities = [velocity] * len(notes) if isinstance(velocity, int) else velocity
    # (step, whether it starts, pitch, voice, velocity): at one step, ends come before starts
    changes = [
        change
        for (start, end, pitch, voice), loud in zip(notes, velocities, strict=True)
        for change in ((start, True, pitch, voice, loud), (end, False, pitch, voice, 0))
    ]
    before = 0  # step of the last message: MIDI stores differences
    for step, starts, pitch, voice, loud in sorted(changes):
        kind = "note_on" if starts else "note_off"
        note = {"note": pitch, "velocity": loud, "channel": channels[voice]}
        track.append(mido.Message(kind, time=(step - before) * TICKS_PER_STEP, **note))
        before = step
    track.append(mido.MetaMessage("end_of_track", time=(steps - before) * TICKS_PER_STEP))


def write_midi(events: Integer[np.ndarray, " t"], path: str | os.PathLike, **options: Any) -> None:
    """Writes a melody (t,) as a MIDI file, atomically; makes its folder.

    Args:
        options: of `midi_bytes`.
    """
    make_folder(Path(path).parent)
    write_bytes(Path(path), midi_bytes(events, **options))


def read_midi(source: str | os.PathLike | bytes, **options: Any) -> Integer[np.ndarray, " t"]:
    """Event ids (t,) of the one melody in a MIDI file, percussion left out.

    Args:
        source: a path, or the bytes of a file.
        options: what may be done to make it one melody, the fields of `score.Reading`: `steps`,
            `track`, `top_line`, `quantize`, `ignore_metre`, `transpose_into_range`, `bar`, `pad`
            and `allow_silence`; and the `coding` of the events. Without any, the file must be a
            melody of one voice on the grid as it stands.

    Raises:
        MidiError: if the file is no MIDI file, truncated, larger than 512 KB or with an absurd
            tick; without notes; with two voices at once or several parts; off the grid of
            sixteenths; in another metre; with a pitch outside 21..108; shorter or longer than
            `steps`. It names the option that helps.
        ValueError: if `steps` or `bar` makes no sense.
    """
    return melody_of(file_score(source), Reading(**options))


def round_trip(
    events: Integer[np.ndarray, "n t"],
    *,
    folder: str | os.PathLike | None = None,
    coding: Coding = ONE_VOICE,
    **performance: Any,
) -> Integer[np.ndarray, "n t"]:
    """Melodies (n, t) after a round trip through MIDI: `coding.canonical(events)`, silence too.

    Args:
        folder: keeps the files here, as melody_00000.mid and so on; by default bytes in memory.
        performance: how they are played, as in `midi_bytes`.
    """
    heard, steps = np.empty(events.shape, np.int64), events.shape[1] // coding.voices
    if folder is not None:
        make_folder(Path(folder))
    for index, melody in enumerate(events):
        source: bytes | Path = (data := midi_bytes(melody, coding=coding, **performance))
        if folder is not None:
            source = Path(folder) / f"melody_{index:05d}.mid"
            write_bytes(source, data)
        heard[index] = read_midi(source, steps=steps, allow_silence=True, coding=coding)
    return heard


def check_performance(
    qpm: float, program: int, velocity: int | Sequence[int], octaves: int = 0
) -> None:
    """Refuses options of a performance that are out of range, by a ValueError."""
    if not 4 <= qpm <= 960:
        raise ValueError(f"qpm is 4..960 quarters per minute, got {qpm}")
    if not 0 <= program <= 127:
        raise ValueError(f"program is a General MIDI program 0..127, got {program}")
    if not all(1 <= each <= 127 for each in np.atleast_1d(velocity)):
        raise ValueError(f"velocity is 1..127 (0 would end the note), got {velocity}")
    if octaves not in (-1, 0, 1):
        raise ValueError(f"a melody is moved by -1, 0 or 1 octaves, got {octaves}")


def _steps(
    seconds: Float[np.ndarray, " n"], tempos: list[tuple[float, float]], name: str
) -> Float[np.ndarray, " n"]:
    """Times in steps, under tempos of (time in seconds, quarters per minute)."""
    tempos = sorted(tempos, key=lambda each: each[0])  # of two at one time the last one counts
    if not tempos or tempos[0][0] > 0:
        tempos.insert(0, (0.0, 120.0))
    times, qpms = np.array(tempos, np.float64).T
    if not (np.isfinite(times).all() and np.isfinite(qpms).all() and (qpms > 0).all()):
        raise MidiError(f"{name} has a tempo that is not a positive number; correct its tempos")
    steps_per_second = qpms / 60 * STEPS_PER_QUARTER
    steps_before = np.concatenate([[0.0], np.cumsum(np.diff(times) * steps_per_second[:-1])])
    tempo = np.maximum(np.searchsorted(times, seconds, side="right") - 1, 0)
    return steps_before[tempo] + (seconds - times[tempo]) * steps_per_second[tempo]


def _timed_score(
    name: str,
    voices: list[tuple[str, str, int, list[tuple[float, float, int]]]],
    tempos: list[tuple[float, float]],
    metres: list[tuple[int, int]],
    end: float,
    percussion: int,
) -> Score:
    """A score from (name, label, voice, notes) with notes of (start, end, pitch) in seconds."""
    parts = []
    for name_of_part, label, voice, notes in voices:
        spans = np.array(notes, np.float64)
        spans[:, :2] = _steps(spans[:, :2].ravel(), tempos, name).reshape(-1, 2)
        parts.append(Part(name_of_part, label, spans, voice))
    return Score(name, parts, metres, float(_steps(np.array([end]), tempos, name)[0]), percussion)


def _sequence_score(sequence: NoteSequence) -> Score:
    names = {info.instrument: info.name for info in sequence.instrument_infos}
    voices: dict[int, list[tuple[float, float, int]]] = {}
    for note in sequence.notes:
        if not note.is_drum:
            voices.setdefault(note.instrument, []).append(
                (note.start_time, note.end_time, note.pitch)
            )
    return _timed_score(
        "the NoteSequence",
        [
            (names.get(i, ""), f"{names.get(i, '')!r} (instrument {i})", i, voices[i])
            for i in sorted(voices)
        ],
        [(tempo.time, tempo.qpm) for tempo in sequence.tempos],
        [(metre.numerator, metre.denominator) for metre in sequence.time_signatures],
        sequence.total_time,
        sum(note.is_drum for note in sequence.notes),
    )


def _pretty_score(midi: pretty_midi.PrettyMIDI) -> Score:
    played = [voice for voice in midi.instruments if voice.notes]
    return _timed_score(
        "the PrettyMIDI",
        [
            (
                voice.name,
                f"{voice.name!r} (program {voice.program})",
                number,
                [(note.start, note.end, note.pitch) for note in voice.notes],
            )
            for number, voice in enumerate(played)
            if not voice.is_drum
        ],
        list(zip(*(values.tolist() for values in midi.get_tempo_changes()), strict=True)),
        [(metre.numerator, metre.denominator) for metre in midi.time_signature_changes],
        midi.get_end_time(),
        sum(len(voice.notes) for voice in played if voice.is_drum),
    )
