"""The ABC reader against music21's own parser, on a seeded sample of the packaged tunes.

Measured on 1,000 tunes: the two agree on every pitch, onset and length of 87 % of the tunes as
they stand, and of 99.2 % once `without_ornaments` has taken out what makes no sound. So music21
stumbles over ornaments: it loses notes behind the decorations H, K and S and behind annotations
such as `">"`; it ends a broken rhythm at a slur, decoration, tie or grace note behind the `>`; it
counts grace notes in tuplets. The rest were looked through one by one; each has a cause in
`MUSIC21_DIFFERS`, and in each the standard is on the reader's side, or the text is broken.

Repeats are compared where every one but the first begins with a `|:`: all of 205 such tunes agree.
Elsewhere music21 goes back to the start of the tune, where the standard (4.8) goes back to the
last double bar or end of a repeat; it also loses the upbeat before a `::` and refuses some tunes.
"""

import random
import re
import warnings
from fractions import Fraction

import pytest

from synvae_workbench.data.melodies.abc import parse_tunebook
from synvae_workbench.data.melodies.abc_corpus import ABC_TUNES

MUSIC21_DIFFERS = {
    "a broken rhythm of three notes, `a>b>c`": r"[<>][^\s|<>]{1,6}(?<![ |])[<>]",
    "an accidental inside a chord, which holds for the bar": r"\[[^\]|:]*[_^=][A-Ga-g]",
    "a chord that a line break cuts in two": r"\[[^\]|\n]*\n",
    "the end of a mail's line, `=20`": r"=(20)?\n",
    "voices line by line: music21 reads them all": r"V:2",
    "`x` is a rest of no length to music21": r"x",
    "`B3//`, which music21 reads as `B3/`": r"\d//",
}


def without_ornaments(text: str) -> str:
    """The tune without what takes no time, which the reader is to pass over by itself."""
    head, key, body = re.split(r"(?m)^(K:.*\n)", text, maxsplit=1)
    body = re.sub(r"(?m)%.*|^(?![KLM]:)[A-Z]:[^|:].*\n|\[P:\w+\]", "", body)
    body = re.sub(r'"[^"\n]*"|Hx(?=\s*[|:\[])|!\S+?!|\[\|\]|\\\n', "", body)
    fields = r"(?m)^[KLM]:.*|\[[KLM]:[^]]*\]|\{[^{}]*[_^=][^{}]*\}"  # graces with an accidental
    body = re.sub(
        fields + r"|\{[^{}]*\}|[H-WYh-wy~.`!]|\((?!\d)|\)",
        lambda match: match[0] if re.fullmatch(fields, match[0]) else "",
        body,
    )
    body = re.sub(r"-?([<>]+)-?\s*", r"\1", body)  # the tie of `a>-b` is a slur
    return head + key + body.replace("::", " :: ")


def notes_of(stream) -> list[tuple[Fraction, Fraction, int]]:
    """Onset, duration and highest pitch of a music21 stream's notes, ties merged."""
    notes, tied = [], False
    for element in stream.flatten().notesAndRests:
        if element.duration.isGrace or "ChordSymbol" in element.classes:
            continue
        if element.isRest:
            tied = False
            continue
        pitch = max(pitch.midi for pitch in element.pitches)
        onset, duration = (
            Fraction(value).limit_denominator(4096)
            for value in (element.offset, element.quarterLength)
        )
        if tied and notes[-1][2] == pitch:
            notes[-1] = (notes[-1][0], notes[-1][1] + duration, pitch)
        else:
            notes.append((onset, duration, pitch))
        tied = element.tie is not None and element.tie.type != "stop"
    return notes


def has_plain_repeats(text: str) -> bool:
    """Whether every repeat but the first one begins with a `|:` of its own."""
    text = without_ornaments(text).rstrip().removesuffix("|]")
    ends = re.findall(r":\|(?!\s*(?:\|:|[\[|]*\d))", text)
    return "|:" in text and len(ends) <= 1 and not re.search(r"::|\|\||\|\]", text)


@pytest.fixture(scope="module")
def sample() -> list[str]:
    texts = []
    for path in ABC_TUNES.files():
        texts += re.split(r"(?m)^(?=X:)", path.read_bytes().decode("utf-8", "replace"))[1:]
    return random.Random(21).sample(texts, 50)


@pytest.fixture(scope="module")
def parsed(sample):
    """Music21's score of each tune, by version 2.1 of the standard, where accidentals hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from music21 import converter

        return [
            converter.parse("%abc-2.1\n" + without_ornaments(text), format="abc") for text in sample
        ]


def ours(text: str, **options) -> list[tuple]:
    return [tuple(note) for note in parse_tunebook(text, **options).tunes[0].notes]


@pytest.mark.slow
def test_notes_as_written(sample, parsed):
    agree, unexplained = 0, []
    for text, score in zip(sample, parsed, strict=True):
        if notes_of(score.parts[0]) == ours(text, play_repeats=False):
            agree += 1
            continue
        body = re.sub(r'"[^"\n]*"|%.*', "", re.split(r"(?m)^K:.*\n", text, maxsplit=1)[1])
        if not any(re.search(cause, body) for cause in MUSIC21_DIFFERS.values()):
            unexplained.append(text)
    assert not unexplained
    assert agree / len(sample) >= 0.975


@pytest.mark.slow
def test_repeats_played_out(sample, parsed):
    from music21.repeat import ExpanderException

    compared = 0
    for text, score in zip(sample, parsed, strict=True):
        written = notes_of(score.parts[0])
        if not has_plain_repeats(text) or written != ours(text, play_repeats=False):
            continue
        try:
            played = notes_of(score.parts[0].expandRepeats())
        except ExpanderException:
            continue
        assert played == ours(text)
        compared += len(played) > len(written)
    assert compared >= 8
