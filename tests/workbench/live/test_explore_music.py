import asyncio
import json

import numpy as np
import pytest
import torch
from melody_models import MIXER, melody_model
from spoken_models import small_synvae

from synvae_core.models.melody.vae import MelodyVae
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import midi_bytes
from synvae_core.music.sound import Sound
from synvae_workbench.evaluation.steering import STEERABLE, attribute_values, steering_tunes
from synvae_workbench.live.attribute_words import describe_change
from synvae_workbench.live.explore_music import (
    BROKEN,
    SLIDERS,
    MelodyBench,
    MusicPage,
    Shown,
    state_message,
)
from synvae_workbench.live.explore_music_state import REACH, State, Tune, requested_state
from synvae_workbench.live.read_aloud import describe_melody_change, describe_return

SYNVAE, MODEL = small_synvae(), melody_model("mixer").eval()
TUNES = np.random.default_rng(0).integers(0, 90, (30, 32))
UP = ONE_VOICE.events([Note(2 * i, 2 * i + 2, 60 + i) for i in range(16)], steps=32)
DOWN = ONE_VOICE.events([Note(4 * i, 4 * i + 4, 80 - i) for i in range(8)], steps=32)
EXAMPLES = [Tune("Up", UP), Tune("Down", DOWN), Tune("<i>Silence</i>", np.zeros(32, np.int64))]
BENCH = MelodyBench(SYNVAE, MODEL, steering_tunes(MODEL, TUNES), EXAMPLES)
STATE = State({"A": EXAMPLES[0], "B": EXAMPLES[1]})


def changed(mix=0, qpm=120, program=0, **more):
    return {"kind": "change", "mix": mix, "more": more, "qpm": qpm, "program": program}


def wish(content, *buffers, state=STATE):
    return requested_state(state, content, buffers, EXAMPLES, steps=32)


@pytest.fixture
def page():
    """One that keeps what the page is told, and what the player shows."""
    made = MusicPage(BENCH)
    made.told, made.played, made.held = [], [], []
    made.keyboard.send = lambda content, buffers=None: made.held.append(content)
    made.send = lambda content, buffers=None: made.told.append((content, buffers))
    show = made.player.show
    made.player.send = lambda content, buffers=None: None
    made.player.show = lambda events, **how: (
        made.played.append((events, how)),
        show(events, **how),
    )
    yield made
    for widget in (made.player, made.keyboard, made):
        widget.close()


def send(widget, content, *buffers):
    widget._handle_custom_msg(content, list(buffers))


# --- the pure part


def test_an_end_is_the_melody_itself_and_its_picture_that_of_hear():
    for mix, events in ((0, UP), (100, DOWN)):
        played = BENCH.play(STATE._replace(mix=mix))
        assert np.array_equal(played.events, events)
        _, picture = SYNVAE.hear(torch.from_numpy(events[None]))
        assert np.abs(played.picture / 255 - picture[0].numpy()).max() < 1 / 255


def test_between_them_is_what_the_model_has_there():
    z = MODEL.encode([UP, DOWN], sample=False)
    expected = MODEL.decode((0.75 * z[0] + 0.25 * z[1])[None])[0].numpy()
    assert np.array_equal(BENCH.play(STATE._replace(mix=25)).events, expected)


def test_more_of_something_starts_from_what_was_heard():
    played = BENCH.play(STATE._replace(mix=30, more={"notes": -1.0}))
    assert np.array_equal(played.before, BENCH.play(STATE._replace(mix=30)).events)
    before, after = attribute_values(np.stack([played.before, played.events]))
    assert after[0] <= before[0]
    zero = BENCH.play(STATE._replace(more={"notes": 0.0}))
    assert np.array_equal(zero.events, UP)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (changed(40, notes=1.5), {"mix": 40, "more": {"notes": 1.5}}),
        (changed(400, qpm=9999, pitch=-50), {"mix": 100, "qpm": 240.0, "more": {"pitch": -REACH}}),
        (changed(program=500), {"program": 127}),
        ({"kind": "choose", "slot": "B", "index": 2}, {"mix": 100, "more": {}}),
        ({"kind": "hear", "slot": "A"}, {"mix": 0}),
        ({"kind": "swap"}, {"mix": 100, "tunes": {"A": EXAMPLES[1], "B": EXAMPLES[0]}}),
    ],
)
def test_what_the_page_asks_for_becomes_a_state(content, expected):
    state = wish(content)
    assert {name: getattr(state, name) for name in expected} == expected


