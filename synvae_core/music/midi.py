"""Melodies to and from MIDI files and NoteSequences.

Files are written and parsed by mido on integer ticks, so every event sequence comes back exactly,
in its canonical form, at any tempo. `NoteSequence` is note-seq's; take it from here: importing
note_seq raises pretty_midi's guard against absurd ticks, and this module restores it.
"""

import io
import os
import re
import tempfile
import warnings
from pathlib import Path

import mido
import numpy as np
import pretty_midi.pretty_midi
from jaxtyping import Integer

from synvae_core.music.melody import STEPS_PER_QUARTER, events_to_notes
from synvae_core.music.score import MAX_STEPS, MidiError, Part, Score, Span, score_to_events

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pydub misses ffmpeg, which nothing here needs
    from note_seq import NoteSequence

pretty_midi.pretty_midi.MAX_TICK = 1e7  # its own guard; note_seq's 1e10 lets a file eat 80 GB

TICKS_PER_QUARTER = 480
TICKS_PER_STEP = TICKS_PER_QUARTER // STEPS_PER_QUARTER
MAX_BYTES = 1 << 17  # parsed within half a second; a melody of 64 bars has 4 KB
PERCUSSION_CHANNEL = 9
# A delta time has at most four bytes; long runs make mido's integers grow, in quadratic time.
ENDLESS_INTEGER = re.compile(rb"[\x80-\xff]{1024}")


def events_to_note_sequence(
    events: Integer[np.ndarray, " t"], *, qpm: float = 120.0, program: int = 0, velocity: int = 80
) -> NoteSequence:
    """A melody (t,) as a NoteSequence in 4/4 that lasts all t steps, silence included.

    Args:
        qpm: quarters per minute, 4..960.
        program: General MIDI program, 0..127.
        velocity: of every note, 1..127.
    """
    _check_performance(qpm, program, velocity)
    seconds = 60.0 / qpm / STEPS_PER_QUARTER
    sequence = NoteSequence(ticks_per_quarter=TICKS_PER_QUARTER)
    sequence.tempos.add(qpm=qpm)
    sequence.time_signatures.add(numerator=4, denominator=4)
    for start, end, pitch in events_to_notes(events):
        sequence.notes.add(
            start_time=start * seconds,
            end_time=end * seconds,
            pitch=pitch,
            velocity=velocity,
            program=program,
        )
    sequence.total_time = len(events) * seconds
    return sequence


def note_sequence_to_events(
    sequence: NoteSequence,
    *,
    steps: int | None = None,
    track: int | None = None,
    quantize: bool = False,
    ignore_metre: bool = False,
    allow_silence: bool = False,
) -> Integer[np.ndarray, " steps"]:
    """Event ids of the one melody in a NoteSequence; options and refusals as in `read_midi`."""
    return score_to_events(
        _sequence_score(sequence),
        steps=steps,
        track=track,
        quantize=quantize,
        ignore_metre=ignore_metre,
        allow_silence=allow_silence,
    )


def midi_bytes(
    events: Integer[np.ndarray, " t"], *, qpm: float = 120.0, program: int = 0, velocity: int = 80
) -> bytes:
    """A melody (t,) as the bytes of a MIDI file; arguments as in `events_to_note_sequence`.

    The end of the track stands at the last step, so the length of trailing silence is kept too.
    """
    _check_performance(qpm, program, velocity)
    track = mido.MidiTrack(
        [
            mido.MetaMessage("set_tempo", tempo=round(60e6 / qpm)),
            mido.MetaMessage("time_signature", numerator=4, denominator=4),
            mido.Message("program_change", program=program),
        ]
    )
    step = 0  # of the last message: MIDI stores differences
    for start, end, pitch in events_to_notes(events):
        on = (start - step) * TICKS_PER_STEP
        off = (end - start) * TICKS_PER_STEP
        track.append(mido.Message("note_on", note=pitch, velocity=velocity, time=on))
        track.append(mido.Message("note_off", note=pitch, velocity=0, time=off))
        step = end
    track.append(mido.MetaMessage("end_of_track", time=(len(events) - step) * TICKS_PER_STEP))
    buffer = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_QUARTER, tracks=[track]).save(file=buffer)
    return buffer.getvalue()


