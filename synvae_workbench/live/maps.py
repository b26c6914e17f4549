"""Maps of pictures on which a click plays the melody, as HTML that fetches nothing.

Every melody is in the page as its notes, which the browser plays by WebAudio; marked items carry
their rendered sound as well. One page may have many maps; those of one map share its pictures.
"""

import html
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from IPython.display import HTML
from jaxtyping import Float, Integer, UInt8
from PIL import Image

from synvae_core.music.coding import MIN_PITCH
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.render import SAMPLE_RATE, encode_audio
from synvae_core.music.sound import PIANO, Sound
from synvae_workbench.live.assets import data_uri

HERE = Path(__file__).parent
FIRST_CHARACTER = 35  # of the code that has one printable character for each number
MARGIN = 0.03  # of a map, kept free at each side
GOLDEN_ANGLE = 137.5  # between the hues of one class and the next: neighbours differ


class MapItems(NamedTuple):
    """Items of a map: pictures as thumbnails, event ids of their melodies, and class names."""

    pictures: UInt8[np.ndarray, "items h w"] | UInt8[np.ndarray, "items h w 3"]
    events: Integer[np.ndarray, "melodies t"]
    labels: Sequence[str]


def melody_map(
    layouts: Mapping[str, Float[np.ndarray, "n 2"]],
    items: MapItems,
    *,
    title: str,
    rendered: Sequence[int] = (),
    sound: Sound = PIANO,
) -> HTML:
    """HTML of pictures at their places, played by a click or the enter key, walked by arrow keys.

    Args:
        layouts: places on a plane by the name of the layout; in the page one chooses among them.
        items: by their labels they are coloured and can be singled out.
        title: what a screen reader calls the map.
        rendered: indices of items that play their rendered sound, some 30 KB each; marked by a
            note.
        sound: tempo of the map, and all of how the rendered items sound.

    Raises:
        ValueError: if there is no layout or no item, if layouts, pictures, melodies and labels
            differ in number, or a place is not finite, a label or the title empty, an event id
            unknown, or a rendered item none.
    """
    pictures, events, labels = items
    notes = [_code(row) for row in events]
    _check(layouts, items, title, rendered)
    columns = math.ceil(math.sqrt(len(labels)))
    classes = sorted(set(labels))
    sounds = {
        int(item): data_uri("audio/mpeg", encode_audio(sound.perform(events[item]), SAMPLE_RATE))
        for item in rendered
    }
    data = {
        "layouts": {name: _to_percent(places) for name, places in layouts.items()},
        "notes": notes,
        "first": FIRST_CHARACTER,
        "lowest": MIN_PITCH,
        "steps": events.shape[1],
        "classes": [
            {"name": name, "colour": f"hsl({GOLDEN_ANGLE * i % 360:.0f} 75% 50%)"}
            for i, name in enumerate(classes)
        ],
        "classOf": [classes.index(label) for label in labels],
        "sprite": _sprite(pictures, columns),
        "columns": columns,
        "width": pictures.shape[2],
        "height": pictures.shape[1],
        "sounds": sounds,
        "stepSeconds": sound.step_seconds,
    }
    return HTML(
        # The attribute keeps JupyterLab from taking the arrow keys for its own shortcuts.
        '<div class="melody-map" role="group" data-lm-suppress-shortcuts="true" '
        f'aria-label="{html.escape(title)}">'
        f"<style>{(HERE / 'map.css').read_text(encoding='utf-8')}</style>"
        f'<script type="application/json">{_json(data)}</script>'
        "<noscript>This map is drawn and played by JavaScript.</noscript>"
        f"<script>{(HERE / 'map.js').read_text(encoding='utf-8')}</script></div>"
    )


def _code(events: np.ndarray) -> str:
    """The notes of a melody, three characters each: first step, length, semitones above A0."""
    numbers = (
        number
        for start, end, pitch, _ in ONE_VOICE.notes(events)
        for number in (start, end - start, pitch - MIN_PITCH)
    )
    return "".join(chr(FIRST_CHARACTER + number) for number in numbers)


def _check(
    layouts: Mapping[str, np.ndarray], items: MapItems, title: str, rendered: Sequence[int]
) -> None:
    pictures, events, labels = items
    sizes = {f"layout {name!r}": len(places) for name, places in layouts.items()}
    sizes |= {"pictures": len(pictures), "melodies": len(events), "labels": len(labels)}
    if not layouts or len(set(sizes.values())) != 1 or not len(labels):
        raise ValueError(f"a map wants a layout and as many of everything, at least 1: got {sizes}")
    for name, places in layouts.items():
        if not np.isfinite(places).all():
            raise ValueError(f"layout {name!r} has a place that is not finite: NaN or infinity")
    for text in (title, *layouts, *labels):
        if not text.strip():
            raise ValueError(
                "the title, every layout and every label need a text: got an empty one"
            )
    for item in rendered:
        if not 0 <= item < len(labels):
            raise ValueError(f"rendered items are 0..{len(labels) - 1}: got {item}")


def _to_percent(places: np.ndarray) -> list[list[float]]:
    """Places in percent of the map's width and height, the second axis upward."""
    places = places.astype(np.float64)
    low, extent = places.min(0), np.ptp(places, axis=0)
    share = np.where(extent > 0, (places - low) / np.where(extent > 0, extent, 1), 0.5)
    share[:, 1] = 1 - share[:, 1]
    return (100 * (MARGIN + (1 - 2 * MARGIN) * share)).round(2).tolist()


def _sprite(pictures: np.ndarray, columns: int) -> str:
    """Packs all pictures into one, row after row: grey ones as PNG, others as JPEG."""
    count, height, width = pictures.shape[:3]
    rows = -(-count // columns)
    sheet = np.zeros((rows * columns, *pictures.shape[1:]), np.uint8)
    sheet[:count] = pictures
    sheet = sheet.reshape(rows, columns, *sheet.shape[1:]).swapaxes(1, 2)
    image = Image.fromarray(sheet.reshape(rows * height, columns * width, *pictures.shape[3:]))
    kind, options = ("PNG", {"optimize": True}) if pictures.ndim == 3 else ("JPEG", {"quality": 85})
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return data_uri(f"image/{kind.lower()}", buffer.getvalue())


def _json(data: Any) -> str:
    """Encodes JSON such that it cannot end the element it stands in."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
