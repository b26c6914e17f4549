"""What the page of notebook 40 says of a state: what plays, what changed, what came back."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.live.explore_synvae_state import State
from synvae_workbench.live.explorer import LatentMelody
from synvae_workbench.live.explorers import Explorers, limit_words, taken_words
from synvae_workbench.live.live_player import format_note_count
from synvae_workbench.live.read_aloud import Return, describe_melody_change, describe_return


class Told(NamedTuple):
    """Sentences of a state.

    Attributes:
        said: announced.
        taken: what the picture is taken for, why, and which model plays it.
        limit: what that was not made for, or why another one does not play; else empty.
        came_back: what the picture drawn from the notes looks like.
    """

    said: str
    taken: str
    limit: str
    came_back: str


class _Before(NamedTuple):
    state: State
    events: Int[np.ndarray, " t"]
    came_back: Return


class Teller:
    """Tells each state by what is new in it since the one before."""

    def __init__(self) -> None:
        self._before: _Before | None = None

    def tell(self, explorers: Explorers, state: State, heard: LatentMelody) -> Told:
        """The sentences of a state whose melody was decoded.

        Announced are, of a new picture or model, what plays, what came back, and what the picture
        is taken for; else what changed in the notes, and what came back if that looks different.
        """
        choice = explorers.models[state.model]
        taken = taken_words(state.picture, choice, state.by_hand)
        limit = " ".join(filter(None, [state.refusal, limit_words(state.picture, choice)]))
        shape = explorers.open(state.model).shape
        # What comes back is compared with a picture of the model's kind, not with a mixture of two.
        compared = state.picture.kind.name == choice.kind and not state.position
        given = state.picture.seen_by(shape).pixels if compared else None
        came_back = describe_return(heard.rebuilt, choice.kind, given)
        before, self._before = self._before, _Before(state, heard.events, came_back)
        if before is None or _is_new(state, before.state):
            plays = f"{state.caption} plays, {format_note_count(ONE_VOICE.notes(heard.events))}."
            parts = [plays, came_back.words, taken, limit]
        elif state.whole:
            parts = [f"{state.caption} plays."]
        else:
            other = came_back.answer != before.came_back.answer
            change = describe_melody_change(before.events, heard.events)
            silent = _sounds_otherwise(state, before.state)  # its control has said so
            parts = [change * (not silent), other * came_back.words]
        return Told(" ".join(filter(None, parts)), taken, limit, came_back.words)


def _is_new(state: State, before: State) -> bool:
    return state.picture is not before.picture or state.model != before.model


def _sounds_otherwise(state: State, before: State) -> bool:
    return (state.sound, state.performed) != (before.sound, before.performed)
