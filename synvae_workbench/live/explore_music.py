"""The live page of notebook 41: two melodies, what lies between, and the pictures that they draw.

Whatever the page asks for becomes a `State` first; then, for the newest one alone, a melody is
played and a picture drawn. So nothing that was asked is lost, and nothing queues up.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import anywidget
import numpy as np
import torch
import traitlets
from ipywidgets import Widget, widget_serialization
from jaxtyping import Integer, UInt8
from pretty_midi.constants import INSTRUMENT_CLASSES, INSTRUMENT_MAP

from synvae_core.models.melody.vae import MelodyVae, latent_path
from synvae_core.models.synvae import SynVae
from synvae_core.music.melody import events_to_notes
from synvae_workbench.evaluation.steering import STEERABLE, Tunes, attribute_values, steer
from synvae_workbench.live.keyboard import SLOTS, TEMPOS, Keyboard
from synvae_workbench.live.latest import Latest
from synvae_workbench.live.live_player import LivePlayer, count, in_words, pitch_name
from synvae_workbench.live.sources import joined
from synvae_workbench.live.uploads import MAX_MIDI_BYTES, midi_upload, shown_name

REACH, STEP = 2.0, 0.25  # of a slider, in standard deviations of the tunes
FOREIGN = "the page sent something that it should not; run the cell again"
BROKEN = "That went wrong, through no fault of yours; what happened is said in the log."
# What stands at a slider, and at its ends.
SLIDERS = {
    "notes": ("Notes", "fewer", "more"),
    "pitch": ("Pitch", "lower", "higher"),
    "leaps": ("Leaps", "smaller", "larger"),
    "syncopation": ("Syncopation", "less", "more"),
}


class Tune(NamedTuple):
    """A melody (t,) and what to call it in a sentence."""

    name: str
    events: Integer[np.ndarray, " t"]


class State(NamedTuple):
    """What is to be heard: how far from A to B, in percent, and with how much more of what."""

    tunes: Mapping[str, Tune]  # by slot
    mix: int = 0
    more: Mapping[str, float] = {}
    qpm: float = 120.0
    program: int = 0

    @property
    def words(self) -> str:
        """What is heard, in a few words."""
        name = {0: self.tunes["A"].name, 100: self.tunes["B"].name}.get(self.mix)
        words = name or f"{self.mix} % of the way from A to B"
        return words + (", changed" if any(self.more.values()) else "")


class Played(NamedTuple):
    """A melody, what it was before it was changed, and the picture that it draws."""

    events: Integer[np.ndarray, " t"]
    before: Integer[np.ndarray, " t"]
    picture: UInt8[np.ndarray, "c h w"]


class MelodyBench(NamedTuple):
    """The models behind the page, and the tunes that it goes towards and offers.

    Attributes:
        synvae: draws pictures from notes.
        model: mixes and changes melodies, which are as long as those that `synvae` hears.
        tunes: of `metrics.melody_attributes.steering_tunes`, of the same model.
        examples: two or more to choose from.
    """

    synvae: SynVae
    model: MelodyVae
    tunes: Tunes
    examples: Sequence[Tune]

    @property
    def steps(self) -> int:
        """Length of a melody."""
        return self.model.config.steps

    def play(self, state: State) -> Played:
        """What a state sounds and looks like; an end that is not changed is that very melody."""
        first, second = (state.tunes[slot].events for slot in SLOTS)
        ends = {0: first, 100: second}
        if state.mix in ends:
            before = ends[state.mix]
            z = self.model.encode(before, sample=False)[0]
        else:
            z = latent_path(*self.model.encode([first, second], sample=False), n=101)[state.mix]
            before = self.model.decode(z[None]).cpu().numpy()[0]
        changed = any(state.more.values())
        events = steer(self.model, z, state.more, self.tunes) if changed else before
        return Played(events, before, self.draw(events))

    def draw(self, events: Integer[np.ndarray, " t"]) -> UInt8[np.ndarray, "c h w"]:
        """The picture that notes alone draw."""
        _, picture = self.synvae.hear(torch.from_numpy(events[None]))
        return np.round(255 * picture[0].clamp(0, 1).cpu().numpy()).astype(np.uint8)


class MusicPage(anywidget.AnyWidget):
    """Choose, upload or tap two melodies; mix and change them, hear and see what comes of it.

    Args:
        bench: models and tunes.
        qpm, program: how melodies sound at first.

    Raises:
        ValueError: if the two models play melodies of different lengths, or examples lack.
    """

    _esm = joined("explore_music.js")
    _css = joined("explore_music.css")
    player = traitlets.Instance(Widget).tag(sync=True, **widget_serialization)
    keyboard = traitlets.Instance(Widget).tag(sync=True, **widget_serialization)
    page = traitlets.Dict().tag(sync=True)

    def __init__(self, bench: MelodyBench, *, qpm: float = 120.0, program: int = 0) -> None:
        check(bench)
        self._bench = bench
        self._state = State(dict(zip(SLOTS, bench.examples[:2], strict=True)), 0, {}, qpm, program)
        super().__init__(
            player=LivePlayer(),
            keyboard=Keyboard(self._tapped, steps=bench.steps, qpm=qpm),
            page=described(bench, self._state),
        )
        self._answer = Latest(self._show, on_error=self._fail)
        self._show(play=False)
        self.on_msg(self._receive)

    def _receive(self, _: object, content: object, buffers: Sequence[object]) -> None:
        if content == {"kind": "ready"}:
            self.send(*self._last)
            return
        try:
            self._state = wished(self._state, content, buffers, self._bench)
        except ValueError as error:
            self.send({"kind": "said", "said": f"Not used: {error}."})
            return
        self.keyboard.qpm = self._state.qpm
        self._answer()

    def _tapped(self, slot: str, events: Integer[np.ndarray, " t"], finished: bool) -> None:
        tune = Tune("Your melody", events)
        self._state = in_slot(self._state, slot, tune)
        self._answer(play=finished)

    def _show(self, play: bool = True) -> None:
        state = self._state
        played = self._bench.play(state)
        words = {"label": state.words, "qpm": state.qpm, "program": state.program}
        self.player.show(played.events, play=play, **words)
        self._last = answer(self._bench, state, played)
        self.send(*self._last)

    def _fail(self, error: Exception) -> None:
        self.send({"kind": "said", "said": BROKEN})
        self.log.error("the page of notebook 41 could not answer", exc_info=error)


def check(bench: MelodyBench) -> None:
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


def in_slot(state: State, slot: str, tune: Tune) -> State:
    """The state that plays a tune which has just been put into a slot, and nothing else."""
    return state._replace(tunes={**state.tunes, slot: tune}, mix=100 * SLOTS.index(slot), more={})


def wished(state: State, content: object, buffers: Sequence[object], bench: MelodyBench) -> State:
    """The state that a message of the page asks for; what the page sends is not trusted.

    Raises:
        ValueError: for a message that is none, or a MIDI file that cannot be used, saying why.
    """
    match content:
        case {"kind": "choose", "slot": str(slot), "index": int(index)} if (
            slot in SLOTS and 0 <= index < len(bench.examples)
        ):
            return in_slot(state, slot, bench.examples[index])
        case {"kind": "upload", "slot": str(slot), "name": str(name)} if (
            slot in SLOTS and len(buffers) == 1
        ):
            events = midi_upload(name, buffers[0], steps=bench.steps)
            return in_slot(state, slot, Tune(shown_name(name), events))
        case {"kind": "hear", "slot": str(slot)} if slot in SLOTS:
            return in_slot(state, slot, state.tunes[slot])
        case {"kind": "swap"}:
            first, second = (state.tunes[slot] for slot in SLOTS)
            return state._replace(tunes={"A": second, "B": first}, mix=100 - state.mix)
        case {"kind": "change", "mix": mix, "more": dict(more), "qpm": qpm, "program": program}:
            if set(more) <= set(STEERABLE):
                return state._replace(
                    mix=round(_number(mix, (0, 100))),
                    more={name: _number(value, (-REACH, REACH)) for name, value in more.items()},
                    qpm=_number(qpm, TEMPOS),
                    program=round(_number(program, (0, len(INSTRUMENT_MAP) - 1))),
                )
    raise ValueError(FOREIGN)


def described(bench: MelodyBench, state: State) -> dict:
    """What the page shows from the first on: sliders, tunes, instruments and bounds."""
    eight = len(INSTRUMENT_MAP) // len(INSTRUMENT_CLASSES)
    return {
        "shape": list(bench.draw(state.tunes["A"].events).shape),
        "steps": bench.steps,
        "examples": [tune.name for tune in bench.examples],
        "sliders": [[name, *SLIDERS[name]] for name in STEERABLE],
        "reach": REACH,
        "step": STEP,
        "instruments": [
            [name, list(INSTRUMENT_MAP[eight * i : eight * (i + 1)])]
            for i, name in enumerate(INSTRUMENT_CLASSES)
        ],
        "tempos": TEMPOS,
        "qpm": state.qpm,
        "program": state.program,
        "max_bytes": MAX_MIDI_BYTES,
    }


def answer(bench: MelodyBench, state: State, played: Played) -> tuple[dict, list[bytes]]:
    """What the page is told of a state, and the pixels of its picture and those of A and B."""
    before, after = attribute_values(np.stack([played.before, played.events]))
    asked = before + [state.more.get(name, 0.0) for name in STEERABLE] * bench.tunes.spread
    content = {
        "kind": "shown",
        "said": f"{state.words}: {count(events_to_notes(played.events))}.",
        "mix": state.mix,
        "more": {name: state.more.get(name, 0.0) for name in STEERABLE},
        "found": {
            name: found_in_words(name, *values, steps=bench.steps)
            for name, *values in zip(STEERABLE, before, asked, after, strict=True)
        },
        "tunes": {slot: _told(tune, bench) for slot, tune in state.tunes.items()},
    }
    pictures = [played.picture, *(bench.draw(state.tunes[slot].events) for slot in SLOTS)]
    return content, [np.ascontiguousarray(each).tobytes() for each in pictures]


def found_in_words(name: str, before: float, asked: float, after: float, *, steps: int) -> str:
    """What became of an attribute: "12" as it is, "12 → 15, asked for 16" where it was changed."""
    said = [_in_units(name, value, steps) for value in (before, asked, after)]
    if abs(asked - before) < 1e-9:
        return said[2]
    return f"{said[0]} → {said[2]}" + (f", asked for {said[1]}" if said[1] != said[2] else "")


def _in_units(name: str, value: float, steps: int) -> str:
    if name == "notes":
        return f"{max(0, round(value * steps))}"
    if name == "pitch":
        return pitch_name(round(value)) if value > 0 else "none"
    return f"{max(0.0, value):.1f} st" if name == "leaps" else f"{max(0, round(100 * value))} %"


def _told(tune: Tune, bench: MelodyBench) -> dict:
    notes = events_to_notes(tune.events)
    known = next((i for i, each in enumerate(bench.examples) if each is tune), None)
    words = in_words(notes, bench.steps)
    return {
        "name": tune.name,
        "example": known,
        "notes": [list(note) for note in notes],
        "words": words,
    }


def _number(value: object, bounds: tuple[float, float]) -> float:
    """A number of the page within bounds, which it may not leave."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(FOREIGN)
    return float(min(max(value, bounds[0]), bounds[1]))
