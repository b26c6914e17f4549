"""The live page of notebook 40: plays pictures as melodies, and changes them in latent space.

Everything that the page asks for becomes a `State` first, at once; only then, and only for the
newest one, a melody is played. So nothing that was asked is lost, and nothing queues up.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import anywidget
import numpy as np
import torch
import traitlets
from ipywidgets import Widget, widget_serialization
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from synvae_core.music.sound import Sound
from synvae_workbench.evaluation.sliders import REACH
from synvae_workbench.live.assets import read_assets
from synvae_workbench.live.draw import SIDE, drawing_to_digit
from synvae_workbench.live.explorer import POSITIONS, Explorer, LatentMelody
from synvae_workbench.live.latest import LatestCall
from synvae_workbench.live.live_player import LivePlayer
from synvae_workbench.live.messages import (
    BROKEN,
    FOREIGN,
    INSTRUMENTS,
    bounded_number,
    instrument_groups,
)
from synvae_workbench.live.uploads import MAX_PICTURE_BYTES, printable_name, read_picture_upload

SHELF = 12  # known pictures to choose from at a time
ALIKE = 6
TEMPOS, TEMPERATURES = (40.0, 240.0), (0.0, 1.5)
IDLE_SECONDS = 0.1  # between two preparations, so that whoever asks meanwhile hardly waits
LISTENING_PAUSE = 0.02  # seconds between pieces of the known melodies, in which questions come in
STOPS = 5  # melodies that are heard of the whole way


class State(NamedTuple):
    """Settings of the page: a picture, the position on the way to another, and latent changes.

    `index` is that of a known picture, `changes` are values by slider, `whole` asks for the
    way from one picture to the other as one melody.
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


class SynVaePage(anywidget.AnyWidget):
    """Widget to choose, upload or draw a picture, hear it, change it, and interpolate to another.

    Args:
        explorer: the model and the pictures that it knows.
        program, qpm: how melodies sound at first.
    """

    _esm = read_assets("draw.js", "explore_synvae.js")
    _css = read_assets("explore_synvae.css")
    player = traitlets.Instance(Widget).tag(sync=True, **widget_serialization)
    page = traitlets.Dict().tag(sync=True)

    def __init__(self, explorer: Explorer, *, program: int = 0, qpm: float = 120.0) -> None:
        self._explorer = explorer
        self._state = first_state(explorer)._replace(program=program, qpm=qpm)
        super().__init__(player=LivePlayer(), page=describe_page(explorer, self._state))
        self._point = lru_cache(maxsize=64)(self._point_of)
        self._heard = lru_cache(maxsize=64)(self._heard_of)
        self._preparing: asyncio.Task | None = None
        self._listening: asyncio.Task | None = None
        self._answer = LatestCall(self._show, on_error=self._fail)
        self._show(play=False)
        self.on_msg(self._receive)

    def _receive(self, _: object, content: object, buffers: Sequence[object]) -> None:
        match content:
            case {"kind": "ready"}:
                self._tell(self._last)
                self._put_on_shelf(0)
                self._listen_on()
            case {"kind": "shelf", "number": int(number)} if 0 <= number < 1 << 31:
                self._put_on_shelf(number)
            case _:
                try:
                    self._state = requested_state(self._state, content, buffers, self._explorer)
                except ValueError as error:
                    self.send({"kind": "said", "said": f"Not used: {error}."})
                else:
                    self._answer()

    def _show(self, play: bool = True) -> None:
        state, explorer = self._state, self._explorer
        z = self._z(state)
        heard = self._heard(z.numpy().tobytes(), state.temperature, state.seed)
        events = self._whole_way(state) if state.whole else heard.events
        self._state = state._replace(whole=False)
        self.player.show(
            events, label=state.caption, sound=Sound(state.qpm, state.program), play=play
        )
        self._last, self._last_events = state_message(explorer, state, z, heard), heard.events
        self._tell(self._last)

    def _z(self, state: State) -> Float[Tensor, " z"]:
        z = self._point(state.picture.tobytes())
        if state.position:
            other = self._point(state.other.tobytes())
            z = self._explorer.interpolate(z, other, state.position)
        return self._explorer.with_values(z, state.changes)

    def _point_of(self, pixels: bytes) -> Float[Tensor, " z"]:
        picture = np.frombuffer(pixels, np.uint8).reshape(self._explorer.shape)
        return self._explorer.encode(picture.copy())

    def _heard_of(self, z: bytes, temperature: float, seed: int) -> LatentMelody:
        point = torch.from_numpy(np.frombuffer(z, np.float32).copy())
        return self._explorer.play(point, temperature=temperature, seed=seed)

    def _whole_way(self, state: State) -> np.ndarray:
        stops = np.linspace(0, POSITIONS - 1, STOPS).astype(int).tolist()
        points = [self._z(state._replace(position=stop, changes={})) for stop in stops]
        heard = [self._explorer.play(point) for point in points]
        return np.concatenate([each.events for each in heard])

    def _put_on_shelf(self, number: int) -> None:
        images, captions = self._explorer.images, self._explorer.captions
        count = min(SHELF, len(images))
        indices = [(number * count + i) % len(images) for i in range(count)]
        content = {"kind": "shelf", "pictures": [[i, captions[i]] for i in indices]}
        self.send(content, [images[indices].tobytes()])
        with contextlib.suppress(RuntimeError):  # no event loop, no hurry
            if self._preparing is not None:
                self._preparing.cancel()
            self._preparing = asyncio.get_running_loop().create_task(self._prepare(indices))

    async def _prepare(self, indices: Sequence[int]) -> None:
        """Encodes pictures that are likely to be chosen next, while nobody waits."""
        for index in indices:
            await asyncio.sleep(IDLE_SECONDS)
            if not self._answer.busy:
                self._point(self._explorer.images[index].tobytes())

    def _listen_on(self) -> None:
        """Listens to the known pictures in the background, so that they can be compared by ear."""
        if self._explorer.melodies.complete or self._listening is not None:
            return
        with contextlib.suppress(RuntimeError):  # no event loop, no background
            self._listening = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        melodies = self._explorer.melodies
        while not melodies.complete:
            await asyncio.sleep(LISTENING_PAUSE)
            if not self._answer.busy:
                melodies.hear_more()
                found, pixels = by_ear(self._explorer, self._last_events, self._state.index)
                self.send({"kind": "by ear", "by_ear": found}, [pixels])

    def _tell(self, message: tuple[dict, list[bytes]]) -> None:
        self.send(*message)

    def _fail(self, error: Exception) -> None:
        self.send({"kind": "said", "said": BROKEN})
        self.log.error("the page of notebook 40 could not answer", exc_info=error)


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
        case {"kind": "sound", "qpm": qpm, "temperature": temperature, "program": int(program)} if (
            0 <= program < INSTRUMENTS
        ):
            return state._replace(
                qpm=bounded_number(qpm, TEMPOS),
                temperature=bounded_number(temperature, TEMPERATURES),
                program=program,
            )
    raise ValueError(FOREIGN)


def describe_page(explorer: Explorer, state: State) -> dict:
    """The unchanging content of the page: sliders, instruments and bounds."""
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
