"""Sentences for those who cannot see a page: which picture came back, and what became of a melody.

Of digits a judge reads which one a picture looks like, and how sure it is: the softmax of the
shipped LeNet-5, whose card says how often it is right. Of other pictures the gross look is told.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Integer, UInt8

from synvae_core.looks import SCALES, looks_of
from synvae_core.models.classifiers import SHIPPED_JUDGE, LeNet5, load_judge
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.data.pictures.kind import DIGIT
from synvae_workbench.live.live_player import format_note_count

DIGIT_SHAPE = (1, 28, 28)  # of the pictures that the judge reads
LEAST_SURE = 0.5  # below it a digit is hard to read
NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six",
    "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip

_judge = cache(load_judge)


class Return(NamedTuple):
    """What a picture that came back looks like: a digit or levels of a look, and a sentence."""

    answer: int | list[int]
    words: str


def describe_return(
    drawn: UInt8[np.ndarray, "c h w"],
    kind: str,
    given: UInt8[np.ndarray, "c h w"] | None = None,
) -> Return:
    """What a picture that was drawn from notes looks like, and how it compares to the one given.

    "From the notes: looks like a 7, 94 % sure; like the picture.", or of other kinds "From the
    notes: dark and blue, flat, calm; the picture: light and blue, flat, calm."

    Args:
        kind: that the model which drew it was made for.
        given: what the model was given; None if that was no picture of this kind.
    """
    read = read_digit if kind == DIGIT and drawn.shape == DIGIT_SHAPE else read_look
    (answer, words), theirs = read(drawn), None if given is None else read(given)
    if theirs is not None:
        same = answer == theirs[0]
        words += "; like the picture" if same else f"; the picture: {theirs[1]}"
    return Return(answer, f"From the notes: {words}.")


def read_digit(picture: UInt8[np.ndarray, "1 28 28"]) -> tuple[int, str]:
    """The digit that the shipped judge reads, and words for it: "looks like a 7, 94 % sure"."""
    with torch.no_grad():
        judge: LeNet5 = _judge(SHIPPED_JUDGE)
        sure, digit = judge(torch.from_numpy(picture.copy())[None] / 255)[0].softmax(0).max(0)
    one = f"a{'n' * (int(digit) == 8)} {int(digit)}"
    # Rounded down: nothing is 100 % sure.
    words = f"looks like {one}, {int(100 * sure)} % sure"
    return int(digit), words if sure >= LEAST_SURE else f"is hard to read: it {words}"


def read_look(picture: UInt8[np.ndarray, "c h w"]) -> tuple[list[int], str]:
    """Levels of the gross look of a picture (`synvae_core.looks`), and words; no hue of grey."""
    look = looks_of(torch.from_numpy(picture.copy())[None] / 255)[0].tolist()
    hue, light, *rest = (scale[level] for scale, level in zip(SCALES, look, strict=True))
    return look, ", ".join([light if len(picture) == 1 else f"{light} and {hue}", *rest])


def describe_melody_change(
    before: Integer[np.ndarray, " t"], after: Integer[np.ndarray, " t"]
) -> str:
    """What sets a melody apart from the one before: "First note three semitones higher, 16 notes".

    Told is by how much all notes moved or, if not all by the same, the first and the last one; if
    these stay, the mean pitch. Then the number of notes, and by how many they are more or fewer.
    """
    old, new = ONE_VOICE.notes(before), ONE_VOICE.notes(after)
    count = format_note_count(new)
    if old == new:
        return f"The same notes, {len(new)}."
    parts = _moved(old, new) if old and new else []
    more = len(new) - len(old)
    parts.append(count + (f", {_number(more)} {'more' if more > 0 else 'fewer'}" if more else ""))
    text = ", ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _moved(old: list[Note], new: list[Note]) -> list[str]:
    """How pitches moved: all, else at the ends, else on average, else that others are between."""
    theirs, ours = ([note.pitch for note in notes] for notes in (old, new))
    ways = {now - then for then, now in zip(theirs, ours, strict=False)}
    if len(ours) == len(theirs) > 1 and len(ways) == 1:
        way = ways.pop()
        return [f"all notes {_interval(way)}" if way else "the same pitches in another rhythm"]
    first, last = new[0].pitch - old[0].pitch, new[-1].pitch - old[-1].pitch
    ends = {"first note": first, "last note": last}
    if moved := [f"{name} {_interval(by)}" for name, by in ends.items() if by]:
        return moved
    if mean := round(float(np.mean(ours) - np.mean(theirs))):
        return [f"on average {_interval(mean)}"]
    return ["other notes in between"]


def _interval(semitones: int) -> str:
    size = f"{_number(semitones)} semitone{'' if abs(semitones) == 1 else 's'}"
    return f"{size} {'higher' if semitones > 0 else 'lower'}"


def _number(value: int) -> str:
    return NUMBERS[abs(value)] if abs(value) < len(NUMBERS) else str(abs(value))
