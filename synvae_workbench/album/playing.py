"""Playing of pictures: from the bytes of picture files to melodies, in files of several formats.

The same picture gives the same files byte by byte, whatever else is played: a model is always given
batches of one size, filled up with blank pictures, by one thread. Other processors may round
otherwise, and so may other versions of torch.
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Int, UInt8

from synvae_core.looks import Look
from synvae_core.models.storage import PRETRAINED
from synvae_core.models.synvae import SynVae, load_synvae
from synvae_core.music.coding import STEPS_PER_BAR
from synvae_core.music.midi import check_performance
from synvae_core.music.sound import Sound
from synvae_core.music.soundfonts import open_soundfont
from synvae_core.places import whole_path
from synvae_workbench.album.formats import FORMATS, sound_files
from synvae_workbench.data.pictures.files import MAX_BYTES, decode_whole, reason_of
from synvae_workbench.live.models import Choice, choose_model, list_models
from synvae_workbench.live.performed import as_performed, look_of
from synvae_workbench.live.pictures import looked_at, squares, words_for
from synvae_workbench.live.uploads import LONGEST_SHOWN

BATCH = 16  # pictures that a model plays at once; no figure of one depends on the others
STANDARD = "synvae_photos"  # the first of the shipped models


@dataclass(frozen=True)
class Playing:
    """Options of playing pictures.

    Args:
        model: folder of a SynVAE or name of a shipped one; empty: chosen by the kind of picture.
        bars: length, of those that the models have; None: the shortest.
        performance: whether a melody is performed as its picture looks; None: where the model
            draws with that, unless an instrument or a tempo is named.
        instrument: General MIDI program, 0..127.
        tempo: quarters per minute, 4..960.
        font: name or path of a sound font; empty: the packaged one.
        temperature: of the choice of notes, 0..1.5; 0: the likeliest ones.
        seed: of the choice of notes, at a temperature above 0.
        also: formats besides MIDI, of `formats.FORMATS`.
    """

    model: str = ""
    bars: int | None = None
    performance: bool | None = None
    instrument: int | None = None
    tempo: float | None = None
    font: str = ""
    temperature: float = 0.0
    seed: int = 0
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_performance(self.tempo or 120.0, self.instrument or 0, 80)
        if self.performance and not (self.instrument is None and self.tempo is None):
            raise ValueError(
                "a performance carries the picture's look by instrument and tempo: leave these or "
                "the performance out"
            )
        if not 0 <= self.temperature <= 1.5 or not 0 <= self.seed < 1 << 63:
            raise ValueError(
                f"expected a temperature of 0..1.5 and a seed of 0 or more, got "
                f"{self.temperature:g} and {self.seed}"
            )
        if unknown := [each for each in self.also if each not in FORMATS]:
            raise ValueError(f"expected formats of {', '.join(FORMATS)}, got {', '.join(unknown)}")
        if self.font:
            open_soundfont(self.font)  # refuses what is none

    @property
    def sound(self) -> Sound:
        """Sound of a melody that is not performed as a picture looks."""
        return Sound(self.tempo or 120.0, self.instrument or 0, soundfont=self.font)


class Source(NamedTuple):
    """A key to know a file by, its bytes, and of a tune the model that played it, if known."""

    key: int
    content: bytes
    model: str = ""


class Made(NamedTuple):
    """Files that were made of one source, by suffix, the one it is known by last; or the reason.

    `facts` are those of `layout.Entry`.
    """

    key: int
    files: dict[str, bytes]
    facts: dict[str, Any]
    reason: str = ""


class _Seen(NamedTuple):
    """A picture that waits to be played: pixels that the model is given, and its kind."""

    key: int
    pixels: UInt8[np.ndarray, "c h w"]
    facts: dict[str, Any]


class Melody(NamedTuple):
    """A melody of a picture, and how it is played."""

    events: Int[np.ndarray, " t"]
    sound: Sound
    look: Look | None


class Listener:
    """Plays pictures by one model, or each by the model for its kind.

    Raises:
        ValueError: if the model that is named cannot be used, or there is none of that length.
    """

    suffix, most_bytes = ".mid", MAX_BYTES

    def __init__(self, options: Playing) -> None:
        self.options = options
        self.choices = _choices(options)
        self._models: dict[int, SynVae] = {}
        if options.model:
            self.model(0)

    def make(self, pictures: Iterable[Source]) -> Iterator[Made]:
        """Files of pictures, in any order.

        Holds no more than a batch of small pictures for each model.
        """
        waiting: dict[int, list[_Seen]] = {}
        for key, content, _ in pictures:
            try:
                pixels = decode_whole(content, longest=LONGEST_SHOWN)
            except Exception as error:  # Pillow raises whatever the bytes provoke
                yield Made(key, {}, {}, reason_of(error))
                continue
            try:
                number, seen = self._see(key, pixels)
            except ValueError as error:  # no model that can be used
                yield Made(key, {}, {}, str(error))
                continue
            group = waiting.setdefault(number, [])
            group.append(seen)
            if len(group) == BATCH:
                yield from self._play(number, waiting.pop(number))
        for number, group in waiting.items():
            yield from self._play(number, group)

    def melodies(self, number: int, pictures: list[np.ndarray]) -> list[Melody]:
        """Melodies of up to `BATCH` pictures in the shape of a model, and how they are played."""
        model, options = self.model(number), self.options
        blank = np.zeros((BATCH - len(pictures), *pictures[0].shape), np.uint8)
        with one_thread(), torch.no_grad():
            pixels = torch.from_numpy(np.concatenate([np.stack(pictures), blank]))
            pixels = pixels.to(next(model.parameters()).device).float() / 255
            visual = model.image_encoder(pixels)
            z = model.best_take(pixels, visual, model.looks(pixels))
            if options.temperature:  # each by draws of its own
                played = torch.cat([self._drawn(model, each) for each in z[: len(pictures)]])
            else:
                played = model.music.decode(z)
        events = model.music.coding.canonical(played.cpu().numpy())
        return [
            self._melody(model, *each)
            for each in zip(events[: len(pictures)], pictures, strict=True)
        ]

    def model(self, number: int) -> SynVae:
        """A model of the choices, opened when it is first asked for."""
        if number not in self._models:
            device = "cuda" if torch.cuda.is_available() else "cpu"
            self._models[number] = load_synvae(self.choices[number].folder).to(device)
        return self._models[number]

    def _see(self, key: int, pixels: UInt8[np.ndarray, "h w 3"]) -> tuple[int, _Seen]:
        if self.options.model and (shape := self._shape(0))[0] == 3:  # nothing to be told apart
            return 0, _Seen(key, squares([pixels.transpose(2, 0, 1)], shape)[0], self._facts(0))
        picture = looked_at(pixels, "")
        number = 0 if self.options.model else self._number_for(picture.kind.name)
        facts = {"kind": picture.kind.name, "sure": picture.kind.sure}
        seen = picture.seen_by(self._shape(number)).pixels
        return number, _Seen(key, seen, self._facts(number) | facts)

    def _number_for(self, kind: str) -> int:
        """Number of the model for a kind, as on the live page."""
        number = choose_model(self.choices, kind, range(len(self.choices)))
        if self.options.bars and self.choices[number].kind != kind:
            raise ValueError(
                f"would be played by a model for {words_for(kind)}, of which none has "
                f"{self.options.bars} bars: leave the length out, or name a model"
            )
        return number

    def _shape(self, number: int) -> tuple[int, int, int]:
        visual = self.model(number).config.visual
        return visual.image_channels, visual.image_size, visual.image_size

    def _facts(self, number: int) -> dict[str, Any]:
        choice = self.choices[number]
        return {"model": self.options.model or choice.name, "steps": choice.steps}

    def _play(self, number: int, group: list[_Seen]) -> Iterator[Made]:
        melodies = self.melodies(number, [seen.pixels for seen in group])
        coding = self.model(number).music.coding
        for seen, melody in zip(group, melodies, strict=True):
            files = sound_files(melody.events, melody.sound, coding, also=self.options.also)
            look = None if melody.look is None else list(melody.look)
            yield Made(seen.key, files, seen.facts | {"look": look})

    def _melody(self, model: SynVae, events: np.ndarray, pixels: np.ndarray) -> Melody:
        if not self._performs(model) or not model.music.coding.notes(events):
            return Melody(events, self.options.sound, None)
        look = look_of(pixels)
        return Melody(events, as_performed(self.options.sound, look), look)

    def _performs(self, model: SynVae) -> bool:
        if self.options.performance is not None:
            return self.options.performance
        named = self.options.instrument is not None or self.options.tempo is not None
        return model.config.performance and not named

    def _drawn(self, model: SynVae, z: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(self.options.seed)
        temperature = self.options.temperature
        return model.music.decode(z[None], temperature=temperature, generator=generator)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Runs torch in one thread: sums of several may be rounded otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def model_place(name: str) -> str:
    """A model as it is stored in settings: the name of a shipped one, else an absolute path."""
    shipped = name and name == name.strip("/.") and "/" not in name and (PRETRAINED / name).is_dir()
    return name if shipped or not name else str(whole_path(name))


def _choices(options: Playing) -> list[Choice]:
    """The model that is named, else the shipped ones, those for a kind by their length."""
    name = options.model or STANDARD
    folder = PRETRAINED / name if (PRETRAINED / name).is_dir() else name
    found = list_models(folder, [] if options.model else [PRETRAINED])
    if not options.bars:
        return found
    fitting = [each for each in found if each.steps == options.bars * STEPS_PER_BAR]
    if not fitting:
        lengths = sorted({each.steps // STEPS_PER_BAR for each in found})
        raise ValueError(
            f"no model plays {options.bars} bars: choose {' or '.join(map(str, lengths))}, or "
            "leave the length out"
        )
    return fitting
