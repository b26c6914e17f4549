"""What the live page of notebook 41 shows, as values: wishes of page and keyboard become a `State`.

It alone knows what the slots A and B hold, and what they held before; the page and its keyboard
show what they are told. What a page sends is not trusted: each wish is checked here, and refused
in words.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Integer

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.evaluation.steering import STEERABLE
from synvae_workbench.live.keyboard import SLOTS, TEMPOS, Key, Take, Wish
from synvae_workbench.live.live_player import PITCH_NAMES, format_note_count
from synvae_workbench.live.messages import FOREIGN, INSTRUMENTS, bounded_number
from synvae_workbench.live.uploads import printable_name, read_midi_upload

REACH = 2.0  # of a slider, in standard deviations of the tunes
MOST_UNDONE = 200  # changes that are remembered
YOURS = "Your melody"


class Tune(NamedTuple):
    """A melody (t,) and what to call it in a sentence.

    `end` is the step at which the next key is added; None of a tune to choose from, which makes way
    for a new melody.
    """

    name: str
    events: Integer[np.ndarray, " t"]
    end: int | None = None


class Held(NamedTuple):
    """What a change of the slots is taken back to."""

    tunes: Mapping[str, Tune]
    mix: int
    more: Mapping[str, float]


class State(NamedTuple):
    """Settings of the page: the tunes, the mix of A and B in percent, and changes of attributes."""

    tunes: Mapping[str, Tune]  # by slot
    mix: int = 0
    more: Mapping[str, float] = {}
    qpm: float = 120.0
    program: int = 0
    past: tuple[Held, ...] = ()  # the latest last

    @property
    def caption(self) -> str:
        """The melody in a few words."""
        name = {0: self.tunes["A"].name, 100: self.tunes["B"].name}.get(self.mix)
        words = name or f"{self.mix} % of the way from A to B"
        return words + (", changed" if any(self.more.values()) else "")

    def holding(self, tunes: Mapping[str, Tune], mix: int, more: Mapping[str, float]) -> "State":
        """The state with other tunes, which can be taken back."""
        past = (*self.past, Held(self.tunes, self.mix, self.more))[-MOST_UNDONE:]
        return self._replace(tunes=tunes, mix=mix, more=more, past=past)

    def undone(self) -> "State":
        """The state before the last change of the tunes, at the tempo and sound of now.

        Raises:
            ValueError: if there is none.
        """
        if not self.past:
            raise ValueError("There is nothing to take back")
        return self._replace(**self.past[-1]._asdict(), past=self.past[:-1])


class Tapped(NamedTuple):
    """The state that the keyboard asks for, what to say, and whether its melody is to sound."""

    state: State
    said: str
    finished: bool


def put_in_slot(state: State, slot: str, tune: Tune) -> State:
    """The state that plays a tune which has just been put into a slot, and nothing else."""
    return state.holding({**state.tunes, slot: tune}, 100 * SLOTS.index(slot), {})


def tapped_state(state: State, wish: Wish) -> Tapped:
    """The state that the keyboard asks for.

    A key is added to what was tapped or uploaded; in place of a tune to choose from it begins a new
    melody. So no key replaces what cannot be chosen again, and all can be taken back.

    Raises:
        ValueError: if there is nothing to take back, or no room for another note.
    """
    if isinstance(wish, Take):
        tune = Tune(YOURS, wish.events, end_of(wish.events))
        said = "Moved to the nearest sixteenths." if tune.end else "Cleared."
        return Tapped(put_in_slot(state, wish.slot, tune), said, tune.end > 0)
    if not isinstance(wish, Key):
        before = state.undone()
        names = ", ".join(f"{slot}: {before.tunes[slot].name}" for slot in SLOTS)
        return Tapped(before, f"Undone. {names}.", False)
    held = state.tunes[wish.slot]
    steps, start = len(held.events), held.end or 0
    if start >= steps:
        raise ValueError("The bars are full: undo, clear, or play in time")
    end, new = min(steps, start + wish.length), held.end is None
    notes = [] if new else ONE_VOICE.notes(held.events)
    said = [f"A new melody; Undo brings {held.name} back." if new else ""]
    if wish.pitch is None:
        said.append("Rest.")
    else:
        notes = [*notes, Note(start, end, wish.pitch)]
        said.append(spoken(wish.pitch))
    said.append("The bars are full." if end == steps else "")
    tune = Tune(YOURS, ONE_VOICE.events(notes, steps=steps), end)
    return Tapped(put_in_slot(state, wish.slot, tune), " ".join(filter(None, said)), end == steps)


def spoken(pitch: int) -> str:
    """The name of a MIDI pitch for the ear: 61 is "C sharp 4."."""
    name = PITCH_NAMES[pitch % 12].replace("♯", " sharp").replace("♭", " flat")
    return f"{name} {pitch // 12 - 1}."


def end_of(events: Integer[np.ndarray, " t"]) -> int:
    """The step at which the last note of a melody (t,) ends; 0 of silence."""
    return max((note.end for note in ONE_VOICE.notes(events)), default=0)


def describe_slot(tune: Tune) -> dict[str, Any]:
    """What the keyboard shows of a slot."""
    notes = ONE_VOICE.notes(tune.events)
    end = end_of(tune.events) if tune.end is None else tune.end
    return {
        "name": tune.name,
        "notes": [list(note[:3]) for note in notes],
        "count": format_note_count(notes),
        "end": end,
    }


def requested_state(
    state: State,
    content: object,
    buffers: Sequence[object],
    examples: Sequence[Tune],
    *,
    steps: int,
) -> State:
    """The state that a message of the page asks for; what the page sends is not trusted.

    Args:
        examples: tunes to choose from.
        steps: of a melody.

    Raises:
        ValueError: for a message that is none, or a MIDI file that cannot be used, saying why.
    """
    match content:
        case {"kind": "choose", "slot": str(slot), "index": int(index)} if (
            slot in SLOTS and 0 <= index < len(examples)
        ):
            return put_in_slot(state, slot, examples[index])
        case {"kind": "upload", "slot": str(slot), "name": str(name)} if (
            slot in SLOTS and len(buffers) == 1
        ):
            events = read_midi_upload(name, buffers[0], steps=steps)
            return put_in_slot(state, slot, Tune(printable_name(name), events, end_of(events)))
        case {"kind": "hear", "slot": str(slot)} if slot in SLOTS:
            return state._replace(mix=100 * SLOTS.index(slot), more={})
        case {"kind": "swap"}:
            first, second = (state.tunes[slot] for slot in SLOTS)
            return state.holding({"A": second, "B": first}, 100 - state.mix, state.more)
        case {"kind": "change", "mix": mix, "more": dict(more), "qpm": qpm, "program": program}:
            if set(more) <= set(STEERABLE):
                return state._replace(
                    mix=round(bounded_number(mix, (0, 100))),
                    more={
                        name: bounded_number(value, (-REACH, REACH)) for name, value in more.items()
                    },
                    qpm=bounded_number(qpm, TEMPOS),
                    program=round(bounded_number(program, (0, INSTRUMENTS - 1))),
                )
    raise ValueError(FOREIGN)
