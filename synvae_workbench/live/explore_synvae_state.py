"""What the live page of notebook 40 shows, as values: wishes become a `State`.

What a page sends is not trusted: each wish is checked here, and refused in words.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from synvae_core.looks import Look
from synvae_core.music.accompaniment import Accompaniment
from synvae_core.music.sound import Sound
from synvae_core.music.soundfonts import PACKAGED, found, open_soundfont
from synvae_workbench.evaluation.sliders import REACH
from synvae_workbench.live.draw import SIDE
from synvae_workbench.live.explorer import POSITIONS
from synvae_workbench.live.explorers import Explorers
from synvae_workbench.live.messages import FOREIGN, INSTRUMENTS, bounded_number
from synvae_workbench.live.performed import look_of
from synvae_workbench.live.pictures import Picture, drawn, uploaded

# Styles of `music.accompaniment`, in words.
ACCOMPANIMENTS = {"": "melody alone", "fiddle": "as for fiddle tunes", "pop": "as in pop songs"}
TEMPOS, TEMPERATURES = (40.0, 240.0), (0.0, 1.5)


class State(NamedTuple):
    """Settings of the page: a picture, the position on the way to another, and latent changes.

    `changes` are values by slider, `whole` asks for the way from one picture to the other as one
    melody, `model` is which of several plays, `by_hand` that it was chosen for this picture by the
    user, `last` those that played last, by kind, `refusal` why it is not
    another one, `style` that of an accompaniment, if there is one,
    `font` the name of a sound font, and `performed` that the melody is played as the picture looks;
    None: where the model draws with that.
    """

    picture: Picture
    other: Picture
    position: int = 0
    changes: Mapping[int, float] = {}
    whole: bool = False
    qpm: float = 120.0
    program: int = 0
    temperature: float = 0.0
    seed: int = 0
    model: int = 0
    by_hand: bool = False
    last: Mapping[str, int] = {}
    refusal: str = ""
    style: str = ""
    font: str = PACKAGED
    performed: bool | None = None

    def look(self, shape: Sequence[int]) -> Look:
        """Look of the picture or, beyond the middle of the way, of the other, in this shape."""
        nearer = self.other if 2 * self.position > POSITIONS - 1 else self.picture
        return look_of(nearer.seen_by(shape).pixels)

    def known(self, kind: str) -> int | None:
        """Number of the picture among the examples of a kind; None if it is none of these."""
        place = self.picture.place
        return place[1] if place is not None and place[0] == kind else None

    @property
    def sound(self) -> Sound:
        """How the melody is played: alone or accompanied, and on which sound font."""
        return Sound(
            self.qpm,
            self.program,
            soundfont="" if self.font == PACKAGED else self.font,
            accompaniment=Accompaniment(self.style) if self.style else None,
        )

    @property
    def caption(self) -> str:
        """The melody in a few words."""
        way = f"rom {self.picture.name} to {self.other.name}"
        if self.whole:
            return f"F{way}"
        share = round(100 * self.position / (POSITIONS - 1))
        words = f"{share} % f{way}" if share else self.picture.name
        if self.changes:
            words += ", changed"
        return words + (f", at temperature {self.temperature:g}" if self.temperature else "")


def first_state(explorers: Explorers) -> State:
    """The first known picture, and the next one with another caption as the other end of a way."""
    kind = explorers.kinds[0]
    captions = explorers.gallery(kind).captions
    other = next((i for i, caption in enumerate(captions) if caption != captions[0]), 0)
    return State(explorers.example(kind, 0), explorers.example(kind, other))


def requested_state(
    state: State, content: object, buffers: Sequence[object], explorers: Explorers
) -> State:
    """The state that a message of the page asks for; what the page sends is not trusted.

    Raises:
        ValueError: for a message that is none, or a picture that cannot be used, saying why.
    """
    match content:
        case {"kind": "choose", "of": str(kind), "index": int(index)} if (
            kind in explorers.kinds and 0 <= index < len(explorers.gallery(kind).captions)
        ):
            return with_picture(state, explorers.example(kind, index), explorers)
        case {"kind": "upload", "name": str(name)} if len(buffers) == 1:
            return with_picture(state, uploaded(name, buffers[0]), explorers)
        case {"kind": "draw"} if _is_drawing(buffers):
            field = np.frombuffer(bytes(buffers[0]), np.uint8).reshape(SIDE, SIDE)
            return with_picture(state, drawn(field), explorers)
        case {"kind": "model", "number": int(number)} if 0 <= number < len(explorers.models):
            return state._replace(model=number, by_hand=True, refusal="", changes={})
        case {"kind": "slide", "slider": int(number), "value": value} if (
            0 <= number < len(explorers.open(state.model).sliders)
        ):
            value = bounded_number(value, (-REACH, REACH))
            return state._replace(changes={**state.changes, number: value})
        case {"kind": "reset"}:
            return state._replace(changes={}, position=0)
        case {"kind": "other"}:
            return state._replace(other=state.picture, position=0)
        case {"kind": "way", "position": int(position)} if 0 <= position < POSITIONS:
            return state._replace(position=position, changes={})
        case {"kind": "whole"}:
            return state._replace(whole=True)
        case {"kind": "again"}:
            return state._replace(seed=state.seed + 1)
        case {"kind": "sound"}:
            return _with_sound(state, content)
    raise ValueError(FOREIGN)


def _with_sound(state: State, content: dict) -> State:
    match content:
        case {
            "qpm": qpm,
            "temperature": temperature,
            "program": int(program),
            "style": str(style),
            "font": str(font),
            "performed": bool(performed),
        } if 0 <= program < INSTRUMENTS and style in ACCOMPANIMENTS and font in found():
            open_soundfont(font)  # refuses a file that is none
            return state._replace(
                qpm=bounded_number(qpm, TEMPOS),
                temperature=bounded_number(temperature, TEMPERATURES),
                program=program,
                style=style,
                font=font,
                performed=performed,
            )
    raise ValueError(FOREIGN)


def with_picture(state: State, picture: Picture, explorers: Explorers) -> State:
    """Another picture, and the model for its kind."""
    model = explorers.number_for(picture.kind.name, state.last)
    return state._replace(
        picture=picture, model=model, by_hand=False, refusal="", position=0, changes={}
    )


def _is_drawing(buffers: Sequence[object]) -> bool:
    return len(buffers) == 1 and memoryview(buffers[0]).nbytes == SIDE * SIDE
