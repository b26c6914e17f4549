"""Parser of the music lines of an ABC tune into measures, in the order of writing.

The ABC music standard 2.1, section 4. Grace notes take no time and are left out; of a chord the
highest note is kept; slurs, decorations, chord symbols, annotations and lyrics are ignored. An
accidental, also of a grace note, holds to the bar line in every octave, the standard's default
(11.3, `propagate-accidentals pitch`), and a tie extends it over the bar line. `Hx` before a bar
line, as O'Neill's transcribers write a fermata on that line, takes no time.
"""

import re
from dataclasses import dataclass, field
from fractions import Fraction

from synvae_workbench.data.melodies.abc_fields import (
    Metre,
    alteration,
    bar_length,
    note_length,
    parse_endings,
    parse_key,
    parse_metre,
    parse_unit,
)

MAX_LENGTH = 64  # quarters that one note may last
MAX_MEASURES = 10_000
MAX_REST_BARS = 64
MAX_TUPLET = 32

_LENGTH = r"(\d*/*\d*)"
_NOTE = rf"(\^{{1,2}}|_{{1,2}}|=)?([A-Ga-g])([,']*){_LENGTH}"
_TOKEN = re.compile(
    rf"""(?P<note>{_NOTE})
    |(?P<bar>(?:\[\|\]|(?:\[(?=\|))?[:|]+\]?)(?:\s*\[(?=\d))?(?:\s*\d[\d,.\-]*)?)
    |(?P<rest>[zx]{_LENGTH})
    |(?P<bars_rest>[ZX]\d*)
    |(?P<tuplet>\(\d+(?::\d*)?(?::\d*)?)
    |(?P<broken>>+|<+)
    |(?P<tie>-)
    |(?P<field>\[[A-Za-z]:[^\[\]\n]*\])
    |(?P<lone_ending>\[\s*\d[\d,.\-]*)
    |(?P<chord>\[[^\[\]|\n]*\]{_LENGTH})
    |(?P<overlay>&)
    |(?P<grace>\{{[^{{}}]*\}})
    |(?P<skipped>"[^"\n]*"|![^!|\s]{{1,30}}!|\+[a-z0-9.()<>^]{{1,30}}\+|Hx(?=\s*[|:\[])|.)
    """,
    re.VERBOSE | re.ASCII,
)
_CHORD_NOTE = re.compile(rf'"[^"]*"|!\w+!|{_NOTE}(-?)')
_ACCIDENTAL = re.compile(r"(\^{1,2}|_{1,2}|=)([A-Ga-g])([,']*)")
_SEMITONES = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
_BROKEN = {n: (2 - Fraction(1, 2**n), Fraction(1, 2**n)) for n in (1, 2, 3)}
_TUPLET_TIME = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # 5, 7 and 9 depend on the metre


@dataclass(slots=True)
class Event:
    """A note, or a rest (`pitch` None), of `duration` quarters; `tied` to the next event."""

    pitch: int | None
    duration: Fraction
    tied: bool = False


@dataclass(slots=True)
class Measure:
    """Notes and rests between two bar lines.

    Of the bar line behind it, `repeats` is the number of repeats, `double` says that it is a double
    bar, `breaks` that it is anything but a plain one.
    """

    metre: Metre | None
    events: list[Event] = field(default_factory=list)
    starts_repeat: bool = False
    repeats: int = 0
    endings: frozenset[int] = frozenset()
    double: bool = False
    breaks: bool = False


