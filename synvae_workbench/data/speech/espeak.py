"""Speech synthesis by eSpeak NG, of the package espeakng-loader, through its C interface.

The library keeps global state, so that its output depends on earlier calls, and a crash in it would
end the process. So it runs in a process of its own, a new one for each list of words, which makes
the output reproducible.
"""

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int16

from synvae_core.small_files import parse_json
from synvae_workbench.data.cache import read_arrays, write_arrays

TIMEOUT = 300  # seconds; thousands of words take less than ten
ADVICE = "run `pip install --force-reinstall espeakng-loader`"
_SYNCHRONOUS, _DONT_EXIT = 2, 0x8000  # AUDIO_OUTPUT_SYNCHRONOUS, espeakINITIALIZE_DONT_EXIT
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeakRATE, espeakPITCH, espeakRANGE
_UTF8 = 1  # espeakCHARS_UTF8
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Utterance(NamedTuple):
    """A word to synthesise, with voice and prosody.

    `voice` is a language and after "+" a variant; `rate` is in words a minute (80 to 450), `pitch`
    and its `range` are 0 to 100.
    """

    word: str
    voice: str
    rate: int = 175
    pitch: int = 50
    range: int = 50


def speak(utterances: Sequence[Utterance]) -> tuple[list[Int16[np.ndarray, " _"]], int]:
    """Synthesises utterances; returns their mono samples and the rate in Hz.

    The same utterances in the same order give the same samples.

    Raises:
        ValueError: if espeakng-loader is not installed, or its library does not work.
    """
    library, data = _paths()
    request = {"library": library, "data": data, "utterances": utterances}
    with tempfile.TemporaryDirectory(prefix="synvae-espeak-") as folder:
        answer = Path(folder) / "spoken.npz"
        command = [sys.executable, "-m", "synvae_workbench.data.speech.espeak", str(answer)]
        try:
            done = subprocess.run(
                command, input=json.dumps(request).encode(), capture_output=True, timeout=TIMEOUT
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ValueError(f"eSpeak NG did not speak ({error}): {ADVICE}") from error
        arrays = read_arrays(answer, ("samples", "lengths", "rate"))
        if done.returncode or arrays is None:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else f"it ended with status {done.returncode}"
            raise ValueError(f"eSpeak NG did not speak ({reason}): {ADVICE}")
    ends = np.cumsum(arrays["lengths"])[:-1]
    return np.split(arrays["samples"], ends), int(arrays["rate"])


def _paths() -> tuple[str, str]:
    """Paths of the library and of its data."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise ValueError(
            "spoken digits are made by espeakng-loader, which is not installed: run "
            "`pip install espeakng-loader`"
        ) from error
    try:
        return espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
    except RuntimeError as error:  # its folder of data is not there
        raise ValueError(f"espeakng-loader is not whole ({error}): {ADVICE}") from error


def _answer(request: dict, path: Path) -> None:
    """Synthesises all utterances into a file; runs in a process of its own."""
    # The library knows no path to its data of more than 160 characters: let it be a short one.
    os.chdir(request["data"])
    library = ctypes.CDLL(request["library"])
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, b".", _DONT_EXIT)
    if rate <= 0:
        raise OSError(f"its data in {request['data']} cannot be read")
    parts: list[np.ndarray] = []

    @_CALLBACK
    def receive(samples, count, _events):  # no annotations: ctypes calls it
        if samples and count > 0:
            parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    library.espeak_SetSynthCallback(receive)
    spoken, voice = [], ""
    for utterance in map(Utterance._make, request["utterances"]):
        parts.clear()
        if utterance.voice != voice:  # reading its files takes longer than speaking
            voice = utterance.voice
            if library.espeak_SetVoiceByName(voice.encode()):
                raise OSError(f"it has no voice {voice}")
        _say(library, utterance)
        if not parts:
            raise OSError(f"it has no sound for {utterance.word!r} as {utterance.voice}")
        spoken.append(np.concatenate(parts))
    lengths = np.array([len(samples) for samples in spoken])
    arrays = {"samples": np.concatenate(spoken), "lengths": lengths, "rate": np.array(rate)}
    write_arrays(path, arrays)


def _say(library: ctypes.CDLL, utterance: Utterance) -> None:
    settings = ((_RATE, utterance.rate), (_PITCH, utterance.pitch), (_RANGE, utterance.range))
    for parameter, value in settings:
        library.espeak_SetParameter(parameter, value, 0)
    word = utterance.word.encode()
    size = ctypes.c_size_t(len(word) + 1)
    if library.espeak_Synth(word, size, 0, 0, 0, _UTF8, None, None):
        raise OSError(f"it cannot say {utterance.word!r} as {utterance.voice}")
    library.espeak_Synchronize()


if __name__ == "__main__":
    _answer(parse_json(sys.stdin.buffer.read()), Path(sys.argv[1]))
