from xml.etree import ElementTree

import numpy as np
import pytest
from music21 import converter

from synvae_core.music.coding import MAX_PITCH, MIN_PITCH, Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.notation import WIDTHS, Part, music_xml, sheet_music

SVG = "{http://www.w3.org/2000/svg}"


def melody(*notes, steps=32, **options):
    return music_xml([Part([Note(*note) for note in notes])], steps=steps, **options)


def parsed(xml):
    return converter.parseData(xml.decode(), format="musicxml")


def read_back(xml):
    """Notes of each part, ties joined: start and end in steps, and pitch."""
    return [
        [
            (round(4 * each.offset), round(4 * (each.offset + each.quarterLength)), pitch.midi)
            for each in part.stripTies().flatten().notes
            for pitch in sorted(each.pitches)
        ]
        for part in parsed(xml).parts
    ]


@pytest.mark.parametrize("steps", [16, 32, 128, 256, 24])
def test_every_note_is_read_back(steps):
    rng = np.random.default_rng(steps)
    for density in (0.1, 0.5, 0.9):
        starts = rng.integers(2, ONE_VOICE.size, steps)
        events = np.where(rng.random(steps) < density, starts, rng.integers(0, 2, steps))
        notes = ONE_VOICE.notes(events)
        xml = music_xml([Part(notes)], steps=steps)
        assert read_back(xml) == [[note[:3] for note in notes]]
        assert len(parsed(xml).parts[0].getElementsByClass("Measure")) == -(-steps // 16)


def test_every_pitch_is_spelt_as_itself_in_keys_of_flats_and_sharps():
    for tonic in (1, 6):
        scale = [
            p for p in range(MIN_PITCH, MAX_PITCH + 1) if (p - tonic) % 12 in (0, 2, 4, 5, 7, 9, 11)
        ]
        pitches = scale * 3 + [*range(MIN_PITCH, MAX_PITCH + 1)]
        notes = [Note(start, start + 1, pitch) for start, pitch in enumerate(pitches)]
        (found,) = read_back(music_xml([Part(notes)], steps=len(notes)))
        assert [pitch for *_, pitch in found] == pitches


@pytest.mark.parametrize(
    ("scale", "sharps", "names"),
    [
        ([62, 64, 66, 67, 69, 71, 73, 74], 2, "D E F# G A B C# D"),
        ([65, 67, 69, 70, 72, 74, 76, 77], -1, "F G A B- C D E F"),
        ([69, 71, 72, 74, 76, 77, 80, 81], 0, "A B C D E F G# A"),
        ([61, 63, 65, 66, 68, 70, 72, 73], -5, "D- E- F G- A- B- C D-"),
    ],
)
def test_a_scale_has_its_key_signature_and_needs_no_other_accidentals(scale, sharps, names):
    length = [(4 * i, 4 * i + 4, pitch) for i, pitch in enumerate(scale * 2)]
    part = parsed(melody(*length, steps=64)).parts[0].flatten()
    assert [each.sharps for each in part.getElementsByClass("KeySignature")] == [sharps]
    assert [each.name for each in part.notes][:8] == names.split()
    assert [each.ratioString for each in part.getElementsByClass("TimeSignature")] == ["4/4"]


@pytest.mark.parametrize(
    ("note", "lengths"),
    [
        ((0, 16), [16]),
        ((0, 32), [16, 16]),
        ((4, 16), [12]),
        ((12, 20), [4, 4]),
        ((6, 10), [2, 2]),
        ((2, 6), [4]),
        ((1, 4), [3]),
        ((3, 8), [1, 4]),
        ((0, 5), [4, 1]),
        ((0, 7), [6, 1]),
        ((16, 31), [12, 3]),
    ],
)
def test_a_note_is_tied_where_a_reader_expects_it(note, lengths):
    signs = list(parsed(melody((*note, 60))).recurse().notes)
    assert [round(4 * each.quarterLength) for each in signs] == lengths
    kinds = [each.tie and each.tie.type for each in signs]
    assert kinds == (
        [None] if len(signs) == 1 else ["start", *["continue"] * (len(signs) - 2), "stop"]
    )


def test_silence_is_written_as_rests():
    rests = [
        round(4 * each.quarterLength)
        for each in parsed(melody((5, 7, 60))).recurse().getElementsByClass("Rest")
    ]
    assert rests == [4, 1, 1, 8, 16]
    silent = parsed(melody()).recurse()
    assert [each.quarterLength for each in silent.getElementsByClass("Rest")] == [4, 4]


def test_parts_and_chords_stand_below_each_other():
    tune = Part([Note(0, 4, 72), Note(4, 8, 74)], "Melody", 71)
    chords = Part([Note(0, 8, p) for p in (48, 52, 55)], "Chords")
    xml = music_xml([tune, chords], steps=16)
    assert read_back(xml) == [
        [(0, 4, 72), (4, 8, 74)],
        [(0, 8, 48), (0, 8, 52), (0, 8, 55)],
    ]
    assert [part.partName for part in parsed(xml).parts] == ["Melody", "Chords"]
    assert [part.getInstrument().midiProgram for part in parsed(xml).parts] == [71, 0]
    assert music_xml([tune, chords], steps=16) == xml


def test_tempo_and_title_are_kept_and_a_title_is_text():
    evil = '<script>alert(1)</script> & "]]>\x00\x1b'
    xml = melody((0, 4, 60), qpm=90, title=evil)
    assert b"<script" not in xml
    assert ElementTree.fromstring(xml).findtext("movement-title") == evil[:-2]
    assert [each.number for each in parsed(xml).recurse().getElementsByClass("MetronomeMark")] == [
        90
    ]
    assert "script" not in sheet_music(xml)


@pytest.mark.parametrize(
    ("notes", "steps"),
    [
        ([(0, 8, 60), (4, 8, 62)], 16),
        ([(0, 20, 60)], 16),
        ([(4, 4, 60)], 16),
        ([(0, 8, 60), (0, 4, 64)], 16),
    ],
)
def test_notes_that_no_staff_can_hold_are_refused(notes, steps):
    with pytest.raises(ValueError, match="overlaps another note or leaves the 16 steps"):
        melody(*notes, steps=steps)


def test_no_part_is_refused():
    with pytest.raises(ValueError, match="one part or more"):
        music_xml([], steps=16)


# --- sheet music


def test_all_notes_are_drawn_within_the_width():
    notes = [(2 * i, 2 * i + 2, 60 + i % 12) for i in range(64)]
    xml = melody(*notes, steps=128)
    heights = []
    for width in (320, 900):
        image = ElementTree.fromstring(sheet_music(xml, width=width))
        classes = [each.get("class") for each in image.iter(f"{SVG}g")]
        assert classes.count("note") == 64
        assert classes.count("measure") == 8
        assert 0 <= width - float(image.get("width").removesuffix("px")) <= 2
        heights.append(float(image.get("height").removesuffix("px")))
    assert heights[0] > heights[1], "fewer bars in a line, more lines"


def test_the_same_notes_are_the_same_image_that_runs_and_fetches_nothing():
    xml = melody((0, 4, 60), (6, 9, 61))
    image = sheet_music(xml)
    assert sheet_music(xml) == image
    for each in ElementTree.fromstring(image).iter():
        assert each.tag.removeprefix(SVG) not in {"script", "foreignObject", "image", "a"}
        for name, value in each.attrib.items():
            assert not name.startswith("on")
            assert not name.endswith("href") or value.startswith("#")


@pytest.mark.parametrize("width", [WIDTHS[0] - 1, WIDTHS[1] + 1])
def test_absurd_widths_are_refused(width):
    with pytest.raises(ValueError, match="pixels wide"):
        sheet_music(melody((0, 4, 60)), width=width)


def test_what_is_no_music_xml_is_refused():
    with pytest.raises(ValueError, match="from the bytes of music_xml"):
        sheet_music(b"<html></html>")