def write_midi(
    events: Integer[np.ndarray, " t"],
    path: str | os.PathLike,
    *,
    qpm: float = 120.0,
    program: int = 0,
    velocity: int = 80,
) -> None:
    """Write a melody (t,) as a MIDI file that is there whole or not at all; makes its folder."""
    _write_atomically(Path(path), midi_bytes(events, qpm=qpm, program=program, velocity=velocity))


def read_midi(
    source: str | os.PathLike | bytes,
    *,
    steps: int | None = None,
    track: int | None = None,
    quantize: bool = False,
    ignore_metre: bool = False,
    allow_silence: bool = False,
) -> Integer[np.ndarray, " steps"]:
    """Event ids (steps,) of the one melody in a MIDI file, percussion left out.

    Args:
        source: a path, or the bytes of a file.
        steps: the length wanted; by default the last note's end, rounded up to whole bars.
        track: which part, where several have notes, counted from 0 as the refusal lists them.
        quantize: round starts and ends to the nearest sixteenth instead of refusing.
        ignore_metre: count sixteenths in any time signature instead of refusing all but 4/4.
        allow_silence: `steps` holds for a file without notes, instead of refusing it.

    Raises:
        MidiError: if the file is no MIDI file, truncated, larger than 128 KB or with an absurd
            tick; without notes; with two voices at once or several parts; off the grid of
            sixteenths; in another metre; with a pitch outside 21..108; or longer than `steps`.
    """
    return score_to_events(
        _file_score(source),
        steps=steps,
        track=track,
        quantize=quantize,
        ignore_metre=ignore_metre,
        allow_silence=allow_silence,
    )


def round_trip(
    events: Integer[np.ndarray, "n t"],
    *,
    folder: str | os.PathLike | None = None,
    qpm: float = 120.0,
    program: int = 0,
    velocity: int = 80,
) -> Integer[np.ndarray, "n t"]:
    """The melodies (n, t) as they come back from MIDI: `melody.canonical(events)`, silence too.

    Args:
        folder: keeps the files here, as melody_00000.mid and so on; by default bytes in memory.
    """
    heard = np.empty(events.shape, np.int64)
    for index, melody in enumerate(events):
        source = midi_bytes(melody, qpm=qpm, program=program, velocity=velocity)
        if folder is not None:
            path = Path(folder) / f"melody_{index:05d}.mid"
            _write_atomically(path, source)
            source = path
        heard[index] = read_midi(source, steps=events.shape[1], allow_silence=True)
    return heard


def _check_performance(qpm: float, program: int, velocity: int) -> None:
    if not 4 <= qpm <= 960:
        raise ValueError(f"qpm is 4..960 quarters per minute, got {qpm}")
    if not 0 <= program <= 127:
        raise ValueError(f"program is a General MIDI program 0..127, got {program}")
    if not 1 <= velocity <= 127:
        raise ValueError(f"velocity is 1..127 (0 would end the note), got {velocity}")


