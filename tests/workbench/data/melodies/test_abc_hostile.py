"""Malformed and hostile ABC: left out with a reason, without hanging, and never raised."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from work import few_calls, no_hanging

from synvae_workbench.data.melodies.abc import parse_tunebook


def refused(body: str) -> str:
    """The reason for which a tune is left out."""
    book = parse_tunebook(f"X:7\nT:bad\nM:4/4\nL:1/4\nK:C\n{body}\n", source="f.abc")
    assert not book.tunes
    (skipped,) = book.skipped
    assert skipped[:3] == ("bad", "7", "f.abc")
    return skipped.reason


@settings(max_examples=150)
@given(st.text(st.sampled_from("ABCdefgz|:[]12(3)<>-/,'^_={}!\"&%\\ \nKMLVZx+.~0"), max_size=80))
def test_no_text_raises_and_time_never_runs_backwards(body):
    book = parse_tunebook(f"X:1\nM:4/4\nK:C\nC|{body}")
    assert len(book.tunes) + len(book.skipped) >= 1
    for result in book.tunes:
        ends = [note.onset + note.duration for note in result.notes]
        assert all(end <= note.onset for end, note in zip(ends, result.notes[1:], strict=False))
        assert all(
            bar.start + bar.duration == other.start
            for bar, other in zip(result.bars, result.bars[1:], strict=False)
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("A99999999", "out of range"),
        ("A9999", "more than 64"),
        ("A/0", "out of range"),
        ("A0", "out of range"),
        ("A/1000", "out of range"),
        ("A" + "/" * 50, "out of range"),
        ("(99999999999CDE", "outside 2..32"),
        ("(1CDE", "outside 2..32"),
        ("(3:99999:99999CDE", "outside 1..32"),
        ("A>>>>>>>>>>>>B", "three marks"),
        ("Z99999", "cannot rest"),
        ("A" + "'" * 1000, "leaves the MIDI pitches"),
        ("|: A |99 B :|", "outside 1..9"),
        ("|: A |0 B :|", "outside 1..9"),
        ("[K:Hugo]A", "unknown key"),
        ("[K:C foo]A", "unknown mode"),
        ("[M:x]A", "unknown metre"),
        ("[M:99/4]A", "outside 1..64"),
        ("z4 | z4", "no notes"),
        ("\x00\xff\x01", "no notes"),
        ("A" * 200_000, "longer than"),
        ("|: " + "A" * 30_000 + " |1-9 B :|", "more than 50000 notes"),
    ],
)
def test_malformed_tunes_are_left_out_with_their_reason(body, reason):
    assert reason in refused(body)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00\x01" * 1000,
        "X:1",
        "X:1\n" * 2000,
        "C" * 10_000_000,
        "X:1\nT:" + "t" * 10_000_000 + "\nK:C\nC",
        "X:1\nK:C\n" + "C " * 5_000_000,
        *(
            "X:1\nM:4/4\nK:C\n" + piece * (20_000 // len(piece))
            for piece in ("[", "{", '"', "!", "+a", "[1A:|", "|1 A", "A:|", "|: A ", "|   ", "[K:",
                          "(3", "A/509", "A-", "Z64|", "&", "\\\n", "A>", "[A", ":", "%", "[V:1]")
        ),
        "X:1\nM:4" + " " * 90_000 + "x\nL:1" + " " * 90_000 + "x\nK:A" + " " * 90_000 + "x\nC",
    ],
)  # fmt: skip
def test_hostile_text_costs_no_time(text):
    with no_hanging(), few_calls():
        book = parse_tunebook(text)
    assert sum(len(tune.notes) for tune in book.tunes) <= 100_000
