"""The live page of notebook 41: mixes and changes two melodies, and draws pictures from them.

Whatever the page asks for becomes a `State` first; then, for the newest one alone, a melody is
played and a picture drawn. So nothing that was asked is lost, and nothing queues up.
"""

from collections.abc import Sequence
from typing import NamedTuple

import anywidget
import numpy as np
import torch
import traitlets
from ipywidgets import Widget, widget_serialization
from jaxtyping import Integer, UInt8

from synvae_core.models.melody.vae import MelodyVae, latent_path
from synvae_core.models.synvae import SynVae
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.sound import Sound
from synvae_workbench.data.pictures.kind import DIGIT
from synvae_workbench.evaluation.steering import STEERABLE, Tunes, attribute_values, steer
from synvae_workbench.live.assets import read_assets
from synvae_workbench.live.attribute_words import describe_change
from synvae_workbench.live.explore_music_state import (
    REACH,
    State,
    Tune,
    describe_slot,
    requested_state,
    tapped_state,
)
from synvae_workbench.live.keyboard import SLOTS, TEMPOS, Keyboard, Wish
from synvae_workbench.live.latest import LatestCall
from synvae_workbench.live.live_player import (
    LivePlayer,
    describe_notes,
    format_note_count,
)
from synvae_workbench.live.messages import BROKEN, instrument_groups
from synvae_workbench.live.read_aloud import describe_melody_change, describe_return
from synvae_workbench.live.uploads import MAX_MIDI_BYTES

ENDS = (0, 100)  # of the mix: A and B themselves
STEP = 0.25  # of a slider, in standard deviations of the tunes
# What stands at a slider, and at its ends.
SLIDERS = {
    "notes": ("Notes", "fewer", "more"),
    "pitch": ("Pitch", "lower", "higher"),
    "leaps": ("Leaps", "smaller", "larger"),
    "syncopation": ("Syncopation", "less", "more"),
}


class PlayedState(NamedTuple):
    """A melody after and before its attributes were changed, and the picture drawn from it."""

    events: Integer[np.ndarray, " t"]
    before: Integer[np.ndarray, " t"]
    picture: UInt8[np.ndarray, "c h w"]


class Shown(NamedTuple):
    """A state of the page and what was played of it."""

    state: State
    played: PlayedState


class MelodyBench(NamedTuple):
    """The models behind the page, and the tunes that it goes towards and offers.

    Attributes:
        synvae: draws pictures from notes.
        model: mixes and changes melodies, which are as long as those that `synvae` hears.
        tunes: of `evaluation.steering.steering_tunes`, of the same model.
        examples: two or more to choose from.
        kind: of the pictures that `synvae` was made for.
    """

    synvae: SynVae
    model: MelodyVae
    tunes: Tunes
    examples: Sequence[Tune]
    kind: str = DIGIT

    @property
    def steps(self) -> int:
        """Length of a melody."""
        return self.model.config.steps

    def play(self, state: State) -> PlayedState:
        """The melody and the picture of a state; an end that is not changed is that very melody."""
        first, second = (state.tunes[slot].events for slot in SLOTS)
        ends = dict(zip(ENDS, (first, second), strict=True))
        if state.mix in ends:
            before = ends[state.mix]
            z = self.model.encode(before, sample=False)[0]
        else:
            z = latent_path(*self.model.encode([first, second], sample=False), n=101)[state.mix]
            before = self.model.decode(z[None]).cpu().numpy()[0]
        changed = any(state.more.values())
        events = steer(self.model, z, state.more, self.tunes) if changed else before
        return PlayedState(events, before, self.draw(events))

    def draw(self, events: Integer[np.ndarray, " t"]) -> UInt8[np.ndarray, "c h w"]:
        """The picture drawn from notes alone."""
        _, picture = self.synvae.hear(torch.from_numpy(events[None]))
        return np.round(255 * picture[0].clamp(0, 1).cpu().numpy()).astype(np.uint8)