def _write_atomically(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        part = Path(folder) / path.name
        part.write_bytes(data)
        part.replace(path)


def _parse(data: bytes, name: str) -> mido.MidiFile:
    if not data.startswith(b"MThd"):
        raise MidiError(
            f"{name} is not a MIDI file: it starts with {data[:4]!r} instead of b'MThd'; "
            "export the melody as a standard MIDI file (.mid)"
        )
    if len(data) > MAX_BYTES:
        raise MidiError(
            f"{name} has more than {MAX_BYTES // 1024} KB, far more than a melody; "
            "export the melody alone"
        )
    broken = f"{name} is truncated or corrupt, expected a whole MIDI file; export or copy it again"
    if ENDLESS_INTEGER.search(data):
        raise MidiError(f"{broken} (a number without an end)")
    try:
        midi = mido.MidiFile(file=io.BytesIO(data))
    except Exception as error:  # mido raises whatever the bytes provoke, from EOFError to KeyError
        raise MidiError(f"{broken} ({str(error) or type(error).__name__})") from error
    if midi.type not in (0, 1) or midi.ticks_per_beat <= 0:
        raise MidiError(
            f"{name} is of type {midi.type} with time division {midi.ticks_per_beat}; expected "
            "type 0 or 1 in ticks per quarter; export it again as type 1"
        )
    ticks = max((sum(message.time for message in track) for track in midi.tracks), default=0)
    if ticks > MAX_STEPS * midi.ticks_per_beat // STEPS_PER_QUARTER:
        raise MidiError(
            f"{name} has an absurd tick: it would last more than {MAX_STEPS} sixteenths; "
            "the file is corrupt, export it again"
        )
    return midi


def _file_score(source: str | os.PathLike | bytes) -> Score:
    if isinstance(source, bytes):
        name, data = "the MIDI data", source
    else:
        name, path = str(source), Path(source)
        if not path.is_file():
            raise MidiError(f"{name} is not a file; expected the path of a MIDI file (.mid)")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    midi = _parse(data, name)
    parts, metres = [], []
    for index, track in enumerate(midi.tracks):
        metres += [(m.numerator, m.denominator) for m in track if m.type == "time_signature"]
        for channel, spans in sorted(_track_spans(track, midi.ticks_per_beat).items()):
            label = f"{track.name[:40]!r} (MIDI track {index}, channel {channel + 1})"
            if channel != PERCUSSION_CHANNEL:
                parts.append(Part(label, spans))
    return Score(name, parts, metres)


def _track_spans(track: mido.MidiTrack, ticks_per_quarter: int) -> dict[int, list[Span]]:
    """The notes of a track by channel; a note without an end lasts as long as the track."""
    changes, tick = [], 0
    for message in track:
        tick += message.time
        if message.type in ("note_on", "note_off"):
            starts = message.type == "note_on" and message.velocity > 0
            changes.append((tick, (message.channel, message.note), starts))
    changes += [(tick, key, False) for key in dict.fromkeys(key for _, key, _ in changes)]
    ticks_per_step = ticks_per_quarter / STEPS_PER_QUARTER
    spans: dict[int, list[Span]] = {}
    sounding: dict[tuple[int, int], list[int]] = {}
    for tick, (channel, pitch), starts in changes:
        if starts:
            sounding.setdefault((channel, pitch), []).append(tick)
            continue
        begun = sounding.pop((channel, pitch), [])
        for start in begun:
            if start < tick:
                span = Span(start / ticks_per_step, tick / ticks_per_step, pitch)
                spans.setdefault(channel, []).append(span)
        if begun and begun[0] < tick == begun[-1]:
            # The note-on came before the note-off of the same pitch at the same tick.
            sounding[channel, pitch] = [tick]
    return spans


def _sequence_score(sequence: NoteSequence) -> Score:
    name = "the NoteSequence"
    tempos = sorted((tempo.time, tempo.qpm) for tempo in sequence.tempos)
    if not tempos or tempos[0][0] > 0:
        tempos.insert(0, (0.0, 120.0))
    times, qpms = np.array(tempos, np.float64).T
    if not (np.isfinite(times).all() and np.isfinite(qpms).all() and (qpms > 0).all()):
        raise MidiError(f"{name} has a tempo that is not a positive number; correct its tempos")
    steps_per_second = qpms / 60 * STEPS_PER_QUARTER
    steps_before = np.concatenate([[0.0], np.cumsum(np.diff(times) * steps_per_second[:-1])])

    notes = [note for note in sequence.notes if not note.is_drum]
    seconds = np.array([(note.start_time, note.end_time) for note in notes]).reshape(-1, 2)
    tempo = np.maximum(np.searchsorted(times, seconds, side="right") - 1, 0)
    steps = steps_before[tempo] + (seconds - times[tempo]) * steps_per_second[tempo]
    names = {info.instrument: info.name for info in sequence.instrument_infos}
    parts: dict[int, Part] = {}
    for note, (start, end) in zip(notes, steps.tolist(), strict=True):
        label = f"{names.get(note.instrument, '')!r} (instrument {note.instrument})"
        part = parts.setdefault(note.instrument, Part(label, []))
        part.spans.append(Span(start, end, note.pitch))
    metres = [(metre.numerator, metre.denominator) for metre in sequence.time_signatures]
    return Score(name, [parts[key] for key in sorted(parts)], metres)
