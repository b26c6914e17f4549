"""The live page of notebook 40: plays pictures as melodies, and changes them in latent space.

Everything that the page asks for becomes a `State` first, at once; only then, and only for the
newest one, a melody is played. So nothing that was asked is lost, and nothing queues up.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from functools import lru_cache

import anywidget
import numpy as np
import torch
import traitlets
from ipywidgets import Widget, widget_serialization
from jaxtyping import Float
from torch import Tensor

from synvae_core.looks import Look
from synvae_core.music.performance import performance_words
from synvae_workbench.live.assets import read_assets
from synvae_workbench.live.explore_synvae_messages import (
    Message,
    by_ear,
    describe_page,
    original_message,
    shelf_message,
    state_message,
)
from synvae_workbench.live.explore_synvae_state import State, first_state, requested_state
from synvae_workbench.live.explorer import POSITIONS, Explorer, LatentMelody
from synvae_workbench.live.explorers import Explorers
from synvae_workbench.live.latest import LatestCall
from synvae_workbench.live.live_player import LivePlayer
from synvae_workbench.live.messages import BROKEN
from synvae_workbench.live.models import Choice
from synvae_workbench.live.performed import as_performed

IDLE_SECONDS = 0.1  # between two preparations, so that whoever asks meanwhile hardly waits
LISTENING_PAUSE = 0.02  # seconds between pieces of the known melodies, in which questions come in
STOPS = 5  # melodies that are heard of the whole way


class SynVaePage(anywidget.AnyWidget):
    """Widget to drop, choose or draw a picture, hear it, change it, and interpolate to another.

    Args:
        explorer: the model that plays first, and the pictures that it knows.
        models: all to choose from, of which the first is that of `explorer`; the others are opened
            when they are chosen, or when a picture of their kind is. By default it alone.
        program, qpm: how melodies sound at first.
    """

    _esm = read_assets("draw.js", "drop.js", "explore_synvae.js")
    _css = read_assets("explore_synvae.css")
    player = traitlets.Instance(Widget).tag(sync=True, **widget_serialization)
    page = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        explorer: Explorer,
        *,
        models: Sequence[Choice] = (),
        program: int = 0,
        qpm: float = 120.0,
    ) -> None:
        self._explorers, self._explorer = Explorers(explorer, models), explorer
        self._opened = 0
        self._state = first_state(self._explorers)._replace(program=program, qpm=qpm)
        super().__init__(player=LivePlayer(), page=self._describe())
        self._point = lru_cache(maxsize=64)(self._point_of)
        self._heard = lru_cache(maxsize=64)(self._heard_of)
        self._preparing: asyncio.Task | None = None
        self._listening: asyncio.Task | None = None
        self._answer = LatestCall(self._show, on_error=self._fail)
        self._shown = (None, 0)  # the picture that the page has, and the model that plays it
        self._show(play=False)
        self.on_msg(self._receive)

    def _receive(self, _: object, content: object, buffers: Sequence[object]) -> None:
        match content:
            case {"kind": "ready"}:
                self._tell(original_message(self._state.picture))
                self._tell(self._last)
                self._put_on_shelf(0)
                self._listen_on()
            case {"kind": "shelf", "number": int(number)} if 0 <= number < 1 << 31:
                self._put_on_shelf(number)
            case _:
                try:
                    self._state = requested_state(self._state, content, buffers, self._explorers)
                except ValueError as error:
                    self.send({"kind": "said", "said": f"Not used: {error}."})
                else:
                    self._answer()

    def _show(self, play: bool = True) -> None:
        if not self._open():
            return
        state = self._state
        z = self._z(state)
        look, performed = state.look(self._explorer.shape), state.performed
        if performed is None:
            performed = self._explorer.model.config.performance
        carried = look if performed else None
        heard = self._heard(z.numpy().tobytes(), state.temperature, state.seed, carried)
        events = self._whole_way(state) if state.whole else heard.events
        self._state = state._replace(whole=False)
        label, sound, words = state.caption, state.sound, performance_words(look)
        if performed:
            label, sound = f"{label}: {words}", as_performed(sound, look)
        self.player.show(events, label=label, sound=sound, play=play)
        self._last_events = heard.events
        picture, number = self._shown
        judged = state.picture is not picture or state.model != number
        self._last = state_message(self._explorers, state, z, heard, judged=judged)
        self._last[0].update(look=words, performed=performed)
        if state.picture is not picture:
            self._tell(original_message(state.picture))
        self._shown = (state.picture, state.model)
        self._tell(self._last)

    def _describe(self) -> dict:
        return describe_page(self._explorers, self._explorer, self._state)

    def _open(self) -> bool:
        """Opens the model of the state; if it cannot be, another one of its kind, or says why.

        A model takes some seconds when it is first chosen.
        """
        number, refusal = self._state.model, self._state.refusal
        while number != self._opened:
            try:
                if not self._explorers.is_open(number):
                    self.send({"kind": "opening", "said": self._explorers.opening(number)})
                self._explorer = self._explorers.open(number)
            except ValueError as error:  # of weights or a missing package, and it says which
                refusal = f"Not used: {error}. Other models can be chosen."
                if self._state.by_hand:
                    self._state = self._state._replace(model=self._opened, by_hand=False)
                    self.send({"kind": "said", "said": refusal})
                    return False
                number = self._explorers.number_for(self._state.picture.kind.name, {})
            else:
                self._opened = number
                self._point.cache_clear()
                self._heard.cache_clear()
                self.page = self._describe()
                self._listen_on()
        last = {**self._state.last, self._explorers.models[number].kind: number}
        self._state = self._state._replace(model=number, refusal=refusal, last=last)
        return True

    def _z(self, state: State) -> Float[Tensor, " z"]:
        shape = self._explorer.shape
        z = self._point(state.picture.seen_by(shape).pixels.tobytes())
        if state.position:
            other = self._point(state.other.seen_by(shape).pixels.tobytes())
            z = self._explorer.interpolate(z, other, state.position)
        return self._explorer.with_values(z, state.changes)

    def _point_of(self, pixels: bytes) -> Float[Tensor, " z"]:
        picture = np.frombuffer(pixels, np.uint8).reshape(self._explorer.shape)
        return self._explorer.encode(picture.copy())

    def _heard_of(self, z: bytes, temperature: float, seed: int, look: Look | None) -> LatentMelody:
        point = torch.from_numpy(np.frombuffer(z, np.float32).copy())
        return self._explorer.play(point, look=look, temperature=temperature, seed=seed)

    def _whole_way(self, state: State) -> np.ndarray:
        stops = np.linspace(0, POSITIONS - 1, STOPS).astype(int).tolist()
        points = [self._z(state._replace(position=stop, changes={})) for stop in stops]
        heard = [self._explorer.play(point) for point in points]
        return np.concatenate([each.events for each in heard])

    def _put_on_shelf(self, number: int) -> None:
        content, pixels = shelf_message(self._explorers, number)
        self.send(content, pixels)
        kind = self._explorers.models[self._opened].kind
        indices = [i for row in content["rows"] for of, i, _ in row["pictures"] if of == kind]
        with contextlib.suppress(RuntimeError):  # no event loop, no hurry
            if self._preparing is not None:
                self._preparing.cancel()
            self._preparing = asyncio.get_running_loop().create_task(self._prepare(indices))

    async def _prepare(self, indices: Sequence[int]) -> None:
        """Encodes pictures that are likely to be chosen next, while nobody waits."""
        explorer = self._explorer
        for index in indices:
            await asyncio.sleep(IDLE_SECONDS)
            if not self._answer.busy and explorer is self._explorer:
                self._point(explorer.images[index].tobytes())

    def _listen_on(self) -> None:
        """Listens to the known pictures in the background, so that they can be compared by ear."""
        running = self._listening is not None and not self._listening.done()
        if self._explorer.melodies.complete or running:
            return
        with contextlib.suppress(RuntimeError):  # no event loop, no background
            self._listening = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        while not self._explorer.melodies.complete:
            await asyncio.sleep(LISTENING_PAUSE)
            if not self._answer.busy:
                self._explorer.melodies.hear_more()
                kind = self._explorers.models[self._opened].kind
                known = self._state.known(kind)
                found, pixels = by_ear(self._explorer, kind, self._last_events, known)
                self.send({"kind": "by ear", "by_ear": found}, [pixels])

    def _tell(self, message: Message) -> None:
        self.send(*message)

    def _fail(self, error: Exception) -> None:
        self.send({"kind": "said", "said": BROKEN})
        self.log.error("the page of notebook 40 could not answer", exc_info=error)