class MusicPage(anywidget.AnyWidget):
    """Widget to choose, upload or tap two melodies, to mix and change them, to hear and see them.

    Args:
        bench: models and tunes.
        qpm, program: how melodies sound at first.

    Raises:
        ValueError: if the two models play melodies of different lengths, or examples lack.
    """

    _esm = read_assets("explore_music.js")
    _css = read_assets("explore_music.css")
    player = traitlets.Instance(Widget).tag(sync=True, **widget_serialization)
    keyboard = traitlets.Instance(Widget).tag(sync=True, **widget_serialization)
    page = traitlets.Dict().tag(sync=True)

    def __init__(self, bench: MelodyBench, *, qpm: float = 120.0, program: int = 0) -> None:
        check_bench(bench)
        self._bench = bench
        self._state = State(dict(zip(SLOTS, bench.examples[:2], strict=True)), 0, {}, qpm, program)
        super().__init__(
            player=LivePlayer(),
            keyboard=Keyboard(self._tapped, steps=bench.steps, qpm=qpm),
            page=describe_page(bench, self._state),
        )
        self._answer = LatestCall(self._show, on_error=self._fail)
        self._before: Shown | None = None
        self._become(self._state)
        self._show(play=False)
        self.on_msg(self._receive)

    def _become(self, state: State, said: str = "") -> None:
        """Takes a state on, and shows the keyboard what is in the slots now."""
        self._state = state
        self.keyboard.qpm = state.qpm
        slots = {slot: describe_slot(tune) for slot, tune in state.tunes.items()}
        self.keyboard.show(slots, undo=bool(state.past), said=said)

    def _receive(self, _: object, content: object, buffers: Sequence[object]) -> None:
        if content == {"kind": "ready"}:
            self.send(*self._last)
            return
        try:
            examples, steps = self._bench.examples, self._bench.steps
            self._become(requested_state(self._state, content, buffers, examples, steps=steps))
        except ValueError as error:
            self.send({"kind": "refused", "said": f"Not used: {error}."})
            return
        self._answer()

    def _tapped(self, wish: Wish) -> None:
        tapped = tapped_state(self._state, wish)
        self._become(tapped.state, tapped.said)
        self._answer(play=tapped.finished)

    def _show(self, play: bool = True) -> None:
        state = self._state
        played = self._bench.play(state)
        sound = Sound(state.qpm, state.program)
        self.player.show(played.events, label=state.caption, sound=sound, play=play)
        self._last = state_message(self._bench, state, played, self._before)
        self._before = Shown(state, played)
        self.send(*self._last)

    def _fail(self, error: Exception) -> None:
        self.send({"kind": "refused", "said": BROKEN})
        self.log.error("the page of notebook 41 could not answer", exc_info=error)


def check_bench(bench: MelodyBench) -> None:
    """Refuses models that do not fit each other.

    Raises:
        ValueError: saying what to choose instead.
    """
    heard, length = bench.synvae.music.config.steps, bench.steps
    if heard != length:
        raise ValueError(
            f"the SynVAE hears melodies of {heard} steps and the melody model plays {length}: "
            "choose two of one length, or the SynVAE's own melody model"
        )
    if len(bench.examples) < 2 or any(len(tune.events) != length for tune in bench.examples):
        raise ValueError(f"the page needs two example tunes or more, of {length} steps each")


def describe_page(bench: MelodyBench, state: State) -> dict:
    """The unchanging content of the page: sliders, tunes, instruments and bounds."""
    return {
        "shape": list(bench.draw(state.tunes["A"].events).shape),
        "steps": bench.steps,
        "examples": [tune.name for tune in bench.examples],
        "sliders": [[name, *SLIDERS[name]] for name in STEERABLE],
        "reach": REACH,
        "step": STEP,
        "instruments": instrument_groups(),
        "tempos": TEMPOS,
        "qpm": state.qpm,
        "program": state.program,
        "max_bytes": MAX_MIDI_BYTES,
    }


def state_message(
    bench: MelodyBench, state: State, played: PlayedState, before: Shown | None = None
) -> tuple[dict, list[bytes]]:
    """The message that shows a state, and the pixels of its picture and those of A and B.

    Args:
        before: what the page shows until then; announced is what changed.
    """
    was, became = attribute_values(np.stack([played.before, played.events]))
    asked = was + [state.more.get(name, 0.0) for name in STEERABLE] * bench.tunes.spread
    content = {
        "kind": "shown",
        "said": announce(bench, state, played, before),
        "came_back": describe_return(played.picture, bench.kind).words,
        "mix": state.mix,
        "qpm": state.qpm,
        "program": state.program,
        "more": {name: state.more.get(name, 0.0) for name in STEERABLE},
        "found": {
            name: describe_change(name, *values, steps=bench.steps)
            for name, *values in zip(STEERABLE, was, asked, became, strict=True)
        },
        "tunes": {slot: _describe_tune(tune, bench) for slot, tune in state.tunes.items()},
    }
    pictures = [played.picture, *(bench.draw(state.tunes[slot].events) for slot in SLOTS)]
    return content, [np.ascontiguousarray(each).tobytes() for each in pictures]


def announce(bench: MelodyBench, state: State, played: PlayedState, before: Shown | None) -> str:
    """What is new: which tune plays, or what changed in the notes; and what they draw, if other.

    Nothing of the instrument and the tempo, as their controls say it.
    """
    came_back = describe_return(played.picture, bench.kind)
    tune = f"{state.caption}: {format_note_count(ONE_VOICE.notes(played.events))}."
    if before is None:
        return f"{tune} {came_back.words}"
    then, last = before
    other = came_back.answer != describe_return(last.picture, bench.kind).answer
    if (state.qpm, state.program) != (then.qpm, then.program):
        said = ""
    elif _same_tunes(state, then) and (state.mix not in ENDS or any(state.more.values())):
        said = describe_melody_change(last.events, played.events)
    else:
        said = tune
    return " ".join(filter(None, [said, other * came_back.words]))


def _same_tunes(state: State, before: State) -> bool:
    return all(state.tunes[slot] is before.tunes[slot] for slot in SLOTS)


def _describe_tune(tune: Tune, bench: MelodyBench) -> dict:
    notes = ONE_VOICE.notes(tune.events)
    known = next((i for i, each in enumerate(bench.examples) if each is tune), None)
    words = describe_notes(notes, bench.steps)
    return {
        "name": tune.name,
        "example": known,
        "notes": [list(note[:3]) for note in notes],
        "words": words,
    }
