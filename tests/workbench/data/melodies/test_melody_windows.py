"""Two-bar windows of a tune: known answers, and what sounds at every step."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synvae_core.music.melody import FIRST_NOTE, ONE_VOICE
from synvae_workbench.data.melodies.abc import Bar, Tune, TuneNote, parse_tunebook
from synvae_workbench.data.melodies.abc_corpus import bar_windows

C = 60 - 21 + FIRST_NOTE


def windows(body: str, *, metre: str = "4/4", **options) -> list[str]:
    """Windows as text: a letter for a note from middle C up, `.` for hold, `-` for note-off."""
    tune = parse_tunebook(f"X:1\nM:{metre}\nL:1/16\nK:C\n{body}").tunes[0]
    names = {0: ".", 1: "-"} | {
        C + step: name for step, name in zip((0, 2, 4, 5, 7, 9, 11, 12), "CDEFGABc", strict=True)
    }
    return ["".join(names[event] for event in row) for row in bar_windows(tune, **options)]


def test_windows_start_on_every_bar_line():
    assert windows("C8 D8 | E4 F4 G8 | A16 | G8") == [
        "C.......D.......E...F...G.......",
        "E...F...G.......A...............",
    ]


@pytest.mark.parametrize("metre", ["C", "C|", "2/2", "4/4"])
def test_metres_that_are_read_as_they_are(metre):
    assert windows("C8 D8 | E8 F8", metre=metre) == ["C.......D.......E.......F......."]


def test_two_four_is_four_bars_and_four_two_is_halved():
    assert windows("C4 D4 | E8 | F8 | G8 | A8", metre="2/4") == [
        "C...D...E.......F.......G.......",
        "E.......F.......G.......A.......",
    ]
    assert windows("C16 D16 | E24 F8", metre="4/2") == ["C.......D.......E...........F..."]


@pytest.mark.parametrize("metre", ["3/4", "6/8", "none", "9/8", "3/2"])
def test_other_metres_are_left_out(metre):
    assert windows("C4 D4 E4 | " * 6, metre=metre) == []


def test_a_change_of_metre_parts_the_windows():
    body = "C8D8 | E8F8 | [M:3/4] C4C4C4 | C4C4C4 | [M:4/4] F8E8 | D8C8 | [M:C|] G16 | A8B8 | C8D8"
    assert windows(body, min_notes=1) == [
        "C.......D.......E.......F.......",
        "F.......E.......D.......C.......",
        "G...............A.......B.......",
        "A.......B.......C.......D.......",
    ]


def test_upbeats_and_short_bars_are_no_start():
    assert windows("B4 | C8D8 | E8F4 | C8D8 | E8F8 | G12") == ["C.......D.......E.......F......."]
    repeated = windows("B4 | C8D8 | E8F4 :|")  # the upbeat makes the last bar whole
    assert repeated[0] == "C.......D.......E.......F...B..."
    assert repeated[1] == "E.......F...B...C.......D......."


def test_rests_end_notes_and_silence_is_held():
    assert windows("z4 C4 z8 | D4 z4 z4 E4") == ["....C...-.......D...-.......E..."]
    assert windows("C16 | D8 z8 | E8F8", min_notes=1) == [
        "C...............D.......-.......",
        "D.......-.......E.......F.......",
    ]


def test_a_note_over_the_bar_line_is_struck_again():
    assert windows("C8 D8- | D8 E8 | F8 G8")[1] == "D.......E.......F.......G......."
    assert windows("C8 D8- | D16- | D8 E8 | F8 G4 A4", min_notes=1)[1:] == [
        "D.......................E.......",
        "D.......E.......F.......G...A...",
    ]


def test_onsets_go_to_the_nearest_sixteenth():
    assert windows("(3C4D4E4 F8 | G16") == ["C..D.E..F.......G..............."]
    # two thirds and four thirds of a step both go to step 1: the first of equals stays
    assert windows("(3CDE F14 | G16") == ["CDF.............G..............."]
    # 0, 1/2, 1, 3/2 of a step: what stands on a step goes before what is rounded to it
    assert windows("C/D/E/F/ G14 | A16") == ["CEG.............A..............."]


def test_windows_with_few_notes_or_outside_the_piano_are_left_out():
    assert windows("C16 | D16 | E16") == []
    assert windows("C16 | D16 | E16", min_notes=2) == ["C" + "." * 15 + "D" + "." * 15,
                                                       "D" + "." * 15 + "E" + "." * 15]  # fmt: skip
    assert windows("C8D8 | E8 F,,,,8 | C8D8 | E8F8") == ["C.......D.......E.......F......."]


steps = st.lists(
    st.tuples(st.integers(1, 12), st.one_of(st.none(), st.integers(21, 108))),
    min_size=1,
    max_size=40,
)


@settings(max_examples=100)
@given(steps)
def test_on_the_grid_every_step_is_what_sounds_there(parts):
    notes, time = [], 0
    for length, pitch in parts:
        if pitch is not None:
            notes.append(TuneNote(Fraction(time, 4), Fraction(length, 4), pitch))
        time += length
    bars = [Bar(Fraction(4 * index), Fraction(4), (4, 4)) for index in range(time // 16)]
    result = bar_windows(Tune("", "", "", "", tuple(notes), tuple(bars)), min_notes=0)
    assert len(result) == max(len(bars) - 1, 0)
    assert np.array_equal(result, ONE_VOICE.canonical(ONE_VOICE.check(result)))
    for index, row in enumerate(result):
        sounding = None
        for step, event in enumerate(row.tolist()):
            now = Fraction(16 * index + step, 4)
            note = next((n for n in notes if n.onset <= now < n.onset + n.duration), None)
            if event >= FIRST_NOTE:
                assert note is not None
                assert step == 0 or note.onset == now
                sounding = event - FIRST_NOTE + 21
            elif event == 1:
                sounding = None
            assert sounding == (note and note.pitch)
