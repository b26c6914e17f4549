"""Repeats, bars, fields, voices and tunebooks in ABC: known answers, and sections laid out."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synvae_workbench.data.melodies.abc import Bar, Tune, parse_tunebook

C, D, E, F, G, A, B = 60, 62, 64, 65, 67, 69, 71


def tune(body: str, *, key: str = "C", metre: str = "4/4", unit: str = "1/4", **options) -> Tune:
    length = f"L:{unit}\n" if unit else ""
    book = parse_tunebook(f"X:1\nT:t\nM:{metre}\n{length}K:{key}\n{body}\n", **options)
    assert not book.skipped, book.skipped
    return book.tunes[0]


def pitches(body: str, **options) -> list[int]:
    return [note.pitch for note in tune(body, **options).notes]


def quarters(*numbers) -> list[Fraction]:
    return [Fraction(number) for number in numbers]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("C | D :| E", "CDCDE"),
        ("|: C :| D |: E :|", "CCDEE"),
        ("C :: D :| E", "CCDDE"),
        ("C :|: D :||: E :|", "CCDDEE"),
        ("C :| D :| E :|", "CCDDEE"),
        ("C || D :|", "CDD"),  # back to the double bar, not to the start (4.8)
        ("C |] D | E :|", "CDEDE"),
        ("|:: C ::| D", "CCCD"),
        ("|: C |1 D :|2 E |] F", "CDCEF"),
        ("|: C |[1 D :|[2 E || F :|", "CDCEFF"),
        ("|: C | [1 D :| [2 E |: F :|", "CDCEFF"),
        ("C |1 D :|2 E :| F", "CDCEF"),
        ("C [1 D :|[2 E | F", "CDCEF"),
        ("C |1 D |2 E | F", "CDCEF"),
        ("C |1,3 D :|2 E :| F", "CDCECDF"),
        ("C |1-3 D :|4 E |] F", "CDCDCDCEF"),
        ("C |1 D :|2 E :|3 F |] G", "CDCECFG"),
        ("|: C |1 D :| E", "CDCE"),
        ("C |1 D :|\n|2 E |] F", "CDCEF"),
        ("C |\\\n1 D :|2 E |] F", "CDCEF"),
        ("C |[1 D ::\\\n[2 E || F :|", "CDCEFF"),
        ("C |[1 D :: [2 E :: [3 F || G", "CDCECFG"),
        ("C |1 D :|2 E | F | G || A :|", "CDCEFGAA"),
        ("C [|] D :| E", "CDCDE"),
        ('C "D.C."[|]:| D', "CCD"),
        ("C |:| D", "CD"),
        ("C :]", "CC"),
        ("C :|\n: D :|", "CCDD"),
        ('C | D:"^Segno"[|]|] E', "CDCDE"),
        (":| C", "C"),
        ("C :|:", "CC"),
    ],
)
def test_repeats(body, expected):
    names = dict(zip("CDEFGAB", (C, D, E, F, G, A, B), strict=True))
    assert pitches(body) == [names[name] for name in expected]


def test_repeats_as_written():
    assert pitches("|: C |1 D :|2 E |]", play_repeats=False) == [C, D, E]


sections = st.lists(
    st.tuples(
        st.integers(1, 3),  # measures in common
        st.integers(1, 3),  # times, or number of endings
        st.booleans(),  # endings?
    ),
    min_size=1,
    max_size=5,
)


@given(sections)
def test_any_nest_of_sections_is_played_as_it_was_laid_out(plan):
    body, expected, number = "", [], 0

    def measure() -> int:
        nonlocal number
        number += 1
        return 36 + number

    def text(pitch: int) -> str:
        names = ("=C", "^C", "=D", "^D", "=E", "=F", "^F", "=G", "^G", "=A", "^A", "=B")
        return names[pitch % 12] + "," * (5 - pitch // 12)

    for common, times, has_endings in plan:
        shared = [measure() for _ in range(common)]
        body += "|: " + " | ".join(map(text, shared))
        if has_endings and times > 1:
            endings = [measure() for _ in range(times)]
            for index, ending in enumerate(endings):
                body += f" {':' if index else ''}|{index + 1} {text(ending)}"
            body += " ||\n"
            expected += [pitch for ending in endings for pitch in (*shared, ending)]
        else:
            body += f" {':' * (times - 1)}|\n"
            expected += shared * times
    assert pitches(body) == expected


def test_bars_and_full_bars():
    bars = tune("G | CDEF | C2 D | E4 |]").bars
    assert [(bar.start, bar.duration) for bar in bars] == [(0, 1), (1, 4), (5, 3), (8, 4)]
    assert [bar.is_full for bar in bars] == [False, True, False, True]
    assert not Bar(Fraction(0), Fraction(4), None).is_full


def test_a_bar_cut_by_a_repeat_is_whole():
    bars = tune("G | CDEF | C3 :| G | E3 C | D3 :|").bars
    assert [bar.duration for bar in bars] == [1, 4, 4, 4, 4, 4, 4, 4, 3]
    assert [bar.duration for bar in tune("CDE || F | G4").bars] == [4, 4]
    assert [bar.duration for bar in tune("CDE | F | G4").bars] == [3, 1, 4]  # a plain line parts


def test_fields_in_the_tune():
    body = "CDEF |\nM:3/4\nK:G\nFGA | [M:2/4][L:1/8][K:C] F2 G2 | [r:remark] F4"
    result = tune(body)
    assert result.metre_changes == [(0, (4, 4)), (4, (3, 4)), (7, (2, 4))]
    assert [note.pitch for note in result.notes] == [C, D, E, F, 66, G, A, F, G, F]
    assert [bar.duration for bar in result.bars] == quarters(4, 3, 2, 2)
    assert all(bar.is_full for bar in result.bars)


@pytest.mark.parametrize(
    ("metre", "expected"),
    [("C", (4, 4)), ("C|", (2, 2)), ("none", None), ("", None), ("2+3/8", (5, 8)),
     ("(2+3)/8", (5, 8)), ("12/8", (12, 8)), ("4/4 % common", (4, 4))],
)  # fmt: skip
def test_metres(metre, expected):
    assert tune("C", metre=metre).bars[0].metre == expected


def test_only_the_first_voice_is_read():
    assert pitches("V:1\nCD|\nV:2\ncd|K:G\nV:1\nEF|\n[V:2]ef|[V:1]G") == [C, D, E, F, G]
    assert pitches("CD|\nV:2\ncd|") == [C, D]
    assert pitches("CD & ef | GA") == [C, D, G, A]  # an overlay goes to the bar line


def test_lines_that_look_like_fields_are_music():
    assert pitches("C D\nE:|\nd:|") == [C, D, E, C, D, E, 74, 74]


def test_tunebook_of_several_tunes():
    text = (
        "\ufeffL:1/4\r\n% free text\r\nX:1\r\nT:One\r\nT:Other name\r\nK:G\r\nF\r\n\r\nA|B, C\r\n"
        "X: 2\r\nT:Two\r\nM:9/7x\r\nL:no\r\nK:C\r\nC\r\nX:3\r\nT:Three\r\nC D\r\n"
    )
    book = parse_tunebook(text, source="book.abc")
    (one,) = book.tunes
    assert (one.title, one.reference, one.source, one.key) == ("One", "1", "book.abc", "G")
    assert one.notes == ((0, 1, 66),)  # L: of the file header; a blank line ends the tune
    assert [(tune.reference, tune.title) for tune in book.skipped] == [("2", "Two"), ("3", "Three")]
    assert "unit note length 'no'" in book.skipped[0].reason
    assert "no K: field" in book.skipped[1].reason
