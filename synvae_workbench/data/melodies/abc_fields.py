"""Parsers of ABC fields: key, metre, note lengths, variant endings.

The ABC music standard 2.1, sections 3.1.6 (M:), 3.1.7 (L:), 3.1.14 (K:), 4.3 and 4.10.
"""

import re
from fractions import Fraction
from functools import lru_cache

Metre = tuple[int, int]

_SHARPS = "FCGDAEB"  # the order in which a key signature takes sharps; flats go backwards
_TONICS = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F": -1}  # sharps of the major key
_MODES = {
    "": 0, "maj": 0, "ion": 0, "mix": -1, "dor": -2, "m": -3, "min": -3, "aeo": -3,
    "phr": -4, "loc": -5, "lyd": 1,
}  # fmt: skip
_ALTERATIONS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
_KEY = re.compile(r"\s*([A-G])\s*([#b]?)\s*([A-Za-z]*)")
_EXPLICIT = re.compile(r"(?:^|(?<=[\s\w]))(\^{1,2}|_{1,2}|=)([A-Ga-g])(?![a-z])")
_OPTION = re.compile(r"\b(clef|middle|octave|transpose|stafflines|name|score|shift)=\S*")
_MAX_CHARACTERS = 80  # of a field; the rest is ignored
_LARGEST_METRE = 64
MAX_DENOMINATOR = 512
MAX_PASSES = 9  # of a repeated section


def alteration(accidental: str) -> int:
    """Semitones of an ABC accidental, -2..2."""
    return _ALTERATIONS[accidental]


@lru_cache(maxsize=1024)
def parse_key(text: str) -> dict[str, int]:
    """Key signature of a K: field: semitones added to each of the letters A..G.

    The pipe keys `HP` and `Hp` have F sharp and C sharp. With `exp` only the accidentals in the
    field count; otherwise they change the key's own. Clefs are ignored.

    Raises:
        ValueError: if the tonic or mode is unknown.
    """
    text = _OPTION.sub("", text.split("%")[0][:_MAX_CHARACTERS])
    letters = dict.fromkeys("ABCDEFG", 0)
    word = text.split()[0] if text.split() else ""
    if word in ("HP", "Hp"):
        letters.update(F=1, C=1)
        return letters
    match = _KEY.match(text)
    explicit = re.search(r"\bexp", text) is not None
    if match and not explicit:
        _add_signature(letters, *match.groups())
    elif (
        not match
        and word
        and word != "none"
        and not re.match(r"[_^=]|treble|bass|alto|tenor|perc", word)
    ):
        raise ValueError(f"unknown key {text!r}")
    for accidental, letter in _EXPLICIT.findall(text):
        letters[letter.upper()] = _ALTERATIONS[accidental]
    return letters


def _add_signature(letters: dict[str, int], tonic: str, accidental: str, mode: str) -> None:
    mode = mode.lower()
    if re.match(r"treble|bass|alto|tenor|perc", mode):
        mode = ""
    mode = mode[:3]
    if mode not in _MODES:
        raise ValueError(f"unknown mode in key {tonic}{accidental} {mode}")
    sharps = _TONICS[tonic] + {"": 0, "#": 7, "b": -7}[accidental] + _MODES[mode]
    if abs(sharps) > 14:
        raise ValueError(f"key {tonic}{accidental} {mode} needs {abs(sharps)} accidentals")
    for step in range(abs(sharps)):
        if sharps > 0:
            letters[_SHARPS[step % 7]] += 1
        else:
            letters[_SHARPS[-1 - step % 7]] -= 1


@lru_cache(maxsize=1024)
def parse_metre(text: str) -> Metre | None:
    """Metre of an M: field, as numerator and denominator; `None` for free metre.

    Raises:
        ValueError: if it is no metre, or one with numbers outside 1..64.
    """
    text = text.split("%")[0][:_MAX_CHARACTERS].strip()
    if text.startswith("C|"):
        return 2, 2
    if text.startswith("C"):
        return 4, 4
    if not text or text.lower().startswith("none"):
        return None
    match = re.match(
        r"\(?\s*(\d{1,3}(?:\s*\+\s*\d{1,3}){0,8})\s*\)?\s*/\s*(\d{1,3})", text, re.ASCII
    )
    if not match:
        raise ValueError(f"unknown metre {text!r}")
    numerator = sum(int(part) for part in match[1].split("+"))
    denominator = int(match[2])
    if not (1 <= numerator <= _LARGEST_METRE and 1 <= denominator <= _LARGEST_METRE):
        raise ValueError(f"metre {text!r} is outside 1..{_LARGEST_METRE}")
    return numerator, denominator


@lru_cache(maxsize=1024)
@lru_cache(64)
def bar_length(metre: Metre) -> Fraction:
    """Length of a full bar in quarters."""
    return Fraction(4 * metre[0], metre[1])


def parse_unit(text: str) -> Fraction:
    """Unit note length of an L: field, in quarters.

    Raises:
        ValueError: unless it reads 1/1 to 1/512.
    """
    text = text.split("%")[0][:_MAX_CHARACTERS].strip()
    match = re.fullmatch(r"(\d{1,3})\s*(?:/\s*(\d{1,3}))?", text, re.ASCII)
    if not match or not (1 <= int(match[1]) <= 16 and 1 <= int(match[2] or 1) <= 512):
        raise ValueError(f"unknown unit note length {text!r}")
    return Fraction(4 * int(match[1]), int(match[2] or 1))


def default_unit(metre: Metre | None) -> Fraction:
    """Default unit note length in quarters: a sixteenth below a metre of 3/4, else an eighth."""
    small = metre is not None and Fraction(*metre) < Fraction(3, 4)
    return Fraction(1, 4) if small else Fraction(1, 2)


@lru_cache(maxsize=4096)
def note_length(unit: Fraction, text: str) -> Fraction:
    """Length of a note in quarters, from the digits and slashes behind it.

    Raises:
        ValueError: if it is zero or beyond 9999/512.
    """
    numerator, slash, denominator = text.partition("/")
    halvings = len(denominator) - len(denominator.lstrip("/")) + 1 if slash else 0
    denominator = denominator.lstrip("/")
    if len(numerator) > 4 or len(denominator) > 3 or halvings > 9:
        raise ValueError(f"note length {text[:20]!r} is out of range")
    top = int(numerator or 1)
    bottom = int(denominator) if denominator else 2**halvings
    if not (top and 1 <= bottom <= MAX_DENOMINATOR):
        raise ValueError(f"note length {text!r} is out of range")
    return unit * Fraction(top, bottom)


def parse_endings(text: str) -> frozenset[int]:
    """Passes of a variant ending such as `1`, `1,3` or `1-3`.

    Raises:
        ValueError: if one is outside 1..9.
    """
    numbers: set[int] = set()
    for first, last in re.findall(r"(\d{1,3})(?:-(\d{1,3}))?", text, re.ASCII):
        numbers.update(range(int(first), min(int(last or first), MAX_PASSES) + 1))
    if not numbers or not 1 <= min(numbers) <= max(numbers) <= MAX_PASSES:
        raise ValueError(f"variant ending {text[:20]!r} is outside 1..{MAX_PASSES}")
    return frozenset(numbers)
