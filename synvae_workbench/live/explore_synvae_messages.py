"""What the kernel sends to the page of notebook 40: its description, and each state with pixels."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from synvae_core.music.soundfonts import found
from synvae_workbench.evaluation.sliders import REACH
from synvae_workbench.live.draw import SIDE
from synvae_workbench.live.explore_synvae_state import (
    ACCOMPANIMENTS,
    TEMPERATURES,
    TEMPOS,
    State,
)
from synvae_workbench.live.explore_synvae_words import Told
from synvae_workbench.live.explorer import POSITIONS, Explorer, LatentMelody
from synvae_workbench.live.explorers import Explorers
from synvae_workbench.live.messages import instrument_groups
from synvae_workbench.live.pictures import Picture, words_for
from synvae_workbench.live.uploads import MAX_PICTURE_BYTES

ALIKE = 6
SHELF = 8  # examples of a kind to choose from at a time

Message = tuple[dict, list[bytes]]


def describe_page(explorers: Explorers, explorer: Explorer, state: State) -> dict:
    """The content of the page that the state of a model does not change: sliders and bounds."""
    sliders = [
        {
            "more": each.trait.more,
            "less": each.trait.less,
            "does": f"{each.trait.does}: {each.evidence} of the pictures.",
        }
        for each in explorer.sliders
    ]
    return {
        "sliders": sliders,
        "reach": REACH,
        "models": explorers.description(),
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
    explorers: Explorers,
    state: State,
    z: Float[Tensor, " z"],
    heard: LatentMelody,
    told: Told,
) -> Message:
    """The message that shows a state, and the pixels of the pictures that it names."""
    explorer, choice = explorers.open(state.model), explorers.models[state.model]
    known = state.known(choice.kind)
    seen, other = (each.seen_by(explorer.shape) for each in (state.picture, state.other))
    by_latents = explorer.nearest(heard.auditive, k=ALIKE, without=known)
    content = {
        "kind": "shown",
        **told._asdict(),
        "name": state.picture.name,
        "seen": seen.done,
        "other": state.other.name,
        "place": state.picture.place,
        "shape": list(explorer.shape),
        "ink": _is_ink(explorer, state.picture),
        "other_ink": _is_ink(explorer, state.other),
        "position": state.position,
        "model": state.model,
        "values": [  # of those that were moved, where to
            state.changes.get(number, float(each.value(z)))
            for number, each in enumerate(explorer.sliders)
        ],
        "by_latents": _choices(explorer, choice.kind, by_latents),
    }
    content["by_ear"], sounding_alike = by_ear(explorer, choice.kind, heard.events, known)
    pictures = (seen.pixels, heard.rebuilt, other.pixels, explorer.images[by_latents])
    buffers = [np.ascontiguousarray(each).tobytes() for each in pictures]
    return content, [*buffers, sounding_alike]


def sound_settings(state: State, *, performed: bool) -> dict:
    """How the melodies of a state sound, as the page's controls show it."""
    return {
        "program": state.program,
        "qpm": state.qpm,
        "temperature": state.temperature,
        "style": state.style,
        "font": state.font,
        "performed": performed,
    }


def original_message(picture: Picture) -> Message:
    """The message that shows a picture as it is, in its own shape and colours."""
    content = {
        "kind": "original",
        "shape": list(picture.original.shape),
        "ink": picture.is_ink and len(picture.original) == 1,
    }
    return content, [np.ascontiguousarray(picture.original).tobytes()]


def by_ear(
    explorer: Explorer, kind: str, events: Int[np.ndarray, " t"], index: int | None
) -> tuple[dict, bytes]:
    """Known pictures whose melodies sound like this one, and their pixels.

    No picture before all known ones were listened to; it says how many were.

    Args:
        kind: of the known pictures.
        index: of the known picture that this is, which is left out.
    """
    melodies, count = explorer.melodies, len(explorer.images)
    alike = melodies.nearest(events, k=ALIKE, without=index) if melodies.complete else []
    found = {"heard": melodies.heard, "of": count, **_choices(explorer, kind, alike)}
    return found, explorer.images[alike].tobytes()


def shelf_message(explorers: Explorers, number: int) -> Message:
    """A few examples of each kind that there is a model for, other ones for another number."""
    rows, pixels = [], []
    for kind in explorers.kinds:
        gallery = explorers.gallery(kind)
        if gallery.kind != kind:  # stands in where there is no picture of that kind
            continue
        size = min(SHELF, len(gallery.captions))
        indices = [(number * size + i) % len(gallery.captions) for i in range(size)]
        thumbnails = gallery.thumbnails[indices]
        rows.append(
            {
                "title": words_for(kind).capitalize(),
                "pictures": [[kind, i, gallery.captions[i]] for i in indices],
                "shape": list(thumbnails.shape[1:]),
                "ink": thumbnails.shape[1] == 1,
            }
        )
        pixels.append(thumbnails.tobytes())
    return {"kind": "shelf", "rows": rows}, pixels


def _choices(explorer: Explorer, kind: str, indices: Sequence[int]) -> dict:
    return {
        "pictures": [[kind, index, explorer.captions[index]] for index in indices],
        "shape": list(explorer.shape),
        "ink": explorer.shape[0] == 1,
    }


def _is_ink(explorer: Explorer, picture: Picture) -> bool:
    return explorer.shape[0] == 1 and picture.is_ink