def test_a_file_takes_the_place_of_a_melody_and_is_heard():
    state = wish({"kind": "upload", "slot": "B", "name": "a\u202etune.mid"}, midi_bytes(DOWN))
    assert state.tunes["B"].name == "atune.mid"
    assert np.array_equal(state.tunes["B"].events, DOWN)
    assert state.tunes["A"] is EXAMPLES[0]
    assert state.caption == "atune.mid"


@pytest.mark.parametrize("data", [b"", b"RIFF", b"MThd" + b"\xff" * 2000, b"MThd" + bytes(1 << 20)])
def test_a_hostile_file_is_refused_by_its_name(data):
    with pytest.raises(ValueError, match=r"evil\.mid"):
        wish({"kind": "upload", "slot": "A", "name": "evil.mid"}, data)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "change",
        {},
        {"kind": "choose", "slot": "A", "index": 3},
        {"kind": "choose", "slot": "A", "index": -1},
        {"kind": "choose", "slot": "C", "index": 0},
        {"kind": "hear", "slot": ["A"]},
        {"kind": "upload", "slot": "A", "name": "a.mid"},
        changed("5"),
        changed(True),
        changed(float("nan")),
        changed(qpm=None),
        changed(notes="1"),
        changed(loudness=1),
        changed() | {"more": [1]},
    ],
)
def test_any_other_message_is_refused(content):
    with pytest.raises(ValueError, match="the page sent something that it should not"):
        wish(content)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("notes", (0.375, 0.375, 0.375), "12"),
        ("notes", (0.375, 0.5, 0.5), "12 → 16"),
        ("notes", (0.375, 0.5, 0.47), "12 → 15, asked for 16"),
        ("notes", (0.1, -0.2, 0.0), "3 → 0"),
        ("pitch", (60.0, 67.2, 67.0), "C4 → G4"),
        ("pitch", (0.0, 0.0, 0.0), "none"),
        ("leaps", (2.0, 3.1, 2.96), "2.0 st → 3.0 st, asked for 3.1 st"),
        ("syncopation", (0.1, 0.3, 0.3), "10 % → 30 %"),
    ],
)
def test_what_came_of_it_is_said_as_it_is(name, values, words):
    assert describe_change(name, *values, steps=32) == words


def test_the_page_is_told_of_notes_pictures_and_what_was_found():
    state = STATE._replace(mix=50)
    content, pictures = state_message(BENCH, state, BENCH.play(state))
    json.dumps(content)
    assert content["tunes"]["A"]["example"] == 0
    assert [Note(*note) for note in content["tunes"]["B"]["notes"]] == ONE_VOICE.notes(DOWN)
    assert set(content["found"]) == set(SLIDERS) == set(STEERABLE)
    assert [len(each) for each in pictures] == [28 * 28] * 3
    assert content["said"].startswith("50 % of the way from A to B: ")
    assert STATE._replace(more={"notes": 1.0}).caption == "Up, changed"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (STATE, "Up: 16 notes."),
        (STATE._replace(mix=100), "Down: 8 notes."),
        (STATE._replace(qpm=90.0), ""),
        (STATE._replace(mix=50), None),
        (STATE._replace(more={"notes": -1.0}), None),
    ],
)
def test_only_what_changed_is_announced(state, said):
    before, played = Shown(STATE, BENCH.play(STATE)), BENCH.play(state)
    content, _ = state_message(BENCH, state, played, before)
    if said is None:
        said = describe_melody_change(UP, played.events)
    other = describe_return(played.picture, "digit").answer
    known = describe_return(before.played.picture, "digit").answer
    parts = [said, content["came_back"] if other != known else ""]
    assert content["said"] == " ".join(filter(None, parts))
    assert content["came_back"].startswith("From the notes: ")


