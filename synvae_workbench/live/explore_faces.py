"""The faces of notebook 44: changed by sliders, walked between, and one's own picture projected.

Whatever the page asks for becomes a `FaceState` first; then the newest one alone is drawn.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from torch import Tensor

from synvae_workbench.evaluation.sliders import REACH
from synvae_workbench.live.assets import read_assets
from synvae_workbench.live.faces import Face, FaceBench
from synvae_workbench.live.messages import FOREIGN, bounded_number
from synvae_workbench.live.state_page import StatePage
from synvae_workbench.live.uploads import MAX_PICTURE_BYTES

STEP = 0.1  # of a slider, in standard deviations of the prior
STOPS = 6  # faces of a walk, the one that is shown first
SEEDS = 1 << 31
CLOSE = "nearer than any held-out face that was rebuilt: look whether it is a copy"

Message = tuple[dict, list[bytes]]


class FaceState(NamedTuple):
    """Settings of the page: a face, and values of sliders by number."""

    face: Face
    changes: Mapping[int, float] = {}

    @property
    def caption(self) -> str:
        """What is drawn, in a few words."""
        return self.face.name + (", changed" if self.changes else "")


class FacesPage(StatePage):
    """Widget to choose, draw or upload a face, to change it, and to walk from it to others."""

    _esm = read_assets("drop.js", "parts.js", "explore_faces.js")
    _css = read_assets("parts.css", "explore_faces.css")
    _called = "the faces of notebook 44"

    def __init__(self, bench: FaceBench) -> None:
        self._bench = bench
        super().__init__(FaceState(bench.known[0]), describe_page(bench))

    def _receive(self, _: object, content: object, buffers: Sequence[object]) -> None:
        if content == {"kind": "walk"}:
            self.send(*walk_message(self._bench, self._state))
        else:
            super()._receive(_, content, buffers)

    def _asked(self, content: object, buffers: Sequence[object]) -> FaceState:
        return requested_state(self._state, content, buffers, self._bench)

    def _show(self) -> None:
        self.send(*state_message(self._bench, self._state))


def requested_state(
    state: FaceState, content: object, buffers: Sequence[object], bench: FaceBench
) -> FaceState:
    """The state that a message of the page asks for; what the page sends is not trusted.

    Raises:
        ValueError: for a message that is none, or a picture that cannot be used, saying why.
    """
    match content:
        case {"kind": "choose", "index": int(index)} if 0 <= index < len(bench.known):
            return FaceState(bench.known[index])
        case {"kind": "new", "seed": int(seed)} if 0 <= seed < SEEDS:
            return FaceState(bench.new_face(seed))
        case {"kind": "upload", "name": str(name)} if len(buffers) == 1:
            return FaceState(bench.project(name, buffers[0]))
        case {"kind": "change", "changes": dict(changes)}:
            numbers = {str(number): number for number in range(len(bench.sliders))}
            if changes.keys() <= numbers.keys():
                return state._replace(
                    changes={
                        numbers[name]: bounded_number(value, (-REACH, REACH))
                        for name, value in changes.items()
                    }
                )
        case {"kind": "as it was"}:
            return state._replace(changes={})
    raise ValueError(FOREIGN)


def code_of(bench: FaceBench, state: FaceState) -> Float[Tensor, " z"]:
    """The code that is drawn: that of the face, with some sliders at other values."""
    z = state.face.z
    for number, value in state.changes.items():
        z = bench.sliders[number].move(z, value)
    return z


def describe_page(bench: FaceBench) -> dict:
    """The unchanging content of the page: faces, sliders and bounds."""
    return {
        "shape": list(bench.model.shape),
        "faces": [face.name for face in bench.known],
        "sliders": [
            [each.trait.more, each.trait.less, each.trait.does, each.evidence]
            for each in bench.sliders
        ],
        "reach": REACH,
        "step": STEP,
        "max_bytes": MAX_PICTURE_BYTES,
        "trained": len(bench.train),
    }


def state_message(bench: FaceBench, state: FaceState) -> Message:
    """The message that shows a state: the face, the training face nearest to it, the original."""
    z = code_of(bench, state)
    drawn = bench.draw(z[None])
    alike = bench.nearest(drawn)
    near = f"training face {alike.rows[0] + 1}, {alike.rms[0]:.2f} away"
    values = [each.value(z).item() for each in bench.sliders]
    pictures = [drawn[0], alike.pictures[0]]
    if state.face.picture is not None:
        pictures.append(state.face.picture)
    return {
        "kind": "shown",
        "said": f"{state.caption}. Nearest is {near}.",
        "caption": state.caption,
        "name": state.face.name,
        "remark": state.face.remark,
        "known": _place(bench, state.face),
        "values": values,
        "found": [f"{value:+.1f}" for value in values],
        "nearest": near + (f": {CLOSE}" if alike.rms[0] < bench.closest else ""),
        "changed": bool(state.changes),
    }, [pixels_of(each) for each in pictures]


def walk_message(bench: FaceBench, state: FaceState) -> Message:
    """The pictures of a walk from the face shown through held-out ones and back, and their nearest.

    Of each picture the training face that is nearest to it stands beside it.
    """
    place = _place(bench, state.face)
    first = 0 if place is None else place + 1
    others = [bench.known[(first + i) % len(bench.known)] for i in range(STOPS - 1)]
    others = [each for each in others if each is not state.face]
    frames = bench.walk([code_of(bench, state), *(each.z for each in others)])
    alike = bench.nearest(frames)
    return {
        "kind": "walk",
        "stops": [state.caption, *(each.name for each in others)],
        "frames": len(frames),
        "rows": [row + 1 for row in alike.rows],
        "said": f"A walk from {state.caption} through {len(others)} others, and back.",
    }, [pixels_of(frames), pixels_of(alike.pictures)]


def pixels_of(pictures: Float[Tensor, "*n c h w"]) -> bytes:
    """Bytes of pictures in [0, 1]."""
    return np.round(255 * pictures.clamp(0, 1).numpy()).astype(np.uint8).tobytes()


def _place(bench: FaceBench, face: Face) -> int | None:
    """Number of a face among the held-out ones; None if it is none of these."""
    return next((i for i, each in enumerate(bench.known) if each is face), None)
