"""Conversion of the notes of a score to the event ids of its melody, or a refusal with its reason.

Knows no file format: `midi_files` and `midi` bring MIDI files, NoteSequences and PrettyMIDI objects
here as a `Score`; `Reading` says what may be done to it, and each refusal names the option that
helps.
"""

import heapq
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Integer, Num

from synvae_core.music.coding import MAX_PITCH, MIN_PITCH, STEPS_PER_BAR, Coding, Note
from synvae_core.music.melody import ONE_VOICE

MAX_STEPS = 100_000
GRID_TOLERANCE = 1e-4  # in steps: below one tick of the finest resolution, above rounded seconds
START, END, PITCH, VOICE = range(4)  # columns of spans and notes


class MidiError(ValueError):
    """A score that cannot be read as one melody; says what it is and which option would help.

    Attributes:
        reason: of files that are no usable MIDI at all, the same few words for each kind.
    """

    def __init__(self, message: str, *, reason: str = ""):
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Options of reading a score as one melody; by default nothing is changed or left out.

    Args:
        steps: the length wanted; by default the last note's end, rounded up to whole bars.
        track: which part, where several have notes: counted from 0 as the refusal lists them, or
            its name in any case.
        top_line: the highest note sounding at each onset, cut where the next one starts, instead
            of refusing several voices; of all parts together unless `track` is given.
        quantize: round starts and ends to the nearest sixteenth instead of refusing; a note
            keeps at least one sixteenth.
        ignore_metre: count sixteenths in any time signature instead of refusing all but 4/4; a bar
            then still has 16.
        transpose_into_range: move each note outside A0..C8 inside, by octaves.
        bar: start at this bar, counted from 0, and stop after `steps`. A note that began before
            is left out, one that lasts longer is cut.
        pad: fill with silence up to `steps` instead of refusing a score that ends before.
        allow_silence: accept silence instead of refusing it; without any notes, `steps` of it.
        coding: of the events. Of one voice, the score has to be one melody; of several, they are
            those of the parts.
    """

    steps: int | None = None
    track: int | str | None = None
    top_line: bool = False
    quantize: bool = False
    ignore_metre: bool = False
    transpose_into_range: bool = False
    bar: int | None = None
    pad: bool = False
    allow_silence: bool = False
    coding: Coding = ONE_VOICE

    def __post_init__(self) -> None:
        if self.steps is not None and not 1 <= self.steps <= MAX_STEPS:
            raise ValueError(f"steps is 1..{MAX_STEPS}, got {self.steps}")
        if self.bar is not None and self.bar < 0:
            raise ValueError(f"bar counts from 0, got {self.bar}")


class Part(NamedTuple):
    """The notes of one voice or instrument, never none; refusals list it by its `label`.

    `spans` has one row a note: start and end in steps, not yet on the grid, and the pitch. `voice`
    is that of a coding with several: the channel of a file, percussion left out.
    """

    name: str
    label: str
    spans: Float[np.ndarray, "n 3"]
    voice: int = 0


class Score(NamedTuple):
    """Notes of any source; `end` in steps, silence included, `percussion` in notes."""

    name: str
    parts: list[Part]
    metres: list[tuple[int, int]]
    end: float
    percussion: int


def score_to_events(score: Score, reading: Reading) -> Integer[np.ndarray, " t"]:
    """Event ids of the melody in a score.

    Raises:
        MidiError: if the score is not a melody that `reading` allows.
    """
    for numerator, denominator in score.metres:
        if not reading.ignore_metre and numerator != denominator:
            raise MidiError(
                f"{score.name} is in {numerator}/{denominator}; expected bars of {STEPS_PER_BAR} "
                "sixteenths as in 4/4; pass ignore_metre=True to count sixteenths through the bars"
            )
    if not score.parts:
        return _silence(score, reading)
    notes = _grid_notes(score, _choose_spans(score, reading), reading.quantize)
    if reading.top_line:
        notes = _voiced(top_line(notes[:, :VOICE]), 0)
    first, steps = _window(score, int(notes[:, END].max()), reading)
    notes = notes[(notes[:, START] >= first) & (notes[:, START] < first + steps)]
    if not len(notes) and not reading.allow_silence:
        raise MidiError(
            f"{score.name} has no note that starts in sixteenths {first} to {first + steps}; "
            "choose another bar=, or pass allow_silence=True where silence is meant"
        )
    for voice in range(reading.coding.voices):
        _refuse_two_voices(score.name, notes[notes[:, VOICE] == voice])
    notes = _in_range(score.name, notes, reading.transpose_into_range)
    notes[:, [START, END]] -= first
    notes[:, END] = np.minimum(notes[:, END], steps)
    return reading.coding.events((Note(*note) for note in notes.tolist()), steps=steps)


def top_line(notes: Int[np.ndarray, "n 3"]) -> Int[np.ndarray, "m 3"]:
    """Skyline of notes: those that are highest when they start, cut where the next one starts.

    Args:
        notes: one row a note, sorted: start, end, pitch.
    """
    sounding: list[tuple[int, int, int]] = []  # highest first, then newest, then longest
    line: list[list[int]] = []
    starts = [*notes[1:, START].tolist(), None]
    for (start, end, pitch), following in zip(notes.tolist(), starts, strict=True):
        heapq.heappush(sounding, (-pitch, -start, -end))
        if following == start:
            continue  # decided when all notes of this onset are in
        while -sounding[0][2] <= start:
            heapq.heappop(sounding)
        highest, begun, ends = (-value for value in sounding[0])
        if begun == start:
            if line:
                line[-1][END] = min(line[-1][END], start)
            line.append([start, ends, highest])
    return np.array(line, np.int64).reshape(-1, 3)


def _voiced(notes: Num[np.ndarray, "n 3"], voice: int) -> Num[np.ndarray, "n 4"]:
    return np.column_stack([notes, np.full(len(notes), voice)])


def _silence(score: Score, reading: Reading) -> Integer[np.ndarray, " t"]:
    if reading.allow_silence and reading.steps is not None:
        return reading.coding.events([], steps=reading.steps)
    found = f"only percussion ({score.percussion} notes)" if score.percussion else "no notes"
    missing = "allow_silence=True" if reading.steps is not None else "steps= and allow_silence=True"
    raise MidiError(
        f"{score.name} has {found}, expected one melody; export it with the notes of a pitched "
        f"instrument (any channel but 10), or pass {missing} where silence is meant"
    )


def _choose_spans(score: Score, reading: Reading) -> Float[np.ndarray, "n 4"]:
    parts, track = score.parts, reading.track
    listed = "; ".join(f"{i}: {p.label}, {len(p.spans)} notes" for i, p in enumerate(parts[:16]))
    if len(parts) > 16:
        listed += f"; and {len(parts) - 16} more"
    if track is None:
        if reading.coding.voices > 1 and not reading.top_line:
            return _spans_of_voices(score, reading.coding.voices)
        if len(parts) > 1 and not reading.top_line:
            raise MidiError(
                f"{score.name} has {len(parts)} tracks with notes, expected one melody; choose it "
                f"by track=, a number or a name, from {listed}; or pass top_line=True for the "
                "highest notes of all"
            )
        return _voiced(np.concatenate([part.spans for part in parts]), 0)
    if isinstance(track, str):
        wanted = track.strip().casefold()
        found = [i for i, part in enumerate(parts) if part.name.strip().casefold() == wanted]
    else:
        found = [track] if 0 <= track < len(parts) else []
    if len(found) == 1:
        return _voiced(parts[found[0]].spans, 0)
    problem = f"no track {track!r}" if not found else f"{len(found)} tracks named {track!r}"
    raise MidiError(f"{score.name} has {problem}; choose by the number in track= from {listed}")


def _spans_of_voices(score: Score, voices: int) -> Float[np.ndarray, "n 4"]:
    if foreign := [part.label for part in score.parts if part.voice >= voices]:
        raise MidiError(
            f"{score.name} has {foreign[0]}, expected {voices} voices, in channels 1 to {voices}; "
            "move or remove it, or pass top_line=True for the highest notes of all"
        )
    return np.concatenate([_voiced(part.spans, part.voice) for part in score.parts])


def _grid_notes(
    score: Score, spans: Float[np.ndarray, "n 4"], quantize: bool
) -> Int[np.ndarray, "n 4"]:
    """The spans on the grid of sixteenths, sorted, or a refusal."""
    spans = spans[np.lexsort(spans.T[::-1])]
    times = spans[:, [START, END]]
    sound = (0 <= times[:, 0]) & (times[:, 0] < times[:, 1]) & (times[:, 1] <= MAX_STEPS)
    if not sound.all():  # NaN too
        start, end, *_ = spans[np.argmin(sound)]
        raise MidiError(
            f"{score.name} has a note from sixteenth {start:g} to {end:g}, expected it to end after"
            f" its start and before {MAX_STEPS}; correct or remove it"
        )
    if not 0 <= score.end <= MAX_STEPS:
        raise MidiError(
            f"{score.name} ends at sixteenth {score.end:g}, expected 0..{MAX_STEPS}; correct it"
        )
    rounded = np.floor(times + 0.5)
    off_grid = (np.abs(times - rounded) > GRID_TOLERANCE).any(1)
    if off_grid.any() and not quantize:
        start, end, pitch, _ = spans[np.argmax(off_grid)]
        raise MidiError(
            f"{score.name} is off the grid of sixteenths: pitch {pitch:g} sounds from sixteenth "
            f"{start:g} to {end:g}; pass quantize=True to round"
        )
    rounded[:, 1] = np.maximum(rounded[:, 1], rounded[:, 0] + 1)
    notes = np.column_stack([rounded, spans[:, PITCH:]]).astype(np.int64)
    return notes[np.lexsort(notes.T[::-1])]


def _window(score: Score, needed: int, reading: Reading) -> tuple[int, int]:
    """First step and number of steps to read of a melody whose last note ends at `needed`.

    Bars that the source only partly fills count as whole: a last note is often short.
    """
    steps, first = reading.steps, (reading.bar or 0) * STEPS_PER_BAR
    length = max(needed, math.floor(score.end + 0.5))  # tracks often end one tick later
    bars = math.ceil(length / STEPS_PER_BAR)
    if first >= bars * STEPS_PER_BAR:
        raise MidiError(f"{score.name} has no bar {reading.bar}; choose bar= from 0..{bars - 1}")
    if steps is None:
        wanted = math.ceil(needed / STEPS_PER_BAR) * STEPS_PER_BAR - first
        return first, max(wanted, STEPS_PER_BAR)
    if needed > steps and reading.bar is None:
        raise MidiError(
            f"{score.name} lasts {needed} sixteenths, more than steps={steps}; pass bar=0 to read "
            "from its first bar, bar=1 from the next and so on, or a larger steps=, or no steps= "
            "to read it all"
        )
    if bars * STEPS_PER_BAR - first < steps and not reading.pad:
        earlier = (bars * STEPS_PER_BAR - steps) // STEPS_PER_BAR
        raise MidiError(
            f"{score.name} is too short: from bar {reading.bar or 0} it lasts {length - first} "
            f"sixteenths, expected steps={steps}; pass pad=True to fill up with silence"
            + (f", or bar={earlier} to start earlier" if earlier >= 0 else "")
        )
    return first, steps


def _refuse_two_voices(name: str, notes: Int[np.ndarray, "n 4"]) -> None:
    overlaps: Bool[np.ndarray, " m"] = notes[1:, START] < notes[:-1, END]
    if overlaps.any():
        index = np.argmax(overlaps)
        (start, end, pitch, _), (other_start, _, other, _) = notes[index], notes[index + 1]
        raise MidiError(
            f"{name} is polyphonic, two voices at once: pitch {pitch} sounds from sixteenth "
            f"{start} to {end}, pitch {other} starts at {other_start}; expected one note at a "
            "time; pass top_line=True to keep the highest, or keep one voice"
        )


def _in_range(name: str, notes: Int[np.ndarray, "n 4"], move: bool) -> Int[np.ndarray, "n 4"]:
    pitch = notes[:, PITCH]
    outside = (pitch < MIN_PITCH) | (pitch > MAX_PITCH)
    if outside.any() and not move:
        start, _, found, _ = notes[np.argmax(outside)]
        raise MidiError(
            f"{name} has pitch {found} at sixteenth {start}, expected {MIN_PITCH}..{MAX_PITCH} "
            "(A0..C8); pass transpose_into_range=True to move such notes by octaves"
        )
    inside = np.where(
        pitch < MIN_PITCH,
        MIN_PITCH + (pitch - MIN_PITCH) % 12,
        np.where(pitch > MAX_PITCH, MAX_PITCH - (MAX_PITCH - pitch) % 12, pitch),
    )
    return np.column_stack([notes[:, :PITCH], inside, notes[:, VOICE]])
