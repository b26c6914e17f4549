"""The loops of notebook 44: four at the corners of a pad, and whatever lies between them.

Whatever the page asks for becomes a `LoopState` first; then the newest one alone is played. The
page goes on with the old loop until the new one can come in on a beat.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from synvae_workbench.live.assets import read_assets
from synvae_workbench.live.loops import (
    BEATS,
    CORNERS,
    TEMPOS,
    UPLOAD_SECONDS,
    Loop,
    LoopBench,
    blend,
    loudness_in_words,
    wav_of,
)
from synvae_workbench.live.messages import FOREIGN, bounded_number
from synvae_workbench.live.state_page import StatePage
from synvae_workbench.live.uploads import MAX_SOUND_BYTES
from synvae_workbench.plots.spectrograms import spectrogram

PLACES = ("upper left", "upper right", "lower left", "lower right")
PERCENT = (0, 100)

Message = tuple[dict, list[bytes]]


class LoopState(NamedTuple):
    """Settings of the page: loops at the corners, a place between them in percent, and a tempo.

    `plain` asks for the loop of the nearest corner as it came, without the model.
    """

    corners: tuple[Loop, ...]
    tempo: int
    x: int = 0
    y: int = 0
    plain: bool = False

    @property
    def nearest(self) -> Loop:
        """The loop of the corner nearest to the place."""
        return self.corners[2 * (self.y > 50) + (self.x > 50)]

    @property
    def shares(self) -> list[int]:
        """Share of each corner, in percent."""
        x, y = self.x / 100, self.y / 100
        parts = ((1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y)
        return [round(100 * part) for part in parts]

    @property
    def caption(self) -> str:
        """What is heard, in a few words."""
        if self.plain:
            return f"{self.nearest.name} as it came"
        mixed = [
            (share, loop.name)
            for share, loop in zip(self.shares, self.corners, strict=True)
            if share > 0
        ]
        if len(mixed) == 1:
            return f"{mixed[0][1]} through the model"
        mixed.sort(key=lambda each: -each[0])
        return ", ".join(f"{share} % {name}" for share, name in mixed)


class LoopsPage(StatePage):
    """Widget to blend four loops on a pad, to hear them go round, and to save them as WAV."""

    _esm = read_assets("sound_files.js", "parts.js", "loop_deck.js", "explore_loops.js")
    _css = read_assets("parts.css", "explore_loops.css")
    _called = "the loops of notebook 44"

    def __init__(self, bench: LoopBench) -> None:
        self._bench = bench
        self._codes: dict[int, tuple[Loop, Float[Tensor, " z"]]] = {}
        state = LoopState(tuple(bench.loops[:CORNERS]), round(bench.tempo))
        super().__init__(state, describe_page(bench))

    def _asked(self, content: object, buffers: Sequence[object]) -> LoopState:
        return requested_state(self._state, content, buffers, self._bench)

    def _show(self) -> None:
        codes = {}
        for loop in self._state.corners:  # each is encoded once, while it is at a corner
            known = self._codes.get(id(loop))
            codes[id(loop)] = known or (loop, self._bench.encode(loop))
        self._codes = codes
        corners = [codes[id(loop)][1] for loop in self._state.corners]
        self.send(*state_message(self._bench, self._state, corners))


def requested_state(
    state: LoopState, content: object, buffers: Sequence[object], bench: LoopBench
) -> LoopState:
    """The state that a message of the page asks for; what the page sends is not trusted.

    Raises:
        ValueError: for a message that is none, or a sound that cannot be used, saying why.
    """
    match content:
        case {"kind": "choose", "corner": int(corner), "index": int(index)} if (
            0 <= corner < CORNERS and 0 <= index < len(bench.loops)
        ):
            return _at_corner(state, corner, bench.loops[index])
        case {"kind": "upload", "corner": int(corner), "name": str(name)} if (
            0 <= corner < CORNERS and len(buffers) == 1
        ):
            loop = bench.read(name, buffers[0])
            return _at_corner(state, corner, loop)._replace(
                x=100 * (corner % 2), y=100 * (corner // 2)
            )
        case {"kind": "change", "x": x, "y": y, "tempo": tempo, "plain": bool(plain)}:
            return state._replace(
                x=round(bounded_number(x, PERCENT)),
                y=round(bounded_number(y, PERCENT)),
                tempo=round(bounded_number(tempo, TEMPOS)),
                plain=plain,
            )
    raise ValueError(FOREIGN)


def _at_corner(state: LoopState, corner: int, loop: Loop) -> LoopState:
    corners = list(state.corners)
    corners[corner] = loop
    return state._replace(corners=tuple(corners))


def describe_page(bench: LoopBench) -> dict:
    """The unchanging content of the page: loops, places, bounds."""
    return {
        "loops": [loop.name for loop in bench.loops],
        "places": PLACES,
        "rate": bench.rate,
        "beats": BEATS,
        "tempos": TEMPOS,
        "spectrogram": list(spectrogram(bench.loops[0].waveform).shape),
        "max_bytes": MAX_SOUND_BYTES,
        "longest": UPLOAD_SECONDS[1],
    }


def state_message(
    bench: LoopBench, state: LoopState, corners: Sequence[Float[Tensor, " z"]]
) -> Message:
    """The message that shows a state: a WAV file of the loop, and its spectrogram.

    Args:
        corners: latents of the loops at the corners.
    """
    if state.plain:
        waveform = state.nearest.waveform
    else:
        waveform = bench.play(blend(corners, state.x / 100, state.y / 100))
    picture = spectrogram(waveform)
    waveform = bench.at_tempo(waveform, state.tempo)
    places = {id(loop): i for i, loop in enumerate(bench.loops)}
    beats = loudness_in_words(waveform)
    content = {
        "kind": "shown",
        "said": f"{state.caption}, {state.tempo} bpm.",
        "caption": state.caption,
        "words": f"{state.caption}: {BEATS} beats, {beats}",
        "corners": [[loop.name, places.get(id(loop)), loop.remark] for loop in state.corners],
        "x": state.x,
        "y": state.y,
        "tempo": state.tempo,
        "plain": state.plain,
        "file": re.sub(r"[^a-z0-9]+", "_", state.caption.lower()).strip("_")[:60] or "loop",
    }
    return content, [wav_of(waveform, bench.rate), picture.tobytes()]
