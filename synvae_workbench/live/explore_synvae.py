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

from synvae_core.models.synvae import load_synvae
from synvae_workbench.live.assets import read_assets
from synvae_workbench.live.explore_synvae_state import (
    State,
    by_ear,
    describe_page,
    first_state,
    requested_state,
    state_message,
)
from synvae_workbench.live.explorer import POSITIONS, Explorer, LatentMelody
from synvae_workbench.live.latest import LatestCall
from synvae_workbench.live.lengths import Choice, length_label
from synvae_workbench.live.live_player import LivePlayer
from synvae_workbench.live.messages import BROKEN

SHELF = 12  # known pictures to choose from at a time
IDLE_SECONDS = 0.1  # between two preparations, so that whoever asks meanwhile hardly waits
LISTENING_PAUSE = 0.02  # seconds between pieces of the known melodies, in which questions come in
STOPS = 5  # melodies that are heard of the whole way


class SynVaePage(anywidget.AnyWidget):
    """Widget to choose, upload or draw a picture, hear it, change it, and interpolate to another.

    Args:
        explorer: the model and the pictures that it knows.
        others: models to choose beside it, of `other_lengths`; opened when they are chosen.
        program, qpm: how melodies sound at first.
    """

    _esm = read_assets("draw.js", "explore_synvae.js")
    _css = read_assets("explore_synvae.css")
    player = traitlets.Instance(Widget).tag(sync=True, **widget_serialization)
    page = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        explorer: Explorer,
        *,
        others: Sequence[Choice] = (),
        program: int = 0,
        qpm: float = 120.0,
    ) -> None:
        self._explorer, self._explorers, self._others = explorer, {0: explorer}, others
        self._state = first_state(explorer)._replace(program=program, qpm=qpm)
        super().__init__(player=LivePlayer(), page=self._describe())
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
            case {"kind": "length", "number": int(number)} if 0 <= number <= len(self._others):
                self._state = self._state._replace(model=number, changes={})
                self._answer()
            case _:
                try:
                    self._state = requested_state(self._state, content, buffers, self._explorer)
                except ValueError as error:
                    self.send({"kind": "said", "said": f"Not used: {error}."})
                else:
                    self._answer()

    def _show(self, play: bool = True) -> None:
        try:
            self._open(self._state.model)
        except ValueError as error:  # of weights, and it says which
            self._state = self._state._replace(model=self._opened)
            self.send({"kind": "said", "said": f"Not used: {error}."})
            return
        state, explorer = self._state, self._explorer
        z = self._z(state)
        heard = self._heard(z.numpy().tobytes(), state.temperature, state.seed)
        events = self._whole_way(state) if state.whole else heard.events
        self._state = state._replace(whole=False)
        self.player.show(events, label=state.caption, sound=state.sound, play=play)
        self._last, self._last_events = state_message(explorer, state, z, heard), heard.events
        self._tell(self._last)

    def _describe(self) -> dict:
        own = length_label(self._explorers[0].model.music.config.steps)
        labels = [own, *(length_label(each.steps, each.name) for each in self._others)]
        return describe_page(self._explorer, self._state, labels)

    @property
    def _opened(self) -> int:
        return next(i for i, each in self._explorers.items() if each is self._explorer)

    def _open(self, number: int) -> None:
        """Lets another model play; takes some seconds when it is first chosen."""
        if number == self._opened:
            return
        if number not in self._explorers:
            model = load_synvae(self._others[number - 1].folder)
            self._explorers[number] = self._explorer.with_model(model)
        self._explorer = self._explorers[number]
        self._point.cache_clear()
        self._heard.cache_clear()
        self.page = self._describe()
        self._listen_on()

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
                found, pixels = by_ear(self._explorer, self._last_events, self._state.index)
                self.send({"kind": "by ear", "by_ear": found}, [pixels])

    def _tell(self, message: tuple[dict, list[bytes]]) -> None:
        self.send(*message)

    def _fail(self, error: Exception) -> None:
        self.send({"kind": "said", "said": BROKEN})
        self.log.error("the page of notebook 40 could not answer", exc_info=error)
