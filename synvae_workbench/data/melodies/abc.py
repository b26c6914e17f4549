"""Parser of ABC tunebooks into notes and bars: repeats expanded, ties merged, exact times.

The ABC music standard 2.1. `P:` play orders and da capos are ignored; of several voices the first
one is read.
"""

import re
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from synvae_workbench.data.melodies.abc_fields import (
    Metre,
    bar_length,
    default_unit,
    parse_metre,
    parse_unit,
)
from synvae_workbench.data.melodies.abc_music import Measure, MusicReader

MAX_TUNE_CHARACTERS = 100_000
MAX_FIELD_CHARACTERS = 200
MAX_EVENTS = 50_000  # notes and rests of one tune, repeats expanded

_FIELD = re.compile(r"([A-Za-z+]):(?!\|)(?!:)(.*)")
_MUSIC_LETTERS = "abcdefgz"  # a line that begins with one is music, as in `d:|`


class TuneNote(NamedTuple):
    """A note: `onset` from the tune's start and `duration`, in quarters; MIDI `pitch`."""

    onset: Fraction
    duration: Fraction
    pitch: int


class Bar(NamedTuple):
    """A bar: `start` and `duration` in quarters; `metre` as a fraction's parts, `None` if free."""

    start: Fraction
    duration: Fraction
    metre: Metre | None

    @property
    def is_full(self) -> bool:
        """True if the bar is as long as its metre says."""
        return self.metre is not None and self.duration == bar_length(self.metre)


class Tune(NamedTuple):
    """One tune, repeats expanded; `key` and `reference` are the texts of the fields K: and X:."""

    title: str
    reference: str
    source: str
    key: str
    notes: tuple[TuneNote, ...]
    bars: tuple[Bar, ...]

    @property
    def metre_changes(self) -> list[tuple[Fraction, Metre | None]]:
        """Metres with their onsets: at the tune's start, and at every change."""
        changes: list[tuple[Fraction, Metre | None]] = []
        for bar in self.bars:
            if not changes or changes[-1][1] != bar.metre:
                changes.append((bar.start, bar.metre))
        return changes


class SkippedTune(NamedTuple):
    """A tune that could not be read, with the reason."""

    title: str
    reference: str
    source: str
    reason: str


class Tunebook(NamedTuple):
    """The tunes of a file, and those that were skipped."""

    tunes: list[Tune]
    skipped: list[SkippedTune]


