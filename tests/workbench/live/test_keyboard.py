import numpy as np
import pytest

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.live.keyboard import MAX_TAPS, Keyboard, parse_message, quantise

SIXTEENTH = 60 / 120 / 4  # seconds at 120 quarters a minute


def played(*taps, qpm=120, steps=32):
    return ONE_VOICE.notes(quantise(taps, qpm=qpm, steps=steps))


def notes(*rows, slot="A", play=False):
    return {"kind": "notes", "slot": slot, "notes": [list(row) for row in rows], "play": play}


def taps(*rows, slot="A", qpm=120):
    return {"kind": "taps", "slot": slot, "taps": [list(row) for row in rows], "qpm": qpm}


@pytest.mark.parametrize(
    ("down", "up", "note"),
    [
        (0.0, 4 * SIXTEENTH, Note(0, 4, 60)),
        (0.4 * SIXTEENTH, 4.4 * SIXTEENTH, Note(0, 4, 60)),  # a little late
        (3.6 * SIXTEENTH, 7.6 * SIXTEENTH, Note(4, 8, 60)),  # a little early
        (0.5 * SIXTEENTH, SIXTEENTH, Note(1, 2, 60)),  # half-way is the next one
        (8 * SIXTEENTH, 8.1 * SIXTEENTH, Note(8, 9, 60)),  # never shorter than a sixteenth
        (-0.9 * SIXTEENTH, SIXTEENTH, Note(0, 1, 60)),  # before the first beat
        (30 * SIXTEENTH, 50 * SIXTEENTH, Note(30, 32, 60)),  # the bars are over
    ],
)
def test_taps_are_moved_to_the_nearest_sixteenth(down, up, note):
    assert played((down, up, 60)) == [note]


def test_the_tempo_says_how_long_a_sixteenth_is():
    assert played((1.0, 2.0, 60), qpm=60) == [Note(4, 8, 60)]
    assert played((1.0, 2.0, 60), qpm=240) == [Note(16, 32, 60)]


def test_there_is_one_voice():
    held = (0.0, 10 * SIXTEENTH, 60)
    assert played(held, (4 * SIXTEENTH, 6 * SIXTEENTH, 64)) == [Note(0, 4, 60), Note(4, 6, 64)]
    assert played(held, (0.1 * SIXTEENTH, SIXTEENTH, 72)) == [Note(0, 1, 72)]  # the last one


def test_what_starts_after_the_end_is_left_out():
    assert played((31.7 * SIXTEENTH, 33 * SIXTEENTH, 60)) == []
    assert played() == []


@pytest.mark.parametrize("qpm", [0, 39, 241, float("nan"), float("inf")])
def test_other_tempos_are_refused(qpm):
    with pytest.raises(ValueError, match="the tempo is 40 to 240 beats a minute"):
        quantise([], qpm=qpm, steps=32)


def test_a_melody_is_read_from_its_notes():
    slot, events, finished = parse_message(
        notes((0, 2, 60), (4, 8, 62), slot="B", play=True), steps=32
    )
    assert (slot, finished) == ("B", True)
    assert ONE_VOICE.notes(events) == [Note(0, 2, 60), Note(4, 8, 62)]
    assert not parse_message(notes(), steps=32)[1].any()


@pytest.mark.parametrize(
    "content",
    [
        None,
        "notes",
        {},
        notes() | {"slot": "C"},
        notes() | {"slot": 1},
        notes() | {"play": 1},
        notes() | {"notes": "abc"},
        notes((0, 2)),
        notes((0, 2, 60.0)),
        notes((0, 2, True)),
        taps((0, 1, 60)) | {"qpm": "120"},
        taps((0, 1, 20)),
        taps((0, 1, 109)),
        taps((1, 0, 60)),
        taps((0, float("nan"), 60)),
        taps((0, 1e9, 60)),
        taps((-1e9, 0, 60)),
        taps((0, "1", 60)),
        taps(*[(0, 1, 60)] * (MAX_TAPS + 1)),
    ],
)
def test_other_messages_are_refused(content):
    with pytest.raises(ValueError, match="the page sent something that no keyboard plays"):
        parse_message(content, steps=32)


@pytest.mark.parametrize(
    "rows", [[(0, 4, 60), (2, 6, 62)], [(0, 33, 60)], [(-1, 2, 60)], [(0, 2, 200)], [(2, 2, 60)]]
)
def test_notes_that_make_no_melody_are_refused(rows):
    with pytest.raises(ValueError, match="overlaps another note or leaves|pitch outside"):
        parse_message(notes(*rows), steps=32)


@pytest.fixture
def keyboard():
    """One that keeps what is heard and what the page is told."""
    made = Keyboard(lambda *heard: made.heard.append(heard), steps=32)
    made.heard, made.sent = [], []
    made.send = lambda content, buffers=None: made.sent.append(content)
    yield made
    made.close()


def test_taps_go_back_to_the_page_as_notes_and_sound(keyboard):
    keyboard._handle_custom_msg(taps((0.01, 0.26, 60), (0.49, 0.8, 67), slot="B"), [])
    expected = [[0, 2, 60], [4, 6, 67]]
    assert keyboard.sent == [{"kind": "quantised", "slot": "B", "notes": expected}]
    ((slot, events, finished),) = keyboard.heard
    assert (slot, finished) == ("B", True)
    assert [list(note[:3]) for note in ONE_VOICE.notes(events)] == expected


def test_notes_are_heard_and_need_no_answer(keyboard):
    keyboard._handle_custom_msg(notes((0, 2, 60)), [])
    assert keyboard.sent == []
    assert [(slot, finished) for slot, _, finished in keyboard.heard] == [("A", False)]


def test_a_refusal_is_said_and_the_next_melody_is_heard(keyboard):
    keyboard._handle_custom_msg({"kind": "shell"}, [])
    keyboard._handle_custom_msg(notes((0, 2, 200)), [])
    assert [content["kind"] for content in keyboard.sent] == ["refused", "refused"]
    assert all(content["said"].startswith("Not used: ") for content in keyboard.sent)
    assert keyboard.heard == []
    keyboard._handle_custom_msg(notes((0, 2, 60)), [])
    assert np.count_nonzero(keyboard.heard[0][1]) == 2
