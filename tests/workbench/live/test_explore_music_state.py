"""What the slots of page 41 hold, whoever changes them, and what is taken back."""

import numpy as np
import pytest

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import midi_bytes
from synvae_workbench.live.explore_music_state import (
    MOST_UNDONE,
    YOURS,
    State,
    Tune,
    requested_state,
    tapped_state,
)
from synvae_workbench.live.keyboard import Key, Take, Undo

FULL = ONE_VOICE.events([Note(2 * i, 2 * i + 2, 60 + i) for i in range(16)], steps=32)
SHORT = ONE_VOICE.events([Note(0, 4, 60), Note(4, 8, 64)], steps=32)
EXAMPLES = [Tune("Up", FULL), Tune("The Kesh", FULL)]
STATE = State(dict(zip("AB", EXAMPLES, strict=True)))
SWAP = {"kind": "swap"}


def wish(state, content, *buffers):
    return requested_state(state, content, buffers, EXAMPLES, steps=32)


def upload(state, events, slot="A"):
    return wish(state, {"kind": "upload", "slot": slot, "name": "mine.mid"}, midi_bytes(events))


def tap(state, *pitches, slot="A", length=2):
    for pitch in pitches:
        state = tapped_state(state, Key(slot, pitch, length)).state
    return state


def notes(state, slot="A"):
    return [tuple(note[:3]) for note in ONE_VOICE.notes(state.tunes[slot].events)]


def test_keys_and_rests_follow_each_other():
    state = tap(STATE, 60, None, 61)
    assert notes(state) == [(0, 2, 60), (4, 6, 61)]
    assert notes(tap(state, None, 62)) == [(0, 2, 60), (4, 6, 61), (8, 10, 62)]
    assert notes(tap(state, 62, length=16)) == [(0, 2, 60), (4, 6, 61), (6, 22, 62)]


def test_a_key_begins_anew_in_place_of_a_tune_to_choose_from_and_says_so():
    tapped = tapped_state(STATE, Key("B", 61, 4))
    assert tapped.said == "A new melody; Undo brings The Kesh back. C sharp 4."
    assert notes(tapped.state, "B") == [(0, 4, 61)]
    assert tapped_state(tapped.state, Undo()).state.tunes["B"] is EXAMPLES[1]


def test_a_key_after_an_upload_is_added_to_it():
    tapped = tap(STATE, 70, 71)
    state = tap(upload(tapped, SHORT), 72)
    assert notes(state) == [(0, 4, 60), (4, 8, 64), (8, 10, 72)], "and nothing of the old taps"
    back = tapped_state(state, Undo()).state
    assert back.tunes["A"].name == "mine.mid"
    assert np.array_equal(back.tunes["A"].events, SHORT)
    assert tapped_state(back, Undo()).state.tunes == tapped.tunes


def test_what_is_full_is_not_overwritten_by_a_key():
    for state in (upload(STATE, FULL), tap(STATE, *[60] * 2, length=16)):
        with pytest.raises(ValueError, match="The bars are full"):
            tap(state, 72)


def test_after_a_swap_a_key_is_added_to_what_is_there_now():
    state = tap(upload(STATE, SHORT), 60, slot="B")
    swapped = tap(wish(state, SWAP), 72)
    assert notes(swapped) == [(0, 2, 60), (2, 4, 72)]
    assert notes(swapped, "B") == notes(state)
    assert tapped_state(swapped, Undo()).state.tunes == wish(state, SWAP).tunes


@pytest.mark.parametrize(
    "change",
    [
        lambda state: wish(state, {"kind": "choose", "slot": "B", "index": 0}),
        lambda state: upload(state, SHORT, "B"),
        lambda state: wish(state, SWAP),
        lambda state: tap(state, 60),
        lambda state: tapped_state(state, Take("A", SHORT)).state,
        lambda state: tapped_state(state, Take("B", np.zeros(32, np.int64))).state,
    ],
    ids=["choice", "upload", "swap", "key", "take", "clear"],
)
def test_every_change_of_the_slots_is_taken_back_and_the_sound_stays(change):
    before = STATE._replace(mix=40, more={"notes": 1.0})
    after = change(before)._replace(qpm=90.0, program=5)
    back = tapped_state(after, Undo()).state
    assert back == before._replace(qpm=90.0, program=5)
    assert back.tunes is before.tunes
    with pytest.raises(ValueError, match="nothing to take back"):
        tapped_state(back, Undo())


def test_what_changes_no_slot_is_nothing_to_take_back():
    assert wish(STATE, {"kind": "hear", "slot": "B"}).past == ()
    content = {"kind": "change", "mix": 50, "more": {}, "qpm": 90, "program": 1}
    assert wish(STATE, content).past == ()


def test_the_oldest_changes_are_forgotten():
    state = STATE
    for _ in range(MOST_UNDONE + 5):
        state = wish(state, SWAP)
    assert len(state.past) == MOST_UNDONE


def test_a_take_is_named_and_goes_on_where_it_ends():
    tapped = tapped_state(STATE, Take("A", SHORT))
    assert tapped.finished
    assert tapped.state.tunes["A"].name == YOURS
    assert notes(tap(tapped.state, 72))[-1] == (8, 10, 72)
