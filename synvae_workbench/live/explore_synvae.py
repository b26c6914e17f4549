"""The live page of notebook 40: plays pictures as melodies, and changes them in latent space.

Everything that the page asks for becomes a `State` first, at once; only then, and only for the
newest one, a melody is played. So nothing that was asked is lost, and nothing queues up.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import lru_cache

import anywidget
import numpy as np
import torch
import traitlets
from ipywidgets import Widget, widget_serialization
from jaxtyping import Float
from torch import Tensor

from synvae_core.looks import Look
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.performance import performance_words
from synvae_workbench.live.assets import read_assets
from synvae_workbench.live.explore_synvae_messages import (
    Message,
    by_ear,
    describe_page,
    original_message,
    shelf_message,
    sound_settings,
    state_message,
)
from synvae_workbench.live.explore_synvae_state import State, first_state, requested_state
from synvae_workbench.live.explore_synvae_words import Teller
from synvae_workbench.live.explorer import POSITIONS, Explorer, LatentMelody
from synvae_workbench.live.explorers import Explorers
from synvae_workbench.live.latest import LatestCall
from synvae_workbench.live.live_player import LivePlayer, format_note_count
from synvae_workbench.live.messages import BROKEN
from synvae_workbench.live.models import Choice
from synvae_workbench.live.performed import as_performed
from synvae_workbench.live.pictures import Picture

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

    _esm = read_assets("draw.js", "drop.js", "picks.js", "explore_synvae.js")
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
        self._hear = LatestCall(self._let_hear, on_error=self._fail)
        self._shown: Picture | None = None  # the picture that the page has
        self._teller = Teller()
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
            case {"kind": "hear"}:
                self._wish(content | {"kind": "choose"}, (), self._hear)
            case {"kind": "back"}:
                self._go_back()
            case _:
                self._wish(content, buffers, self._choose)

    def _wish(
        self, content: object, buffers: Sequence[object], then: Callable[[State], object]
    ) -> None:
        try:
            state = requested_state(self._state, content, buffers, self._explorers)
        except ValueError as error:
            self._refuse(f"Not used: {error}.")
        else:
            then(state)

    def _choose(self, state: State) -> None:
        self._state = state
        self._answer()

    def _show(self, play: bool = True) -> None:
        if not self._open():
            return
        state = self._state
        heard, look, performed = self._decode(state)
        events = self._whole_way(state) if state.whole else heard.events
        self._state = state._replace(whole=False)
        self._played = self._performance(state, look, performed) | {"events": events}
        self.player.show(**self._played, play=play)
        self._last_events = heard.events
        told = self._teller.tell(self._explorers, state, heard)
        self._last = state_message(self._explorers, state, self._z(state), heard, told)
        self._last[0].update(
            look=performance_words(look), sound=sound_settings(state, performed=performed)
        )
        if state.picture is not self._shown:
            self._tell(original_message(state.picture))
        self._shown = state.picture
        self._tell(self._last)

    def _decode(self, state: State) -> tuple[LatentMelody, Look, bool]:
        """The melody of a state by the open model, the look, and whether it is performed so."""
        look, performed = state.look(self._explorer.shape), state.performed
        if performed is None:
            performed = self._explorer.model.config.performance
        carried = look if performed else None
        z = self._z(state).numpy().tobytes()
        return self._heard(z, state.temperature, state.seed, carried), look, performed

    def _performance(self, state: State, look: Look, performed: bool) -> dict:
        """How a state sounds, and what that is called."""
        if not performed:
            return {"label": state.caption, "sound": state.sound}
        label = f"{state.caption}: {performance_words(look)}"
        return {"label": label, "sound": as_performed(state.sound, look)}

    def _let_hear(self, state: State) -> None:
        """Plays an example that is not chosen, if the model that is open plays such pictures."""
        if state.model != self._opened:
            said = "Another model plays it: press Enter to hear it."
            self.send({"kind": "said", "said": said})
            return
        heard, look, performed = self._decode(state)
        self.player.show(heard.events, **self._performance(state, look, performed))
        self.send({"kind": "said", "said": f"{format_note_count(ONE_VOICE.notes(heard.events))}."})

    def _go_back(self) -> None:
        """Shows, silently, the melody of the state in place of what was only heard."""
        self.player.show(**self._played, play=False)
        self.send({"kind": "said", "said": ""})

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
                    self._refuse(refusal)
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

    def _refuse(self, said: str) -> None:
        """Says why not, and shows the controls as they were: the refused one is none of them."""
        self.send({"kind": "refused", "said": said, "sound": self._last[0]["sound"]})

    def _fail(self, error: Exception) -> None:
        self._refuse(BROKEN)
        self.log.error("the page of notebook 40 could not answer", exc_info=error)
