"""What the live page of notebook 40 shows, as values: wishes become a `State`, a `State` a message.

What a page sends is not trusted: each wish is checked here, and refused in words.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from synvae_core.music.accompaniment import Accompaniment
from synvae_core.music.sound import Sound
from synvae_core.music.soundfonts import PACKAGED, found, open_soundfont
from synvae_workbench.evaluation.sliders import REACH
from synvae_workbench.live.draw import SIDE, drawing_to_digit
from synvae_workbench.live.explorer import POSITIONS, Explorer, LatentMelody
from synvae_workbench.live.messages import FOREIGN, INSTRUMENTS, bounded_number, instrument_groups
from synvae_workbench.live.uploads import MAX_PICTURE_BYTES, printable_name, read_picture_upload

ALIKE = 6
# Styles of `music.accompaniment`, in words.
ACCOMPANIMENTS = {"": "melody alone", "fiddle": "as for fiddle tunes", "pop": "as in pop songs"}
TEMPOS, TEMPERATURES = (40.0, 240.0), (0.0, 1.5)


class State(NamedTuple):
    """Settings of the page: a picture, the position on the way to another, and latent changes.

    `index` is that of a known picture, `changes` are values by slider, `whole` asks for the
    way from one picture to the other as one melody, `model` is which of several plays,
    `style` that of an accompaniment, if there is one, and `font` the name of a sound font.
    """

    picture: UInt8[np.ndarray, "c h w"]
    name: str
    index: int | None
    other: UInt8[np.ndarray, "c h w"]
    other_name: str
    position: int = 0
    changes: Mapping[int, float] = {}
    whole: bool = False
    qpm: float = 120.0
    program: int = 0
    temperature: float = 0.0
    seed: int = 0
    model: int = 0
    style: str = ""
    font: str = PACKAGED

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
        if self.whole:
            return f"From {self.name} to {self.other_name}"
        share = round(100 * self.position / (POSITIONS - 1))
        words = f"{share} % from {self.name} to {self.other_name}" if share else self.name
        if self.changes:
            words += ", changed"
        return words + (f", at temperature {self.temperature:g}" if self.temperature else "")


def first_state(explorer: Explorer) -> State:
    """The first known picture, and the next one with another caption as the other end of a way."""
    captions = explorer.captions
    other = next((i for i, caption in enumerate(captions) if caption != captions[0]), 0)
    images = explorer.images
    return State(images[0], captions[0], 0, images[other], captions[other])


def requested_state(
    state: State, content: object, buffers: Sequence[object], explorer: Explorer
) -> State:
    """The state that a message of the page asks for; what the page sends is not trusted.

    Raises:
        ValueError: for a message that is none, or a picture that cannot be used, saying why.
    """
    match content:
        case {"kind": "choose", "index": int(index)} if 0 <= index < len(explorer.images):
            return _with_picture(state, explorer.images[index], explorer.captions[index], index)
        case {"kind": "upload", "name": str(name)} if len(buffers) == 1:
            channels, size, _ = explorer.shape
            picture = read_picture_upload(name, buffers[0], channels=channels, size=size)
            return _with_picture(
                state, explorer.match_polarity(picture), printable_name(name), None
            )
        case {"kind": "draw"} if _is_drawing(buffers) and explorer.shape[0] == 1:
            field = np.frombuffer(bytes(buffers[0]), np.uint8).reshape(SIDE, SIDE)
            return _with_picture(
                state, drawing_to_digit(field, size=explorer.shape[1]), "Your drawing", None
            )
        case {"kind": "slide", "slider": int(number), "value": value} if (
            0 <= number < len(explorer.sliders)
        ):
            value = bounded_number(value, (-REACH, REACH))
            return state._replace(changes={**state.changes, number: value})
        case {"kind": "reset"}:
            return state._replace(changes={}, position=0)
        case {"kind": "other"}:
            return state._replace(other=state.picture, other_name=state.name, position=0)
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
        } if 0 <= program < INSTRUMENTS and style in ACCOMPANIMENTS and font in found():
            open_soundfont(font)  # refuses a file that is none
            return state._replace(
                qpm=bounded_number(qpm, TEMPOS),
                temperature=bounded_number(temperature, TEMPERATURES),
                program=program,
                style=style,
                font=font,
            )
    raise ValueError(FOREIGN)


def describe_page(explorer: Explorer, state: State, lengths: Sequence[str]) -> dict:
    """The content of the page that the state of a model does not change: sliders and bounds.

    Args:
        lengths: labels of the models to choose from.
    """
    sliders = [
        {
            "more": each.trait.more,
            "less": each.trait.less,
            "does": f"{each.trait.does}: {each.evidence} of the pictures.",
        }
        for each in explorer.sliders
    ]
    return {
        "shape": list(explorer.shape),
        "sliders": sliders,
        "reach": REACH,
        "lengths": list(lengths),
        "styles": list(ACCOMPANIMENTS.items()),
        "fonts": list(found()),
        "instruments": instrument_groups(),
        "positions": POSITIONS,
        "tempos": TEMPOS,
        "temperatures": TEMPERATURES,
        "qpm": state.qpm,
        "program": state.program,
        "side": SIDE,
        "max_bytes": MAX_PICTURE_BYTES,
    }


def state_message(
    explorer: Explorer, state: State, z: Float[Tensor, " z"], heard: LatentMelody
) -> tuple[dict, list[bytes]]:
    """The message that shows a state, and the pixels of the pictures that it names."""
    by_latents = explorer.nearest(heard.auditive, k=ALIKE, without=state.index)
    content = {
        "kind": "shown",
        "said": f"{state.caption} plays.",
        "name": state.name,
        "other": state.other_name,
        "index": state.index,
        "position": state.position,
        "model": state.model,
        "values": [float(each.value(z)) for each in explorer.sliders],
        "changed": list(state.changes),
        "temperature": state.temperature,
        "by_latents": _named(explorer, by_latents),
    }
    content["by_ear"], sounding_alike = by_ear(explorer, heard.events, state.index)
    pictures = (state.picture, heard.rebuilt, state.other, explorer.images[by_latents])
    buffers = [np.ascontiguousarray(each).tobytes() for each in pictures]
    return content, [*buffers, sounding_alike]


def by_ear(
    explorer: Explorer, events: Int[np.ndarray, " t"], index: int | None
) -> tuple[dict, bytes]:
    """Known pictures whose melodies sound like this one, and their pixels.

    No picture before all known ones were listened to; it says how many were.

    Args:
        index: of the known picture that this is, which is left out.
    """
    melodies, count = explorer.melodies, len(explorer.images)
    alike = melodies.nearest(events, k=ALIKE, without=index) if melodies.complete else []
    found = {"heard": melodies.heard, "of": count, "pictures": _named(explorer, alike)}
    return found, explorer.images[alike].tobytes()


def _named(explorer: Explorer, indices: Sequence[int]) -> list[list]:
    return [[index, explorer.captions[index]] for index in indices]


def _with_picture(state: State, picture: np.ndarray, name: str, index: int | None) -> State:
    return state._replace(picture=picture, name=name, index=index, position=0, changes={})


def _is_drawing(buffers: Sequence[object]) -> bool:
    return len(buffers) == 1 and memoryview(buffers[0]).nbytes == SIDE * SIDE
