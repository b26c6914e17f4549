"""Audio players for notebooks and reports, as HTML that fetches nothing.

The sound is embedded as MP3. Melodies are performed, all equally loud by how they are heard; a
waveform keeps its true loudness. (`IPython.display.Audio` embeds WAV, twenty times as large, and
gives every clip the same peak.)
"""

import html
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from IPython.display import HTML
from jaxtyping import Integer
from PIL import Image

from synvae_core.music.coding import STEPS_PER_BAR
from synvae_core.music.render import SAMPLE_RATE, encode_audio
from synvae_core.music.sound import PIANO, Sound
from synvae_workbench.live.assets import data_uri
from synvae_workbench.plots.roll_images import piano_roll_image

PICTURE_HEIGHT_REM = 6
# One player at a time; without JavaScript they merely do not stop each other.
STOP_OTHERS = "for (const a of document.querySelectorAll('audio')) if (a !== this) a.pause()"
# The cursor of a roll follows the sound, by whole bars where motion is not wanted; see `Picture`.
FOLLOW = (
    "const c = this.closest('figure').querySelector('[data-seconds]'), d = c.dataset, "
    "still = matchMedia('(prefers-reduced-motion: reduce)').matches, go = () => { "
    "const at = Math.min(1, this.currentTime / d.seconds); c.hidden = at === 0 || at === 1; "
    "c.style.left = `${100 * (still ? Math.floor(at * d.bars) / d.bars : at)}%`; "
    "if (!this.paused) requestAnimationFrame(go) }; go()"
)


class Picture(NamedTuple):
    """An image (h, w) or (h, w, 3), uint8 or float in 0..1, and the text that stands for it.

    Of one that is `timed` the width is the time of the melody: a cursor runs along while it plays.
    """

    image: np.ndarray
    alt: str
    timed: bool = False


class PlayerItem(NamedTuple):
    """Music of one player in a grid, its caption, pictures above it, and a sound of its own."""

    music: np.ndarray
    label: str
    pictures: Sequence[Picture] = ()
    sound: Sound | None = None


def roll_picture(events: Integer[np.ndarray, " t"], alt: str) -> Picture:
    """Piano roll of a melody, along which a cursor runs in its player.

    Raises:
        ValueError: as `piano_roll_image`.
    """
    return Picture(piano_roll_image(np.asarray(events)), alt, timed=True)


def audio_player(
    music: np.ndarray,
    *,
    label: str,
    pictures: Sequence[Picture] = (),
    sound: Sound = PIANO,
    sample_rate: int = SAMPLE_RATE,
) -> HTML:
    """A player of one melody or waveform, captioned; works by keyboard and without JavaScript.

    Args:
        music: integers are the event ids (t,) of a melody; floats are a mono waveform (n,).
        label: the caption, also what a screen reader calls the player.
        pictures: shown side by side above the player.
        sound: how a melody is played; a waveform ignores it.
        sample_rate: of a waveform, in Hz; a melody ignores it.

    Raises:
        ValueError: if the label is empty, `music` is neither, or a waveform leaves -1..1.
    """
    if not label.strip():
        raise ValueError("a player needs a label that says what it plays")
    music = np.asarray(music)
    if music.ndim != 1 or music.dtype.kind not in "iuf":
        raise ValueError(
            f"{label!r}: music is event ids (t,) or a float waveform (n,), "
            f"got {music.dtype} of shape {music.shape}"
        )
    cursor, follow = "", STOP_OTHERS
    if music.dtype.kind != "f":
        cursor = _cursor(len(music), sound) if any(each.timed for each in pictures) else ""
        music, sample_rate = sound.perform(music), SAMPLE_RATE
    if cursor:
        follow = f'{STOP_OTHERS}; {FOLLOW}" onseeked="{FOLLOW}'
    text = html.escape(label)
    return HTML(
        '<figure style="margin:0;min-width:0;display:flex;flex-direction:column;gap:.4em">'
        f"{_picture_row(pictures, cursor)}"
        f'<audio controls preload="metadata" aria-label="{text}" onplay="{follow}" '
        'style="width:100%;min-width:0" '
        f'src="{data_uri("audio/mpeg", encode_audio(music, sample_rate))}"></audio>'
        f'<figcaption style="font-size:.9em;line-height:1.3">{text}</figcaption></figure>'
    )


