"""Reading of uploaded files: recognised by their first bytes, bounded before they are decoded.

A file is only ever bytes here. Its name is for sentences, and never a path.
"""

import io

import numpy as np
from jaxtyping import Float32, Integer, UInt8
from PIL import Image, UnidentifiedImageError

from synvae_core.music.midi_files import MAX_BYTES as MAX_MIDI_BYTES
from synvae_core.music.reading import read_opening
from synvae_workbench.data.audio_files import SILENCE, open_sound, sound_blocks
from synvae_workbench.data.files import BrokenFile
from synvae_workbench.data.pictures.files import decode_whole, reason_of

# A notebook's server closes the connection at 10 MiB.
MAX_PICTURE_BYTES = 8 << 20
# To decode; of a JPEG an eighth of the side is enough, and a telephone takes 50 million.
MAX_PIXELS, MAX_JPEG_PIXELS = 12_000_000, 64_000_000
LONGEST_SHOWN = 512  # side of an upload, in pixels, which goes to the page
MAX_NAME = 60
# Ten seconds in stereo, 24 bits and 48 kHz are 2.9 MB.
MAX_SOUND_BYTES = 4 << 20
SOUNDS = {b"RIFF": "WAV", b"fLaC": "FLAC", b"OggS": "Ogg"}  # by a file's first bytes
_PICTURES = {  # by a file's first bytes
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"RIFF": "WEBP",
    b"BM": "BMP",
}


def read_picture_upload(name: str, content: object) -> UInt8[np.ndarray, "h w 3"]:
    """Decodes an uploaded picture as it is, its longer side at most `LONGEST_SHOWN` pixels.

    Args:
        name: the file's, to say in a sentence.
        content: bytes, or anything that holds some.

    Raises:
        ValueError: if it is too large, of another format, or cannot be read, saying which.
    """
    name = printable_name(name)
    data = _bytes(name, content, MAX_PICTURE_BYTES, "save it smaller")
    try:
        _refuse_bomb(data)
        return decode_whole(data, longest=LONGEST_SHOWN)
    except Exception as error:  # Pillow raises whatever the bytes provoke
        raise ValueError(f"{name} {_reason(error)}") from error


def read_midi_upload(name: str, content: object, *, steps: int) -> Integer[np.ndarray, " t"]:
    """Decodes the event ids (steps,) of an uploaded MIDI file, as `reading.read_opening` does.

    Raises:
        ValueError: if it is too large, no MIDI file, broken, or has no notes, saying which.
    """
    name = printable_name(name)
    data = _bytes(name, content, MAX_MIDI_BYTES, "export the melody alone")
    return read_opening(data, steps=steps, name=name)


def read_sound_upload(
    name: str, content: object, *, seconds: tuple[float, float]
) -> tuple[Float32[np.ndarray, " n"], int]:
    """Decodes an uploaded sound to mono without its mean, the peak at 1, and its rate in Hz.

    Args:
        seconds: least and greatest length; no more than that is decoded.

    Raises:
        ValueError: if it is too large, of another format, broken, too short, too long or silent,
            saying which.
    """
    name = printable_name(name)
    data = _bytes(name, content, MAX_SOUND_BYTES, "cut it shorter")
    if data[:4] not in SOUNDS:
        raise ValueError(f"{name} is no WAV, FLAC or Ogg file: save it as one of these")
    try:
        with open_sound(data) as file:
            rate, blocks, count = file.samplerate, [], 0
            for block in sound_blocks(file):
                blocks.append(block.mean(1, dtype=np.float64))
                count += len(block)
                if count > seconds[1] * rate:
                    raise BrokenFile(f"lasts more than {seconds[1]:g} s: cut it shorter")
        if count < seconds[0] * rate:
            raise BrokenFile(f"lasts {count / rate:.2f} s: at least {seconds[0]:g} s are needed")
        mono = np.concatenate(blocks)
        mono -= mono.mean()
        peak = np.abs(mono).max()
        if peak < SILENCE:
            raise BrokenFile("is silent: record it louder")
    except BrokenFile as error:
        raise ValueError(f"{name} {error}") from error
    return (mono / peak).astype(np.float32), rate


def printable_name(name: str, *, default: str = "Your file") -> str:
    """Cleans a name for printing: nothing that moves or hides text, not long; else `default`."""
    shown = "".join(letter for letter in name if letter.isprintable()).strip()
    return (shown if len(shown) <= MAX_NAME else f"{shown[:MAX_NAME]}…") or default


def _bytes(name: str, content: object, most: int, advice: str) -> bytes:
    size = memoryview(content).nbytes
    if size > most:
        raise ValueError(f"{name} has {size:,} bytes, more than {most:,}: {advice}")
    return bytes(content)


def _refuse_bomb(data: bytes) -> None:
    """Refuses pictures too large to decode, by the first bytes and the header alone."""
    kind = next((kind for start, kind in _PICTURES.items() if data.startswith(start)), None)
    if kind is None:
        raise BrokenFile("is no PNG, JPEG, WebP, GIF or BMP picture: save it as one")
    with Image.open(io.BytesIO(data), formats=[kind]) as image:
        pixels = image.width * image.height
    most = MAX_JPEG_PIXELS if kind == "JPEG" else MAX_PIXELS
    if pixels > most:
        raise BrokenFile(f"has {pixels:,} pixels, more than {most:,}: save it smaller")


def _reason(error: Exception) -> str:
    """The reason for refusing a picture, to follow its name in a sentence."""
    if isinstance(error, UnidentifiedImageError):
        return "is broken: export or copy it again"
    if isinstance(error, (MemoryError, Image.DecompressionBombError)):
        return "is too large to be decoded: save it smaller"
    return reason_of(error)
