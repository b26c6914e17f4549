import io
import json

import numpy as np
import pytest
import soundfile
from music21 import converter

from synvae_core.music.accompaniment import Accompaniment
from synvae_core.music.coding import Note
from synvae_core.music.ensemble import players_of
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import read_midi
from synvae_core.music.render import SAMPLE_RATE
from synvae_core.music.sound import Sound
from synvae_workbench.live.live_player import (
    LivePlayer,
    labels_of_sections,
    pitch_name,
    prepare_performance,
)
from synvae_workbench.notation import Part, music_xml, sheet_music

EVENTS = ONE_VOICE.events([Note(0, 4, 60), Note(4, 6, 66), Note(16, 32, 70)], steps=32)


@pytest.fixture
def player():
    """One whose messages are kept in `sent`."""
    made = LivePlayer()
    made.sent = []
    made.send = lambda content, buffers=(): made.sent.append((content, list(buffers)))
    yield made
    made.close()


def test_the_sound_is_that_of_a_performance_in_16_bits():
    found = prepare_performance(EVENTS, label="A tune", sound=Sound(90, 40))
    waveform, rate = soundfile.read(io.BytesIO(found.wav), dtype="float32")
    assert soundfile.info(io.BytesIO(found.wav)).subtype == "PCM_16"
    expected = Sound(90, 40).perform(EVENTS)
    assert rate == SAMPLE_RATE
    assert np.abs(waveform - expected).max() < 1e-4


def test_the_midi_file_plays_the_same_notes_on_the_same_instrument():
    midi = prepare_performance(EVENTS, label="A tune", sound=Sound(program=40)).midi
    assert np.array_equal(read_midi(midi), EVENTS)
    assert b"\xc0\x28" in midi


def test_the_page_is_told_what_to_draw_and_to_say():
    content = prepare_performance(EVENTS, label="A <b>tune</b>: no. 7", sound=Sound(60)).content
    assert [Note(*note) for note in content["notes"]] == ONE_VOICE.notes(EVENTS)
    assert content["steps"] == 32
    assert content["seconds"] == pytest.approx(8)
    assert content["label"] == "A <b>tune</b>: no. 7"  # written as text, not as markup
    assert content["file"] == "a_b_tune_b_no_7"
    assert content["count"] == "3 notes"
    assert content["words"] == "Piano roll: 3 notes in 2 bars, C4, F♯4, B♭4"
    json.dumps(content)


def test_a_piece_of_four_bars_or_more_has_its_sections_named():
    tune = [Note(start, start + 4, 60 + start % 7) for start in range(0, 32, 4)]
    other = [Note(start, start + 2, 72 - start % 5) for start in range(0, 32, 2)]
    pieces = [tune, other, tune]
    notes = [
        Note(32 * i + note.start, 32 * i + note.end, note.pitch)
        for i, piece in enumerate(pieces)
        for note in piece
    ]
    content = prepare_performance(ONE_VOICE.events(notes, steps=96), label="…").content
    assert content["sections"] == ["A", "B", "A"]
    assert content["words"] == (
        "Piano roll: 32 notes in 6 bars, sections of 2 bars: A, B, A, "
        + ", ".join(pitch_name(note.pitch) for note in notes)
    )
    assert prepare_performance(EVENTS, label="…").content["sections"] == []
    assert labels_of_sections(np.zeros(72, np.int64)) == [], "no whole bars"


def test_of_many_notes_the_range_is_told():
    notes = [Note(i, i + 1, 60 + i % 12) for i in range(64)]
    words = prepare_performance(ONE_VOICE.events(notes, steps=64), label="…").content["words"]
    assert words.startswith("Piano roll: 64 notes in 4 bars, sections of 2 bars: ")
    assert words.endswith(", from C4 to B4")


