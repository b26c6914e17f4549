"""Melodies in common notation: MusicXML by music21, and sheet music as SVG by Verovio.

Cuthbert and Ariza 2010, "music21: A Toolkit for Computer-Aided Musicology and Symbolic Music Data",
ISMIR. Pugin, Zitellini and Roland 2014, "Verovio: A Library for Engraving MEI Music Notation into
SVG", ISMIR.

The notes are those that are heard, on the grid of sixteenths, in bars of 4/4. What notation adds is
derived from them: the key signature, the spelling of pitches, and where a note is tied.
"""

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from pretty_midi.constants import INSTRUMENT_MAP

from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER, Note

if TYPE_CHECKING:
    from music21 import note, stream
    from verovio import toolkit

TITLE = "Melody"
SHARPS = range(-5, 7)  # of a key signature; flats are negative
FLATTEST = -3  # of the twelve steps of a key, in fifths from its major tonic: the lowered third
SIGNS = (16, 12, 8, 6, 4, 3, 2, 1)  # sixteenths that one sign lasts, with a dot or without
SCALE = 36  # of the engraving, in percent
WIDTHS = (240, 2400)  # of sheet music, in pixels
MARGIN, MOST_HEIGHT = 40, 60_000  # in pixels before scaling; one page holds all lines


class Part(NamedTuple):
    """Notes of one staff, in order; those that start together make a chord and end together.

    Attributes:
        program: General MIDI instrument, 0..127.
    """

    notes: Sequence[Note]
    name: str = ""
    program: int = 0


def music_xml(parts: Sequence[Part], *, steps: int, qpm: float = 120.0, title: str = "") -> bytes:
    """MusicXML 4.0 of parts in 4/4, `steps` sixteenths long, filled up with rests to whole bars.

    Args:
        qpm: quarters per minute.
        title: of the piece; what cannot be printed of it is left out.

    Raises:
        ValueError: if there is no part, or a part's notes overlap, or leave the `steps`.
    """
    from music21 import metadata, stream, tempo
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    if not parts:
        raise ValueError("notation needs one part or more, got none")
    sharps = _key_signature(note.pitch for part in parts for note in part.notes)
    score = stream.Score([_staff(part, steps, sharps, i) for i, part in enumerate(parts, 1)])
    score.parts[0].measure(1).insert(0, tempo.MetronomeMark(number=round(qpm, 2)))
    title = "".join(letter for letter in title if letter.isprintable()) or TITLE
    score.insert(0, metadata.Metadata(title=title, composer=""))  # else music21 names itself
    written = GeneralObjectExporter(score).parse()
    return re.sub(rb"\s*<encoding-date>[^<]*</encoding-date>", b"", written)  # the same every day


