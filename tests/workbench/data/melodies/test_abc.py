"""What one line of ABC sounds like: known answers, and notes written and read back."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from synvae_workbench.data.melodies.abc import Tune, parse_tunebook

C, D, E, F, G, A, B = 60, 62, 64, 65, 67, 69, 71


def tune(body: str, *, key: str = "C", metre: str = "4/4", unit: str = "1/4", **options) -> Tune:
    length = f"L:{unit}\n" if unit else ""
    book = parse_tunebook(f"X:1\nT:t\nM:{metre}\n{length}K:{key}\n{body}\n", **options)
    assert not book.skipped, book.skipped
    return book.tunes[0]


def pitches(body: str, **options) -> list[int]:
    return [note.pitch for note in tune(body, **options).notes]


def lengths(body: str, **options) -> list[Fraction]:
    return [note.duration for note in tune(body, **options).notes]


def quarters(*numbers) -> list[Fraction]:
    return [Fraction(number) for number in numbers]


def test_octaves_and_lengths():
    assert pitches("C, C c c' c''") == [48, 60, 72, 84, 96]
    assert lengths("C C2 C3/2 C/2 C/ C// C3/ C/4") == quarters(1, 2, 1.5, 0.5, 0.5, 0.25, 1.5, 0.25)
    assert [note.onset for note in tune("C2 z D/").notes] == quarters(0, 3)


@pytest.mark.parametrize(
    ("metre", "unit", "expected"),
    [
        ("4/4", "", "1/2"),
        ("C", "", "1/2"),
        ("C|", "", "1/2"),
        ("3/4", "", "1/2"),
        ("6/8", "", "1/2"),
        ("2/4", "", "1/4"),
        ("none", "", "1/2"),
        ("2/4", "1/8", "1/2"),
        ("4/4", "1/16", "1/4"),
    ],
)
def test_unit_note_length(metre, unit, expected):
    assert lengths("C", metre=metre, unit=unit) == quarters(expected)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("C", {}),
        ("", {}),
        ("none", {}),
        ("G", {F: 1}),
        ("D", {F: 1, C: 1}),
        ("Bb", {B: -1, E: -1}),
        ("F#", {F: 1, C: 1, G: 1, D: 1, A: 1, E: 1}),
        ("Am", {}),
        ("Bm", {F: 1, C: 1}),
        ("B Minor", {F: 1, C: 1}),
        ("EM", {F: 1}),  # capitals do not count in a mode
        ("GMin", {B: -1, E: -1}),
        ("Ddor", {}),
        ("D dorian", {}),
        ("EDorian", {F: 1, C: 1}),
        ("A Mixolydian", {F: 1, C: 1}),
        ("Gmix", {}),
        ("Ephr", {}),
        ("C Lydian", {F: 1}),
        ("Blocrian", {}),
        ("Cion", {}),
        ("A aeolian", {}),
        ("HP", {F: 1, C: 1}),
        ("Hp", {F: 1, C: 1}),
        ("D =c", {F: 1}),
        ("Dmix=f", {}),
        ("D Phr ^f", {B: -1, E: -1, F: 1}),
        ("D exp _b _e ^f", {B: -1, E: -1, F: 1}),
        ("^f ^c", {F: 1, C: 1}),
        ("D clef=bass middle=d", {F: 1, C: 1}),
        ("G treble", {F: 1}),
        ("D % two sharps", {F: 1, C: 1}),
    ],
)
def test_keys(key, expected):
    scale = [C, D, E, F, G, A, B]
    assert pitches("CDEFGAB", key=key) == [pitch + expected.get(pitch, 0) for pitch in scale]


def test_an_accidental_holds_to_the_bar_line_in_every_octave():
    assert pitches("^F F f F, | F") == [66, 66, 78, 54, 65]
    assert pitches("=F F | F ^^F __B", key="G") == [65, 65, 66, 67, 69]
    assert pitches("{^c}d c | c") == [74, 73, 72]
    assert pitches("^F F :| F") == [66, 66, 66, 66, 65]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("not", [66, 65, 77]), ("octave", [66, 66, 77]), ("pitch", [66, 66, 78])],
)
def test_propagation_of_accidentals_can_be_chosen(rule, expected):
    text = f"X:1\n%%propagate-accidentals {rule}\nM:4/4\nK:C\n^FFf\n"
    assert [note.pitch for note in parse_tunebook(text).tunes[0].notes] == expected


def test_ties_merge_equal_pitches_only():
    assert tune("C2-C D- | D2 E-F").notes[:2] == ((0, 3, 60), (3, 3, 62))
    assert lengths("C-C-C-C") == quarters(4)
    assert pitches("E-F E-zE") == [64, 65, 64, 64]
    assert pitches("^F4- | F2 F2") == [66, 65]  # the tie carries the sharp, the bar does not
    assert lengths("^F4- | F2 F2") == quarters(6, 2)
    assert lengths("[CE]-[CE] F") == quarters(2, 1)


@pytest.mark.parametrize(
    ("body", "metre", "expected"),
    [
        ("(3CDE F", "4/4", ["2/3"] * 3 + [1]),
        ("(2CD E", "6/8", [1.5, 1.5, 1]),
        ("(4CDEF G", "6/8", [0.75] * 4 + [1]),
        ("(5CDEFG A", "4/4", ["2/5"] * 5 + [1]),
        ("(5CDEFG A", "6/8", ["3/5"] * 5 + [1]),
        ("(5CDEFG A", "9/8", ["3/5"] * 5 + [1]),
        ("(6CDEFGA B", "4/4", ["1/3"] * 6 + [1]),
        ("(7CDEFGAB c", "4/4", ["2/7"] * 7 + [1]),
        ("(3:2:2 CD E", "4/4", ["2/3"] * 2 + [1]),
        ("(3::2 CD E", "4/4", ["2/3"] * 2 + [1]),
        ("(3:: CDE F", "4/4", ["2/3"] * 3 + [1]),
        ("(5:4 CDEFG A", "4/4", ["4/5"] * 5 + [1]),
        ("((3CDE F)", "4/4", ["2/3"] * 3 + [1]),
        ("(3C{d}D[EG] F", "4/4", ["2/3"] * 3 + [1]),
        ("(3C2D F", "4/4", ["4/3", "2/3", "2/3"]),
    ],
)
def test_tuplets(body, metre, expected):
    assert lengths(body, metre=metre) == quarters(*expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("C>D", [1.5, 0.5]),
        ("C<D", [0.5, 1.5]),
        ("C>>D", [1.75, 0.25]),
        ("C<<D", [0.25, 1.75]),
        ("C>>>D", [1.875, 0.125]),
        ("C2>D2", [3, 1]),
        ("C > {e}(.D E)", [1.5, 0.5, 1]),
        ("(C>)D E", [1.5, 0.5, 1]),
        ("(3C>DE", [1, "1/3", "2/3"]),
        ("C>D>E", [1.5, 0.75, 0.5]),
    ],
)
def test_broken_rhythm(body, expected):
    assert lengths(body) == quarters(*expected)


def test_what_takes_no_time():
    plain = tune("CDEF | G4").notes
    decorated = '"Am7"C {gag}!trill!D +fermata+E.F | ~(u"^text"G4) ` \\'
    assert tune(decorated).notes == plain
    assert tune("C(D(E)F) y | vTG4 % comment | C").notes == plain
    assert tune("CDEF |\\\nw: one two three\nG4\n%%staffsep 3\nW: words").notes == plain
    assert tune("CDEF | G4 Hx||").notes == plain


def test_rests():
    assert [note.onset for note in tune("z C x D z/ z3/2 E").notes] == quarters(1, 3, 6)
    assert [note.onset for note in tune("C4 | Z2 | D X E", metre="3/4").notes] == quarters(
        0, 10, 14
    )
    assert len(tune("C4 | Z2 | D4").bars) == 4


def test_chords_keep_the_highest_note_and_the_first_length():
    assert tune("[CEG] [G2e2C2] [CE]2 [C2E]/").notes == (
        (0, 1, 67),
        (1, 2, 76),
        (3, 2, 64),
        (5, 1, 64),
    )
    assert pitches('[C"x"^F] F') == [66, 66]


letters = [f"{a}{n}{o}" for a in "^=_" for n in "CDEFGAB" for o in (",", "", "'")]
written = st.lists(
    st.tuples(
        st.sampled_from([*letters, "z"]), st.integers(1, 16), st.sampled_from(["", " ", "|"])
    ),
    min_size=1,
    max_size=40,
)


@given(written)
def test_written_notes_are_read_back_exactly(melody):
    body = "".join(f"{name}{length}{space}" for name, length, space in melody)
    onset, expected = Fraction(0), []
    for name, length, _ in melody:
        if name != "z":
            octave = {",": -12, "'": 12}.get(name[2:], 0)
            pitch = {"^": 1, "=": 0, "_": -1}[name[0]] + "C D EF G A B".index(name[1]) + 60 + octave
            expected.append((onset, Fraction(length, 4), pitch))
        onset += Fraction(length, 4)
    assume(expected)
    result = tune(body, unit="1/16")
    assert list(result.notes) == expected
    assert result.bars[-1].start + result.bars[-1].duration == onset
