"""General MIDI sound fonts: those found on the system, and notes played on them by tinysoundfont.

The packaged font is that of pretty_midi. Where systems keep others they are found by name, and
`SYNVAE_SOUNDFONTS` names more folders or files. Both SoundFont 2 (.sf2) and SoundFont 3 (.sf3) are
read. Modulators are ignored, by which some fonts vary an instrument's timbre with velocity.
"""

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from synvae_core.music.coding import MAX_PITCH, MIN_PITCH
from synvae_core.music.soundfont_cut import cut_instrument
from synvae_core.music.soundfont_files import FontFile, read_font
from synvae_core.places import whole_path
from synvae_core.small_files import read_json

PACKAGED = "TimGM6mb"
FOLDERS = (
    *("/usr/share/sounds/sf2", "/usr/share/sounds/sf3", "/usr/share/soundfonts"),
    *("/usr/local/share/soundfonts", "~/.local/share/soundfonts", "~/Library/Audio/Sounds/Banks"),
)
VARIABLE = "SYNVAE_SOUNDFONTS"  # more folders or files, separated as in PATH
SUFFIXES = {".sf2", ".sf3"}
GAINS = Path(__file__).with_name("program_gains.json")
GAIN_RATE = 32_000  # Hz, at which gains are measured
NOTE_PEAK = 0.42  # a program's loudest note at velocity 127; overlapping releases double it
PERCUSSION_CHANNEL = 9
DRUM_BANK = 128


class SoundFont(NamedTuple):
    """A sound font by its name and its file."""

    name: str
    path: Path


class Strike(NamedTuple):
    """What a key does at a sample: it is struck with a velocity, or let go with velocity 0."""

    sample: int
    velocity: int
    pitch: int


def found() -> dict[str, Path]:
    """Files of the sound fonts here by name: the packaged one first, the others in order.

    A name is that of the file; a link counts as the file it leads to.
    """
    named = os.environ.get(VARIABLE, "").split(os.pathsep)
    places = [whole_path(place) for place in (*named, *FOLDERS) if place]
    files = [
        file.resolve()
        for place in places
        for file in (sorted(place.glob("[!.]*")) if place.is_dir() else [place])
        if file.suffix.lower() in SUFFIXES and file.is_file()
    ]
    others = {file.stem: file for file in reversed(files) if file.stem != PACKAGED}
    return {PACKAGED: _packaged(), **{name: others[name] for name in sorted(others)}}


def open_soundfont(font: str | os.PathLike = "") -> SoundFont:
    """The sound font of that name or path; empty: the packaged one.

    Raises:
        ValueError: if there is none of that name or path, or if it is no sound font, as
            `soundfont_files.read_font` has it.
    """
    known = found()
    if not os.fspath(font):
        return SoundFont(PACKAGED, known[PACKAGED])
    by_name = {name.casefold(): name for name in known}
    name = by_name.get(str(font).casefold())
    path = known[name] if name else whole_path(font)
    if name is None and not path.is_file():
        raise ValueError(
            f"there is no sound font {str(font)!r}, nor a file {path}; choose one of "
            f"{', '.join(known)}, or the path of a file (.sf2 or .sf3), or name its folder in "
            f"{VARIABLE}"
        )
    _font_file(path, path.stat().st_mtime_ns)
    return SoundFont(name or path.stem, path)


def play(
    font: SoundFont,
    strikes: Sequence[Strike],
    instrument: tuple[int, bool],
    sample_rate: int,
    samples: int,
) -> Float32[np.ndarray, " samples"]:
    """Mono waveform (samples,) of one instrument, as loud as any of `NOTE_PEAK`.

    Args:
        strikes: in order.
        instrument: a General MIDI program, 0..127, and whether it is a drum kit.

    Raises:
        ValueError: if the font has no such instrument, or that is corrupt.
    """
    return _gain(font, *instrument) * _play(font, strikes, instrument, sample_rate, samples)


def _play(
    font: SoundFont,
    strikes: Sequence[Strike],
    instrument: tuple[int, bool],
    sample_rate: int,
    samples: int,
) -> np.ndarray:
    import tinysoundfont

    # A synthesiser of its own for each clip: one that has played before renders a new phase.
    synth = tinysoundfont.Synth(samplerate=sample_rate)
    program, is_drum = instrument
    channel = PERCUSSION_CHANNEL if is_drum else 0
    try:
        loaded = synth.sfload(_font_bytes(font, strikes, instrument))
        synth.program_select(channel, loaded, 0, program, is_drum)
    except RuntimeError as error:
        raise ValueError(
            f"{font.path}: program {program} cannot be played ({error}); choose another program "
            "or sound font"
        ) from error
    blocks, now = [np.zeros((0, 2), np.float32)], 0
    for at, velocity, pitch in [*strikes, (samples, 0, 0)]:
        if at > now:
            block = np.frombuffer(synth.generate(at - now), np.float32)
            blocks.append(block.reshape(-1, 2))
            now = at
        if velocity:
            synth.noteon(channel, pitch, velocity)
        else:
            synth.noteoff(channel, pitch)
    return np.concatenate(blocks).mean(1)


def _font_bytes(font: SoundFont, strikes: Sequence[Strike], instrument: tuple[int, bool]) -> bytes:
    """A font that has the instrument: the packaged one whole, of others what is played."""
    if font.name == PACKAGED:  # to the bit as ever: elsewhere in a file a sample is rounded anew
        return _packaged_bytes()
    program, is_drum = instrument
    played = [(strike.pitch, strike.velocity) for strike in strikes if strike.velocity]
    file = _font_file(font.path, font.path.stat().st_mtime_ns)
    kits = file.tables["phdr"]["preset"][:-1][file.tables["phdr"]["bank"][:-1] == DRUM_BANK]
    if is_drum and program not in kits:
        program = 0  # the standard kit
    return cut_instrument(file, DRUM_BANK * is_drum, program, played)


@lru_cache(maxsize=4)
def _font_file(path: Path, changed: int) -> FontFile:
    """The tables of a font; those of a file that has `changed` since are read again."""
    return read_font(path)


def _packaged() -> Path:
    return Path(str(resources.files("pretty_midi"))) / f"{PACKAGED}.sf2"


@lru_cache(maxsize=1)
def _packaged_bytes() -> bytes:
    return _packaged().read_bytes()


def _gain(font: SoundFont, program: int, is_drum: bool) -> float:
    """The factor that makes a program's loudest note at velocity 127 peak at `NOTE_PEAK`."""
    known = {} if is_drum or font.name != PACKAGED else _known_gains()
    return known.get(str(program)) or _measured_gain(font, program, is_drum)


@lru_cache(maxsize=1)
def _known_gains() -> dict[str, float]:
    """Recorded `_measured_gain`s, which would delay a first sound; empty for another font."""
    known = read_json(GAINS)
    return known["gains"] if hashlib.sha256(_packaged_bytes()).hexdigest() == known["font"] else {}


@lru_cache(maxsize=1024)
def _measured_gain(font: SoundFont, program: int, is_drum: bool) -> float:
    second = GAIN_RATE
    pitches = range(MIN_PITCH, MAX_PITCH + 1, 3)
    strikes = [Strike(2 * i * second, 127, pitch) for i, pitch in enumerate(pitches)]
    strikes += [Strike((2 * i + 1) * second, 0, pitch) for i, pitch in enumerate(pitches)]
    samples = 2 * len(pitches) * second
    peak = np.abs(_play(font, sorted(strikes), (program, is_drum), GAIN_RATE, samples)).max()
    return NOTE_PEAK / max(float(peak), 0.05)  # some sound effects are nearly silent
