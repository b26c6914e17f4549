"""What an album's page shows of each entry: its picture, roll, sound, and the picture drawn of it.

Small ones are in the page; of more than a few they lie beside it and are loaded as they are seen.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from synvae_core.atomic import write_bytes
from synvae_core.looks import Look
from synvae_core.music.coding import STEPS_PER_BAR
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi_files import MAX_BYTES as MAX_MIDI
from synvae_core.music.performance import performance_words
from synvae_core.music.reading import read_windows
from synvae_core.music.rolls import roll_codes
from synvae_core.music.sound import Sound
from synvae_core.small_files import read_small
from synvae_workbench.album.drawing import Drawer, Drawing
from synvae_workbench.album.formats import encode
from synvae_workbench.album.layout import Entry, hidden_folder
from synvae_workbench.data.files import inspect_file, path_within, printable
from synvae_workbench.data.pictures.files import MAX_BYTES as MAX_PICTURE
from synvae_workbench.data.pictures.files import decode_whole, png_of
from synvae_workbench.live.assets import data_uri
from synvae_workbench.live.performed import as_performed
from synvae_workbench.plots.roll_images import piano_roll_image

BESIDE = "page"  # folder in the album's hidden one
THUMBNAIL = 192  # longest side, in pixels
STEP_PIXELS, ROLL_PIXELS = 4, 72
MOST_SOUND = 50_000_000  # bytes of a sound that is embedded
TYPES = {".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".wav": "audio/wav"}
TYPES |= {".webp": "image/webp", ".png": "image/png"}


class Card(NamedTuple):
    """An entry as the page shows it; addresses, all but `midi` perhaps with their data in them.

    `picture` and `back` are None where there is none that can be read or drawn.
    """

    number: int
    name: str
    picture: str | None
    roll: str
    back: str | None
    sound: str
    midi: str
    seconds: float
    bars: float
    words: str
    notes: int
    codes: UInt8[np.ndarray, " t"]


class Files:
    """Files of an album's page: in addresses, or in a folder beside it.

    Args:
        embedded: whether all is in the page.
    """

    def __init__(self, album: Path, *, embedded: bool) -> None:
        self.album, self.embedded = album, embedded
        self.folder = hidden_folder(album) / BESIDE
        self.used: set[str] = set()

    def made(self, name: str, make: Callable[[], bytes]) -> str:
        """Address of a file that is made if it is not there yet."""
        if self.embedded:
            return data_uri(TYPES[Path(name).suffix], make())
        path = self.folder / name
        if not path.is_file():
            write_bytes(path, make())
        self.used.add(name)
        return address(path.relative_to(self.album).as_posix())

    def own(self, name: str) -> str | None:
        """Address of a file of the album, by its path there; None if it has none that is whole."""
        if inspect_file(self.album, name, max_bytes=MOST_SOUND).fault:
            return None
        if not self.embedded:
            return address(name)
        content = read_small(self.album / name, most_bytes=MOST_SOUND)
        return data_uri(TYPES[Path(name).suffix], content)

    def remove_others(self) -> None:
        """Removes files of entries that are gone or changed."""
        for path in self.folder.glob("*") if self.folder.is_dir() else ():
            if path.name not in self.used:
                path.unlink(missing_ok=True)


class Cards:
    """Makes cards of entries.

    Args:
        settings: those of the album: model, instrument, tempo and sound font.
    """

    def __init__(self, files: Files, settings: Mapping[str, object]) -> None:
        self.files, self._settings = files, settings
        self._drawer, self._unusable = Drawer(Drawing()), set[str]()

    def card(self, entry: Entry) -> Card:
        """Card of an entry.

        Raises:
            ValueError: if its melody cannot be read.
        """
        midi = path_within(f"{entry.stem}.mid")
        if fault := inspect_file(self.files.album, midi, max_bytes=MAX_MIDI).fault:
            raise ValueError(f"its file {printable(midi)} {fault}")
        content = read_small(self.files.album / midi, most_bytes=MAX_MIDI)
        steps = entry.facts.get("steps")
        windows, look = read_windows(content, steps=steps if isinstance(steps, int) else 32)
        sound = self._sound(look)
        key = f"{entry.number}-{entry.change}"
        whole = windows.reshape(-1)  # of a long file all windows, one after the other
        return Card(
            number=entry.number,
            name=printable(entry.name),
            picture=self._picture(entry, key),
            roll=self.files.made(f"{key}-roll.png", lambda: _roll(whole)),
            back=self._back(entry, key, content),
            sound=self._recorded(entry)
            or self.files.made(f"{key}.mp3", lambda: encode(sound.perform(whole), "mp3")),
            midi=address(midi),
            seconds=len(whole) * sound.step_seconds,
            bars=len(whole) / STEPS_PER_BAR,
            words="" if look is None else performance_words(look),
            notes=len(ONE_VOICE.notes(whole)),
            codes=roll_codes(windows[:1])[0],
        )

    def _sound(self, look: Look | None) -> Sound:
        font = str(self._settings.get("font") or "")
        if look is not None:
            return as_performed(Sound(soundfont=font), look)
        tempo, program = self._settings.get("tempo"), self._settings.get("instrument")
        return Sound(float(tempo or 120), int(program or 0), soundfont=font)  # type: ignore[arg-type]

    def _recorded(self, entry: Entry) -> str | None:
        """Address of the sound that the album has of an entry."""
        found = (self.files.own(f"{entry.stem}{suffix}") for suffix in (".mp3", ".ogg", ".wav"))
        return next((each for each in found if each), None)

    def _picture(self, entry: Entry, key: str) -> str | None:
        def small() -> bytes:
            content = read_small(entry.source, most_bytes=MAX_PICTURE)
            return _webp(decode_whole(content, longest=THUMBNAIL))

        try:
            return self.files.made(f"{key}.webp", small)
        except Exception:  # moved since; or Pillow raises whatever the bytes provoke
            return None

    def _back(self, entry: Entry, key: str, midi: bytes) -> str | None:
        """Address of the picture that the model draws of the melody."""
        model = str(self._settings.get("model") or entry.facts.get("model") or "")
        if not model:
            return None
        if model in self._unusable:
            return None
        try:
            self._drawer.model(model)
        except (ValueError, OSError, ModuleNotFoundError):
            self._unusable.add(model)  # gone since, or a package of it is missing
            return None
        draw = self._drawer.pictures
        return self.files.made(f"{key}-back.png", lambda: png_of(draw(midi, model)[0]))


def address(path: str) -> str:
    """Relative address of a file in the album: no letter of a name means anything in it."""
    return "./" + quote(path, safe="/", errors="surrogateescape")


def _roll(events: Int[np.ndarray, " t"]) -> bytes:
    pitches = [note.pitch for note in ONE_VOICE.notes(events)] or [0]
    height = max(ROLL_PIXELS, max(pitches) - min(pitches) + 1)  # wide ones have a pixel a semitone
    image = piano_roll_image(events, step_pixels=STEP_PIXELS, height=height)
    return _saved(Image.fromarray(image).quantize(64), "PNG", optimize=True)


def _webp(picture: UInt8[np.ndarray, "h w 3"]) -> bytes:
    return _saved(Image.fromarray(picture), "WEBP", quality=75)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