def sheet_music(xml: bytes, *, width: int = 800) -> str:
    """Sheet music of a `music_xml` as one SVG image, `width` pixels wide, as high as its lines are.

    Without its title, so that no text of others stands in it; and nothing in it is fetched.

    Raises:
        ValueError: unless the width is within `WIDTHS`, or if this is no MusicXML.
    """
    if not WIDTHS[0] <= width <= WIDTHS[1]:
        raise ValueError(f"sheet music is {WIDTHS[0]}..{WIDTHS[1]} pixels wide, got {width}")
    engraver = _engraver()
    engraver.resetXmlIdSeed(1)  # the same notes, the same image
    engraver.setOptions({"pageWidth": width * 100 // SCALE})
    if not engraver.loadData(xml.decode()):
        raise ValueError("sheet music is drawn from the bytes of music_xml, got something else")
    return engraver.renderToSVG(1)


@cache
def _engraver() -> "toolkit":
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    made = verovio.toolkit()
    made.setOptions(
        {
            "scale": SCALE,
            "pageHeight": MOST_HEIGHT,
            "adjustPageHeight": True,
            "header": "none",
            "footer": "none",
            "breaks": "auto",
            **{f"pageMargin{side}": MARGIN for side in ("Left", "Right", "Top", "Bottom")},
        }
    )
    return made


def _staff(part: Part, steps: int, sharps: int, number: int) -> "stream.Part":
    """One part in bars, with clef, key signature and beams."""
    from music21 import instrument, key, meter, stream

    # of no class of its own, some of which transpose
    staff, played = stream.Part(), instrument.Instrument(INSTRUMENT_MAP[part.program])
    staff.partName = part.name
    played.midiProgram, played.midiChannel = part.program, number - 1
    played.partId, played.instrumentId = f"P{number}", f"P{number}-I1"  # else random ones
    staff.append([played, meter.TimeSignature("4/4"), key.KeySignature(sharps)])
    for start, end, pitches in _filled(part.notes, steps):
        staff.append(list(_written(start, end, pitches, sharps)))
    return staff.makeNotation()


def _filled(notes: Sequence[Note], steps: int) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Start, end and pitches of all that is written, rests without any, to the end of a bar."""
    at = 0
    for start, together in itertools.groupby(notes, key=lambda note: note.start):
        chord = list(together)
        end = chord[0].end
        if not at <= start < end <= steps or any(note.end != end for note in chord):
            raise ValueError(f"{chord[0]} overlaps another note or leaves the {steps} steps")
        if at < start:
            yield at, start, ()
        yield start, end, tuple(note.pitch for note in chord)
        at = end
    if at < (whole := -(-steps // STEPS_PER_BAR) * STEPS_PER_BAR):
        yield at, whole, ()


def _written(
    start: int, end: int, pitches: tuple[int, ...], sharps: int
) -> Iterator["note.GeneralNote"]:
    """One note, chord or rest as the signs that stand for it, notes tied to each other."""
    from music21 import chord, note, tie

    spans = list(_spans(start, end, sounds=bool(pitches)))
    for place, (begun, ended) in enumerate(spans):
        length = (ended - begun) / STEPS_PER_QUARTER
        if not pitches:
            yield note.Rest(quarterLength=length)
            continue
        spelt = [note.Note(_spell(pitch, sharps), quarterLength=length) for pitch in pitches]
        sign = spelt[0] if len(spelt) == 1 else chord.Chord(spelt)
        if len(spans) > 1:
            kind = {0: "start", len(spans) - 1: "stop"}.get(place, "continue")
            sign.tie = tie.Tie(kind)
        yield sign


def _spans(start: int, end: int, *, sounds: bool) -> Iterator[tuple[int, int]]:
    """A note or rest cut where a reader expects it, so that bars, their halves and beats are seen.

    A note that starts on a beat may last to the end of the bar, on an eighth between two beats to
    the end of half the bar, elsewhere to the next beat; a rest is as long as its place is round.
    """
    while start < end:
        if sounds:
            bar, beat = STEPS_PER_BAR, STEPS_PER_QUARTER
            unit = bar if start % beat == 0 else bar // 2 if start % 2 == 0 else beat
            most = min(end, (start // unit + 1) * unit) - start
            length = next(each for each in SIGNS if each <= most)
        else:
            longest = 1 << (end - start).bit_length() - 1
            length = math.gcd(start, min(STEPS_PER_BAR, longest))
        yield start, start + length
        start += length


def _key_signature(pitches: Iterable[int]) -> int:
    """Sharps, or flats as a negative number, by music21's key analysis; 0 of silence."""
    from music21 import note, stream

    found = stream.Stream([note.Note(pitch) for pitch in pitches])
    if not found:
        return 0
    sharps = found.analyze("key").sharps
    return (sharps - SHARPS.start) % 12 + SHARPS.start


def _spell(pitch: int, sharps: int) -> str:
    """Name of a MIDI pitch in a key, such as "B-4".

    Of all names the one nearest to the key on the line of fifths, from the lowered third of major
    to its raised fifth, which is the leading note of the relative minor.
    """
    lowest = sharps + FLATTEST
    fifth = (7 * pitch - lowest) % 12 + lowest  # C is 0, G is 1, F is -1
    name, sharpened = "FCGDAEB"[(fifth + 1) % 7], (fifth + 1) // 7
    octave = (pitch - sharpened) // 12 - 1
    return f"{name}{'#' * sharpened}{'-' * -sharpened}{octave}"
