"""Materials of a listening test: task sets, key, pictures and sounds of a folder.

The folder is as notebook 25 writes it: `tasks.json`, or `listeners/NAME.json` of a blind design
with an order for each listener; `data/ID_orig.png` and `data/ID_audio.wav`. It may come from a
stranger. The folders that a task file names are where Syneval would look: they are never followed.
"""

import hashlib
import io
import json
import os
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image, UnidentifiedImageError

from synvae_core.places import whole_path
from synvae_workbench.listening.design import Key
from synvae_workbench.listening.files import read_key, read_tasks
from synvae_workbench.listening.scoring import Session, score
from synvae_workbench.listening.tasks import TaskSet

MOST_SOUND_BYTES = 2_500_000  # a notebook's server drops more than 3 MB in 3 s
MOST_PICTURE_BYTES = 500_000
MOST_SIDE = 1024  # of a picture, in pixels
SHOWN_SIDE = 256
SHORTEST_SECONDS, LONGEST_SECONDS = 0.2, 60.0
MOST_EXAMPLES, MOST_IDS = 60, 3000
MOST_LISTENERS = 1000
EVERYBODY = "everybody"  # the name of the one set that all listeners have


@dataclass(frozen=True)
class Materials:
    """Task sets by the name of their listener, the key to a blind design, and the media."""

    sets: dict[str, TaskSet]
    key: Key | None
    data: Path

    @property
    def first(self) -> TaskSet:
        """The task set of one listener; all have its classes and questions."""
        return next(iter(self.sets.values()))

    def class_of(self, tasks: TaskSet, each: int) -> str:
        """The name of the class of an option."""
        if self.key:
            return tasks.classes[self.key.labels[each]]
        options = next(task.options for task in tasks.tasks if each in task.options)
        return tasks.classes[options.index(each)]

    def picture(self, each: int) -> bytes:
        """The picture of an id as a PNG of its pixels alone, at most `SHOWN_SIDE` wide and high."""
        path = self.data / f"{each}_orig.png"
        return _naming_file(path, lambda: _decode_picture(_read_bounded(path, MOST_PICTURE_BYTES)))

    def all_pictures(self) -> set[bytes]:
        """The pictures of all sets, each once, as `picture` gives them."""
        ids = {each for tasks in self.sets.values() for each in tasks.ids}
        return {self.picture(each) for each in ids}

    def sound(self, each: int) -> bytes:
        """The sound of an id as FLAC of its samples alone."""
        return encode_flac(*self.samples(each))

    def samples(self, each: int) -> tuple[np.ndarray, int]:
        """The sound of an id, (n,) or (n, channels) of 16 bits, and its rate in Hz."""
        path = self.data / f"{each}_audio.wav"
        return _naming_file(path, lambda: _decode_sound(_read_bounded(path, MOST_SOUND_BYTES)))


def load_materials(folder: str | Path, key: str | Path = "") -> Materials:
    """Loads the task sets of a folder, and checks everything that they need.

    Args:
        folder: with `tasks.json` or `listeners/`, and `data/`.
        key: file of a blind design's key; by default `key.json` in `<folder>_key`, if there is one.

    Raises:
        ValueError: naming the file, if anything is missing, is not as expected or is too large.
    """
    folder = whole_path(folder)
    paths = sorted((folder / "listeners").glob("[!.]*.json"))[: MOST_LISTENERS + 1]
    if (folder / "tasks.json").is_file():
        sets = {EVERYBODY: read_tasks(folder / "tasks.json")}
    elif not paths:
        raise ValueError(f"{folder} has no tasks.json and no listeners/: expected a task set")
    elif len(paths) > MOST_LISTENERS:
        raise ValueError(f"{folder}/listeners has more than {MOST_LISTENERS:,} files")
    else:
        sets = {path.stem: read_tasks(path) for path in paths}
    beside = folder.with_name(f"{folder.name}_key") / "key.json"
    key = key or (beside if beside.is_file() else "")
    if not key and EVERYBODY not in sets:
        raise ValueError(f"{folder} is a blind design: name its key, such as {beside}")
    materials = Materials(sets, read_key(key) if key else None, folder / "data")
    _check_key(folder, materials)
    if len(materials.first.examples) > MOST_EXAMPLES:
        raise ValueError(f"{folder}: more than {MOST_EXAMPLES} examples, too many for a page")
    ids = sorted({each for tasks in sets.values() for each in tasks.ids})
    if len(ids) > MOST_IDS:
        raise ValueError(f"{folder} has {len(ids):,} pictures and sounds, at most {MOST_IDS:,}")
    for each in ids:  # all of it now: nobody is to meet a broken one in the middle of a test
        materials.picture(each)
        materials.samples(each)
    return materials


def fingerprint(tasks: TaskSet) -> str:
    """Hash of a task set: equal for the same questions in the same order."""
    return hashlib.sha256(json.dumps(asdict(tasks), sort_keys=True).encode()).hexdigest()[:16]


def _check_key(folder: Path, materials: Materials) -> None:
    """Checks that sets and key belong together, by scoring listeners who get everything right."""
    try:
        sets = materials.sets.values()
        perfect = [Session(each, tuple(task.answer for task in each.tasks)) for each in sets]
        score(perfect, materials.key)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def _check_file(path: Path, most: int) -> None:
    """Refuses what is no file of its folder, or too large, before it is opened."""
    try:
        status = os.lstat(path)
    except OSError as error:
        raise ValueError(f"{path} is missing: a task asks for it") from error
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is no plain file: a link or a folder is not followed")
    if not 0 < status.st_size <= most:
        raise ValueError(f"{path} has {status.st_size:,} bytes, expected 1 to {most:,}")


def _read_bounded(path: Path, most: int) -> bytes:
    _check_file(path, most)
    with path.open("rb") as file:
        return file.read(most)


def _naming_file(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except ValueError as error:
        named = str(error) if str(path) in str(error) else f"{path} {error}"
        raise ValueError(named) from error


def _decode_picture(content: bytes) -> bytes:
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if max(image.size) > MOST_SIDE:  # known before any pixel is
                raise ValueError(f"is {image.size[0]} x {image.size[1]}, more than {MOST_SIDE}")
            pixels = image.convert("L" if image.mode in ("1", "L", "I;16") else "RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError, UnidentifiedImageError) as error:
        raise ValueError(f"cannot be read as a PNG picture: {error!s:.100}") from error
    pixels.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    buffer = io.BytesIO()
    pixels.info.clear()  # whatever else stood in the file might tell the answer
    pixels.save(buffer, "PNG")
    return buffer.getvalue()


def _decode_sound(content: bytes) -> tuple[np.ndarray, int]:
    try:
        info = soundfile.info(io.BytesIO(content))
        if info.format not in ("WAV", "WAVEX") or info.channels > 2 or info.samplerate > 96_000:
            raise ValueError(f"is {info.format} of {info.channels} channels: expected mono WAV")
        if not SHORTEST_SECONDS <= info.duration <= LONGEST_SECONDS:
            raise ValueError(
                f"lasts {info.duration:.1f} s, expected {SHORTEST_SECONDS} to {LONGEST_SECONDS} s"
            )
        return soundfile.read(io.BytesIO(content), dtype="int16")
    except soundfile.SoundFileError as error:
        raise ValueError(f"cannot be read as sound: {error!s:.100}") from error


def encode_flac(samples: np.ndarray, rate: int) -> bytes:
    """Samples (n,) or (n, channels), 16 bits or in -1..1, as FLAC of 16 bits at `rate` Hz."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