def parse_tunebook(text: str, *, source: str = "", play_repeats: bool = True) -> Tunebook:
    """Parses all tunes of an ABC file; a malformed one is skipped with its reason, never raised.

    Without `play_repeats`, every measure occurs once, in the order of writing.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    starts = [match.start() for match in re.finditer(r"^X:", text, re.MULTILINE)]
    book = Tunebook([], [])
    if not starts:
        return book
    defaults = _fields(text[: starts[0]].split("\n"))
    for start, end in pairwise([*starts, len(text)]):
        head = _fields(text[start : min(end, start + MAX_TUNE_CHARACTERS)].split("\n"))
        title, reference = head.get("T", ""), head["X"]
        try:
            if end - start > MAX_TUNE_CHARACTERS:
                raise ValueError(f"longer than {MAX_TUNE_CHARACTERS} characters")
            key, measures = _read_tune(text[start:end].split("\n"), defaults)
            order = play_order(measures) if play_repeats else list(range(len(measures)))
            notes, bars = _play(measures, order)
            if not notes:
                raise ValueError("no notes")
        except ValueError as error:
            book.skipped.append(SkippedTune(title, reference, source, str(error)))
            continue
        book.tunes.append(Tune(title, reference, source, key, notes, bars))
    return book


def _fields(lines: list[str]) -> dict[str, str]:
    """The first of each information field up to the K: field."""
    fields: dict[str, str] = {}
    for line in lines:
        match = _FIELD.match(line)
        if match:
            fields.setdefault(match[1], match[2].strip()[:MAX_FIELD_CHARACTERS])
            if match[1] == "K":
                break
    return fields


def _read_tune(lines: list[str], defaults: dict[str, str]) -> tuple[str, list[Measure]]:
    fields = defaults | _fields(lines)
    first = next((index for index, line in enumerate(lines) if line.startswith("K:")), None)
    if first is None:
        raise ValueError("no K: field")
    metre = parse_metre(fields.get("M", ""))
    unit = parse_unit(fields["L"]) if fields.get("L") else default_unit(metre)
    directive = re.search(r"propagate-accidentals\s+(not|octave|pitch)", "\n".join(lines[:first]))
    propagate = directive[1] if directive else "pitch"
    reader = MusicReader(key=fields["K"], metre=metre, unit=unit, propagate=propagate)
    continued = ""  # a music line that ends in a backslash goes on in the next one
    for line in lines[first + 1 :]:
        if not line.strip():
            break
        line = re.split(r"(?<!\\)%", line, maxsplit=1)[0].rstrip()
        match = _FIELD.match(line)
        if match and match[1] not in _MUSIC_LETTERS:
            reader.read(continued)
            reader.set_field(match[1], match[2].strip())
            continued = ""
        elif line.endswith("\\"):
            continued += line[:-1]
        else:
            reader.read(continued + line)
            continued = ""
    reader.read(continued)
    return fields["K"], reader.measures


def play_order(measures: list[Measure]) -> list[int]:
    """Indices of the measures in playing order, with repeats and variant endings expanded.

    A repeat goes back to the last `|:`, double bar or end of a repeat, else to the start (4.8).
    Between endings without a repeat sign, as in `[1 ... [2`, one is implied.
    """
    order: list[int] = []
    for section in _sections(measures):
        endings = set().union(*(measures[index].endings for index in section))
        repeats = max(measures[index].repeats for index in section)
        for number in range(1, max(endings | {repeats + 1}) + 1):
            for index in section:
                if not measures[index].endings or number in measures[index].endings:
                    order.append(index)
            if len(order) > MAX_EVENTS:
                raise ValueError(f"more than {MAX_EVENTS} measures")
    return order


def _sections(measures: list[Measure]) -> list[list[int]]:
    """Sections of measures that are repeated as a whole, each followed by its variant endings."""
    sections: list[list[int]] = []
    before = None
    for index, measure in enumerate(measures):
        goes_on = before is not None and not measure.starts_repeat
        if goes_on and not measure.endings:
            goes_on = not (before.endings or before.double or before.repeats)
        if not goes_on:
            sections.append([])
        sections[-1].append(index)
        before = measure
    return sections


def _play(
    measures: list[Measure], order: list[int]
) -> tuple[tuple[TuneNote, ...], tuple[Bar, ...]]:
    """Notes and bars of the measures in `order`; bars that a repeat divides are joined."""
    notes: list[TuneNote] = []
    bars: list[Bar] = []
    time, tied, before = Fraction(0), False, None
    for index in order:
        measure = measures[index]
        if not measure.events:
            continue
        start = time
        for event in measure.events:
            if event.pitch is None:
                tied = False
            elif tied and notes[-1].pitch == event.pitch:
                last = notes[-1]
                notes[-1] = last._replace(duration=last.duration + event.duration)
                tied = event.tied
            else:
                notes.append(TuneNote(time, event.duration, event.pitch))
                tied = event.tied
            time += event.duration
        if len(notes) > MAX_EVENTS:
            raise ValueError(f"more than {MAX_EVENTS} notes")
        bar = Bar(start, time - start, measure.metre)
        cut = before is not None and (before + 1 != index or measures[before].breaks)
        if cut and _complement(bars[-1], bar):
            bars[-1] = bars[-1]._replace(duration=bars[-1].duration + bar.duration)
        else:
            bars.append(bar)
        before = index
    return tuple(notes), tuple(bars)


def _complement(first: Bar, second: Bar) -> bool:
    whole = first.duration + second.duration
    return first.metre == second.metre and first._replace(duration=whole).is_full
