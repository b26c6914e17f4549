"""Files of a melody: MIDI always, and as asked WAV, MP3, OGG or MusicXML, the same byte by byte."""

import io
import struct
from collections.abc import Iterable

import numpy as np
import soundfile
from jaxtyping import Float32, Int

from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.render import SAMPLE_RATE, encode_audio
from synvae_core.music.sound import Sound
from synvae_workbench.notation import Part, music_xml

FORMATS = ("wav", "mp3", "ogg", "musicxml")
_POLYNOMIAL = 0x04C11DB7  # of the check sums of Ogg pages, RFC 3533


def sound_files(
    events: Int[np.ndarray, " t"],
    sound: Sound,
    coding: Coding = ONE_VOICE,
    *,
    also: Iterable[str] = (),
) -> dict[str, bytes]:
    """Files of a melody by suffix: those of the formats `also`, and its MIDI file last."""
    also = tuple(also)
    waveform = sound.perform(events, coding=coding) if {*also} - {"musicxml"} else None
    files = {}
    for name in also:
        if name == "musicxml":
            parts = [Part(coding.notes(events), program=sound.program)]
            steps = len(events) // coding.voices
            files[".musicxml"] = music_xml(parts, steps=steps, qpm=sound.qpm)
        else:
            files[f".{name}"] = encode(waveform, name)
    return files | {".mid": sound.midi(events, coding=coding)}


def encode(waveform: Float32[np.ndarray, " n"], name: str) -> bytes:
    """A waveform as a file in WAV, MP3 or OGG."""
    if name == "mp3":
        return encode_audio(waveform)
    buffer = io.BytesIO()
    kind, subtype = {"wav": ("WAV", "PCM_16"), "ogg": ("OGG", "VORBIS")}[name]
    soundfile.write(buffer, waveform, SAMPLE_RATE, format=kind, subtype=subtype)
    return _without_serial(buffer.getvalue()) if name == "ogg" else buffer.getvalue()


def _without_serial(ogg: bytes) -> bytes:
    """An Ogg file whose stream has number 0 in place of a random one."""
    pages, at = bytearray(ogg), 0
    while at < len(pages):
        segments = pages[at + 26]
        end = at + 27 + segments + sum(pages[at + 27 : at + 27 + segments])
        pages[at + 14 : at + 18] = pages[at + 22 : at + 26] = bytes(4)
        pages[at + 22 : at + 26] = struct.pack("<I", _check_sum(pages[at:end]))
        at = end
    return bytes(pages)


def _check_sum(page: bytes | bytearray) -> int:
    register = 0
    for byte in page:
        register = (register << 8 & 0xFFFFFFFF) ^ _TABLE[register >> 24 ^ byte]
    return register


def _table() -> list[int]:
    table = []
    for value in range(256):
        register = value << 24
        for _ in range(8):
            register = (register << 1 ^ _POLYNOMIAL * (register >> 31)) & 0xFFFFFFFF
        table.append(register)
    return table


_TABLE = _table()