def test_models_of_other_lengths_and_too_few_tunes_are_refused():
    longer = MelodyVae(type(MIXER)(**{**vars(MIXER), "steps": 64})).eval()
    with pytest.raises(
        ValueError, match="hears melodies of 32 steps and the melody model plays 64"
    ):
        MusicPage(BENCH._replace(model=longer))
    with pytest.raises(ValueError, match="two example tunes or more, of 32 steps"):
        MusicPage(BENCH._replace(examples=EXAMPLES[:1]))


# --- the page


def test_a_page_that_opens_is_shown_what_there_is_and_nothing_plays(page):
    send(page, {"kind": "ready"})
    ((content, pictures),) = page.told
    assert content["kind"] == "shown"
    assert len(pictures) == 3
    assert page.played == []
    assert page.page["examples"] == ["Up", "Down", "<i>Silence</i>"]


def test_a_change_is_played(page):
    send(page, changed(60, qpm=90, program=40))
    ((events, how),) = page.played
    assert np.array_equal(events, BENCH.play(STATE._replace(mix=60)).events)
    assert how == {"play": True, "label": page._state.caption, "sound": Sound(90.0, 40)}
    assert page.keyboard.qpm == 90.0
    assert page.told[-1][0]["mix"] == 60


def test_of_a_drag_the_newest_is_played(page):
    async def drag():
        for mix in range(100):
            send(page, changed(mix))
        while page._answer.busy:
            await asyncio.sleep(0.01)

    asyncio.run(drag())
    assert len(page.played) <= 5
    assert page.told[-1][0]["mix"] == 99


def test_what_is_tapped_is_drawn_at_once_and_sounds_when_it_is_finished(page):
    key = {"kind": "key", "slot": "B", "pitch": 60, "length": 16}
    send(page.keyboard, key)
    events, how = page.played[-1]
    assert ONE_VOICE.notes(events) == [Note(0, 16, 60)]
    assert not how["play"]
    assert page.told[-1][0]["mix"] == 100
    assert page.told[-1][0]["tunes"]["B"]["name"] == "Your melody"
    send(page.keyboard, key)
    assert page.played[-1][1]["play"]


def test_keyboard_and_page_show_the_same_slots_whatever_was_done(page):
    """Taps, an upload, a swap, a choice, taking back: all of it in any order."""
    rng = np.random.default_rng(0)
    acts = [
        (page, {"kind": "choose", "slot": "A", "index": 2}, ()),
        (page, {"kind": "upload", "slot": "A", "name": "mine.mid"}, (midi_bytes(DOWN[:16]),)),
        (page, {"kind": "swap"}, ()),
        (page.keyboard, {"kind": "key", "slot": "A", "pitch": 60, "length": 4}, ()),
        (page.keyboard, {"kind": "key", "slot": "B", "pitch": None, "length": 8}, ()),
        (page.keyboard, {"kind": "clear", "slot": "B"}, ()),
        (page.keyboard, {"kind": "undo"}, ()),
    ]
    for number in [*range(len(acts)), *rng.integers(0, len(acts), 8)]:
        widget, content, buffers = acts[number]
        send(widget, content, *buffers)
        shown = [each for each in page.held if each["kind"] == "holds"][-1]
        told = page.told[-1][0]["tunes"]
        for slot in "AB":
            assert shown["slots"][slot]["notes"] == told[slot]["notes"]
            assert shown["slots"][slot]["name"] == told[slot]["name"]
        assert shown["undo"] == bool(page._state.past)


def test_a_refusal_is_said_and_the_next_wish_is_heard(page):
    send(page, {"kind": "upload", "slot": "A", "name": "evil.mid"}, b"MThd")
    assert page.told[-1][0]["said"].startswith("Not used: evil.mid")
    assert page.played == []
    send(page, {"kind": "hear", "slot": "B"})
    assert np.array_equal(page.played[-1][0], DOWN)


def test_a_fault_of_the_models_is_said_and_the_page_lives_on(page):
    page._bench = BENCH._replace(synvae=None)
    send(page, changed(10))
    assert page.told[-1][0] == {"kind": "refused", "said": BROKEN}
    page._bench = BENCH
    send(page, changed(20))
    assert page.told[-1][0]["mix"] == 20
