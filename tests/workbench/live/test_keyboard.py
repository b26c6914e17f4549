import pytest

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.live.keyboard import (
    MAX_TAPS,
    Key,
    Keyboard,
    Undo,
    parse_message,
    quantise,
)

SIXTEENTH = 60 / 120 / 4  # seconds at 120 quarters a minute


def played(*taps, qpm=120, steps=32):
    return ONE_VOICE.notes(quantise(taps, qpm=qpm, steps=steps))


def key(pitch=60, length=2, slot="A"):
    return {"kind": "key", "slot": slot, "pitch": pitch, "length": length}


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


@pytest.mark.parametrize(
    ("content", "wish"),
    [
        (key(61, 4, "B"), Key("B", 61, 4)),
        (key(None), Key("A", None, 2)),
        ({"kind": "undo"}, Undo()),
    ],
)
def test_a_message_becomes_a_wish(content, wish):
    assert parse_message(content, steps=32) == wish


def test_to_clear_is_to_take_silence():
    slot, events = parse_message({"kind": "clear", "slot": "B"}, steps=32)
    assert slot == "B"
    assert len(events) == 32
    assert ONE_VOICE.notes(events) == []


@pytest.mark.parametrize(
    "content",
    [
        None,
        "key",
        {},
        key(slot="C"),
        key(slot=1),
        key(60.0),
        key(True),
        key(20),
        key(109),
        key(length=0),
        key(length=33),
        key(length=True),
        key(length="2"),
        {"kind": "clear"},
        {"kind": "clear", "slot": "C"},
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


@pytest.fixture
def keyboard():
    """One that keeps what it is asked for and what the page is told."""
    made = Keyboard(lambda wish: made.wishes.append(wish), steps=32)
    made.wishes, made.sent = [], []
    made.send = lambda content, buffers=None: made.sent.append(content)
    yield made
    made.close()


def test_taps_become_a_take(keyboard):
    keyboard._handle_custom_msg(taps((0.01, 0.26, 60), (0.49, 0.8, 67), slot="B"), [])
    ((slot, events),) = keyboard.wishes
    assert slot == "B"
    assert [list(note[:3]) for note in ONE_VOICE.notes(events)] == [[0, 2, 60], [4, 6, 67]]


def test_a_refusal_is_said_and_the_next_key_is_heard(keyboard):
    keyboard._handle_custom_msg({"kind": "shell"}, [])
    keyboard._handle_custom_msg(key(200), [])
    assert [content["kind"] for content in keyboard.sent] == ["refused", "refused"]
    assert all(content["said"].startswith("Not used: ") for content in keyboard.sent)
    assert keyboard.wishes == []
    keyboard._handle_custom_msg(key(), [])
    assert keyboard.wishes == [Key("A", 60, 2)]


def test_a_keyboard_that_opens_is_shown_what_the_slots_hold(keyboard):
    keyboard.show({"A": {"notes": [[0, 2, 60]]}}, undo=True, said="C 4.")
    keyboard._handle_custom_msg({"kind": "ready"}, [])
    first, again = keyboard.sent
    assert first.pop("said") == "C 4."
    assert again == first, "and nothing is said once more"