class MusicReader:
    """Parser with the state of a tune: reads music lines, in order, into `measures`."""

    def __init__(self, *, key: str, metre: Metre | None, unit: Fraction, propagate: str = "pitch"):
        self.measures = [Measure(metre)]
        self.muted = False  # inside a voice that is not the first
        self._key = parse_key(key)
        self._metre = metre
        self._unit = unit
        self._propagate = propagate
        self._voice: str | None = None
        self._accidentals: dict[str, int] = {}
        self._endings: frozenset[int] = frozenset()
        self._tuplet_factor, self._tuplet_left = Fraction(1), 0
        self._broken_factor: Fraction | None = None
        self._last: Event | None = None
        self._last_note: tuple[str, str, int] | None = None  # letter, octave marks, alteration
        self._tied_note: tuple[str, str, int] | None = None  # the same, tied over a bar line
        self._in_overlay = False

    def set_field(self, letter: str, text: str) -> None:
        """Applies a field in the tune's body: key, metre, unit length or voice."""
        text = text.strip()
        if letter == "V":
            voice = (text.split() or [""])[0]
            if self._voice is None:
                self._voice = "" if self.measures[-1].events or len(self.measures) > 1 else voice
            self.muted = voice != self._voice
        elif self.muted:
            return
        elif letter == "K":
            if text and not re.match(r"clef|treble|bass|alto|tenor", text):
                self._key = parse_key(text)
        elif letter == "M":
            self._metre = parse_metre(text)
            if not self.measures[-1].events:
                self.measures[-1].metre = self._metre
        elif letter == "L":
            self._unit = parse_unit(text)

    def read(self, line: str) -> None:
        """Parses one music line, without its comment."""
        for match in _TOKEN.finditer(line):
            kind = match.lastgroup
            if kind == "field":
                text = match["field"]
                self.set_field(text[1], text[3:-1])
            elif self.muted or kind == "skipped":
                continue
            elif kind == "bar":
                self._bar(match["bar"])
            elif kind == "lone_ending":
                self._ending(match["lone_ending"])
            elif not self._in_overlay:
                _READERS[kind](self, match)

    def _note(self, match: re.Match) -> None:
        accidental, letter, octave, length = match.group(2, 3, 4, 5)
        self._add(self._pitch(accidental, letter, octave), note_length(self._unit, length))

    def _pitch(self, accidental: str | None, letter: str, octave: str) -> int:
        upper = letter.upper()
        place = upper if self._propagate == "pitch" else letter + octave
        if accidental:
            alter = self._mark(accidental, letter, octave)
        elif self._tied_note and self._tied_note[:2] == (letter, octave):
            alter = self._tied_note[2]
        else:
            alter = self._accidentals.get(place, self._key[upper])
        self._last_note = (letter, octave, alter)
        base = 60 if letter == upper else 72
        pitch = base + _SEMITONES[upper] + alter + 12 * (octave.count("'") - octave.count(","))
        if not 0 <= pitch <= 127:
            raise ValueError(f"note {letter}{octave[:9]} leaves the MIDI pitches 0..127")
        return pitch

    def _mark(self, accidental: str, letter: str, octave: str) -> int:
        """Applies an accidental to the rest of the bar; returns its semitones."""
        place = letter.upper() if self._propagate == "pitch" else letter + octave
        if self._propagate != "not":
            self._accidentals[place] = alteration(accidental)
        return alteration(accidental)

    def _add(self, pitch: int | None, duration: Fraction) -> None:
        if self._tuplet_left:
            duration *= self._tuplet_factor
            self._tuplet_left -= 1
        if self._broken_factor is not None:
            duration *= self._broken_factor
            self._broken_factor = None
        if duration > MAX_LENGTH:
            raise ValueError(f"a note lasts {float(duration):g} quarters, more than {MAX_LENGTH}")
        self._tied_note = None
        self._last = Event(pitch, duration)
        self.measures[-1].events.append(self._last)

    def _grace(self, match: re.Match) -> None:
        for accidental, letter, octave in _ACCIDENTAL.findall(match["grace"]):
            self._mark(accidental, letter, octave)

    def _rest(self, match: re.Match) -> None:
        self._last_note = None
        self._add(None, note_length(self._unit, match["rest"][1:]))

    def _bars_rest(self, match: re.Match) -> None:
        text = match["bars_rest"][1:]
        count = int(text[:4] or 1)
        if not 1 <= count <= MAX_REST_BARS or self._metre is None:
            raise ValueError(f"cannot rest for {text[:9]!r} bars of metre {self._metre}")
        for index in range(count):
            if index:
                self._bar("|")
            self.measures[-1].events.append(Event(None, bar_length(self._metre)))
        self._last = self._last_note = None

    def _chord(self, match: re.Match) -> None:
        notes, tied = [], False
        for note in _CHORD_NOTE.finditer(match["chord"]):
            if note[2]:
                notes.append((self._pitch(*note.group(1, 2, 3)), note[4], self._last_note))
                tied |= bool(note[5])
        if not notes:
            return
        outer = match["chord"].rpartition("]")[2]
        top = max(notes, key=lambda note: note[0])
        self._add(top[0], note_length(note_length(self._unit, notes[0][1]), outer))
        self._last.tied, self._last_note = tied, top[2]

    def _tuplet(self, match: re.Match) -> None:
        numbers = [part[:4] for part in match["tuplet"][1:].split(":")] + ["", ""]
        p = int(numbers[0])
        if not 2 <= p <= MAX_TUPLET:
            raise ValueError(f"tuplet {match['tuplet'][:20]!r} is outside 2..{MAX_TUPLET}")
        metre = self._metre or (4, 4)
        compound = metre[0] % 3 == 0 and metre[0] > 3
        q = int(numbers[1] or _TUPLET_TIME.get(p, 3 if compound else 2))
        r = int(numbers[2] or p)
        if not (1 <= q <= MAX_TUPLET and 1 <= r <= MAX_TUPLET):
            raise ValueError(f"tuplet {match['tuplet'][:20]!r} is outside 1..{MAX_TUPLET}")
        self._tuplet_factor, self._tuplet_left = Fraction(q, p), r

    def _broken(self, match: re.Match) -> None:
        marks = match["broken"]
        if self._last is None:
            return
        if len(marks) > 3:
            raise ValueError(f"broken rhythm {marks[:9]!r} has more than three marks")
        long, short = _BROKEN[len(marks)]
        first, self._broken_factor = (long, short) if marks[0] == ">" else (short, long)
        self._last.duration *= first

    def _tie(self, _: re.Match) -> None:
        if self._last is not None:
            self._last.tied = True

    def _overlay(self, _: re.Match) -> None:
        self._in_overlay = True

    def _bar(self, token: str) -> None:
        line = re.match(r"[\[:|\]]+", token)[0].removesuffix("[")
        if line == ":":
            self._lone_colon()
            return
        before = len(line) - len(line.lstrip(":"))
        after = len(line) - len(line.rstrip(":"))
        if before == len(line):
            before = after = len(line) // 2
        plain = line == "|"
        ended = self._measure_before_line()
        if ended is not None:
            ended.repeats = max(ended.repeats, before)
            ended.double |= not plain and ":" not in line and line != "[|]"
            ended.breaks |= not plain
        self.measures[-1].starts_repeat |= after > 0
        if not plain:
            self._endings = frozenset()
        number = re.search(r"\d.*", token)
        if number:
            self._set_endings(number[0])
        self.measures[-1].endings = self._endings
        self._accidentals.clear()
        self._in_overlay = False
        self._tied_note = self._last_note if self._last and self._last.tied else None

    def _lone_colon(self) -> None:
        """Handles a colon that a line break or an annotation parts from its bar line."""
        if self.measures[-1].events:
            self.measures[-1].repeats = 1
        else:
            self.measures[-1].starts_repeat = True

    def _measure_before_line(self) -> Measure | None:
        """Closes the current measure, unless it is empty; returns the one before the bar line."""
        if self.measures[-1].events:
            if len(self.measures) >= MAX_MEASURES:
                raise ValueError(f"more than {MAX_MEASURES} measures")
            self.measures.append(Measure(self._metre))
        return self.measures[-2] if len(self.measures) > 1 else None

    def _ending(self, token: str) -> None:
        before = self._measure_before_line()
        if before is not None:
            before.breaks = True
        self._set_endings(token)

    def _set_endings(self, text: str) -> None:
        self._endings = self.measures[-1].endings = parse_endings(text)
        if 1 not in self._endings:
            self.measures[-1].starts_repeat = False  # as in `[1 ... :: [2 ... ||`


_SOUNDING = ("note", "grace", "rest", "bars_rest", "chord", "tuplet", "broken", "tie", "overlay")
_READERS = {name: getattr(MusicReader, f"_{name}") for name in _SOUNDING}