def test_silence_is_a_melody_too():
    content = prepare_performance(np.zeros(16, np.int64), label="…").content
    assert content["notes"] == []
    assert content["words"] == "Piano roll: 0 notes in 1 bar"
    assert content["file"] == "melody"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"label": " "}, "needs a label"),
        ({"sound": Sound(qpm=1)}, "qpm is"),
        ({"sound": Sound(program=128)}, "program is"),
    ],
)
def test_what_cannot_be_played_is_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        prepare_performance(EVENTS, **({"label": "A tune"} | options))


def test_showing_sends_one_message_with_both_files(player):
    player.show(EVENTS, label="A tune", sound=Sound(program=3))
    player.show(EVENTS, label="Another", play=False)
    (first, files), (second, _) = player.sent
    expected = prepare_performance(EVENTS, label="A tune", sound=Sound(program=3))
    assert first == expected.content | {"play": True}
    assert files == [expected.wav, expected.midi]
    assert (second["label"], second["play"]) == ("Another", False)


def test_a_page_that_opens_late_gets_the_last_melody_and_is_silent(player):
    player._handle_custom_msg({"kind": "ready"}, [])
    assert not player.sent, "nothing was shown yet"
    player.show(EVENTS, label="A tune")
    player._handle_custom_msg({"kind": "ready"}, [])
    assert [content["play"] for content, _ in player.sent] == [True, False]
    player.clear()
    assert player.sent[-1] == ({"kind": "clear"}, [])
    player._handle_custom_msg({"kind": "ready"}, [])
    player._handle_custom_msg(["anything"], [b"else"])
    assert len(player.sent) == 3


def test_notation_is_sent_when_the_page_asks_for_it(player):
    for asked in ({"kind": "music xml"}, {"kind": "sheet", "width": 500}):
        player._handle_custom_msg(asked, [])
    assert not player.sent, "nothing was shown yet"
    player.show(EVENTS, label="A <b>tune</b>", sound=Sound(90))
    player._handle_custom_msg({"kind": "music xml"}, [])
    player._handle_custom_msg({"kind": "sheet", "width": 500}, [])
    (_, (written, (xml,)), (drawn, (image,))) = player.sent
    notes = [Part(ONE_VOICE.notes(EVENTS))]
    assert xml == music_xml(notes, steps=32, qpm=90, title="A <b>tune</b>")
    assert image.decode() == sheet_music(xml, width=500)
    assert written == {"kind": "music xml"}
    assert drawn["words"] == "Sheet music: 3 notes in 2 bars, C4, F♯4, B♭4"


def test_chords_and_bass_are_written_below_the_melody():
    sound = Sound(accompaniment=Accompaniment("fiddle"))
    xml = prepare_performance(EVENTS, label="A tune", sound=sound).music_xml
    found = converter.parseData(xml.decode(), format="musicxml").parts
    assert [part.partName for part in found] == ["Melody", "Chords", "Bass"]
    for part, player in zip(found, players_of(EVENTS, sound.accompaniment), strict=True):
        notes = part.stripTies().flatten().notes
        pitches = sorted(pitch.midi for each in notes for pitch in each.pitches)
        assert pitches == sorted(note.pitch for note in player.notes)


@pytest.mark.parametrize("width", [-1, 10**9])
def test_absurd_widths_are_kept_within_bounds_and_others_are_ignored(player, width):
    player.show(EVENTS, label="A tune")
    player._handle_custom_msg({"kind": "sheet", "width": width}, [])
    assert player.sent[-1][0]["kind"] == "sheet"
    for wrong in ("500", None, 1.5, [500]):
        player._handle_custom_msg({"kind": "sheet", "width": wrong}, [])
    assert len(player.sent) == 2


def test_no_melody_is_in_the_state_that_a_notebook_saves(player):
    before = json.dumps(player.get_state(), default=str)
    player.show(EVENTS, label="A tune")
    assert json.dumps(player.get_state(), default=str) == before


@pytest.mark.parametrize(("pitch", "name"), [(60, "C4"), (21, "A0"), (108, "C8"), (70, "B♭4")])
def test_pitches_have_names(pitch, name):
    assert pitch_name(pitch) == name