def player_grid(
    items: Sequence[PlayerItem],
    *,
    columns: int = 5,
    sound: Sound = PIANO,
    sample_rate: int = SAMPLE_RATE,
) -> HTML:
    """Players in rows of at most `columns`, fewer on a narrow page.

    The sound is an item's own or else `sound`, as in `audio_player`.

    Raises:
        ValueError: unless columns >= 1, or where `audio_player` does.
    """
    if columns < 1:
        raise ValueError(f"columns is at least 1, got {columns}")
    players = [
        audio_player(
            item.music,
            label=item.label,
            pictures=item.pictures,
            sound=item.sound or sound,
            sample_rate=sample_rate,
        ).data
        for item in items
    ]
    share = f"calc((100% - {columns - 1}rem) / {columns})"
    # Colours are inherited, and the line is translucent grey: both themes of JupyterLab show it.
    return HTML(
        '<div role="group" style="display:grid;gap:1rem;align-items:end;margin:.5rem 0;'
        f'grid-template-columns:repeat(auto-fill,minmax(max(11rem,{share}),1fr))">'
        + "".join(
            '<div style="min-width:0;padding:.6rem;border:1px solid rgba(128,128,128,.35);'
            f'border-radius:.5rem">{player}</div>'
            for player in players
        )
        + "</div>"
    )


def _cursor(steps: int, sound: Sound) -> str:
    """A line, hidden until the sound runs, that knows how long the roll is that it crosses."""
    return (
        f'<i data-seconds="{steps * sound.step_seconds:.3f}" data-bars="{steps / STEPS_PER_BAR:g}" '
        'hidden style="position:absolute;top:0;bottom:0;left:0;border-left:2px solid #d1495b"></i>'
    )


def _picture_row(pictures: Sequence[Picture], cursor: str = "") -> str:
    if not pictures:
        return ""
    sources = [picture_uri(picture) for picture in pictures]
    # Width over height; as shares of the row they make all pictures equally high.
    aspects = [picture.image.shape[1] / picture.image.shape[0] for picture in pictures]
    images = "".join(
        f'<span style="position:relative;display:flex;flex:{aspect:.3f} 1 0;min-width:0">'
        f'<img alt="{html.escape(picture.alt)}" src="{source}" style="width:100%;min-width:0;'
        f'aspect-ratio:{aspect:.3f};margin:0;image-rendering:pixelated">'
        f"{cursor if picture.timed else ''}</span>"
        for picture, source, aspect in zip(pictures, sources, aspects, strict=True)
    )
    return (
        '<div style="display:flex;gap:.4rem;align-items:center;width:100%;margin:0 auto;'
        f'max-width:{PICTURE_HEIGHT_REM * sum(aspects):.2f}rem">{images}</div>'
    )


def picture_uri(picture: Picture) -> str:
    """The image of a picture as a PNG, in a data URI.

    Raises:
        ValueError: if it is no image as `Picture` has it, naming it by its text.
    """
    image = np.asarray(picture.image)
    in_range = image.dtype == np.uint8 or (
        image.dtype.kind == "f" and image.size and image.min() >= 0 and image.max() <= 1
    )
    if not in_range or not (image.ndim == 2 or (image.ndim == 3 and image.shape[-1] == 3)):
        raise ValueError(
            f"the picture {picture.alt!r} is {image.dtype} of shape {image.shape}; expected "
            "(h, w) or (h, w, 3), uint8 or float within 0..1"
        )
    if image.dtype != np.uint8:
        image = np.round(image * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", optimize=True)
    return data_uri("image/png", buffer.getvalue())
