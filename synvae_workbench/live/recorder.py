"""A recorder in a live page: sends recordings of microphone, file or button to the kernel.

Files that are not WAV, FLAC or Ogg, as telephones record them, are decoded by the browser. The
recording is a message with bytes beside it, and the answer is a message too. Neither becomes part
of the widget's state, so that nobody's voice is stored in the notebook. What the page sends is not
trusted.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import anywidget
import numpy as np
import traitlets
from jaxtyping import Float

from synvae_core.music.render import encode_audio
from synvae_workbench.data.speech import recordings
from synvae_workbench.data.speech.recordings import SPEECH_RATE, read_recording
from synvae_workbench.live.assets import data_uri, read_assets
from synvae_workbench.live.uploads import MAX_SOUND_BYTES, SOUNDS, printable_name

MAX_SECONDS = 3.0  # of a recording from the microphone
WAITING = "Drawing and playing …"
BROKEN = (
    "That went wrong, through no fault of the recording; what happened is said below or in the log."
)


class Recording(NamedTuple):
    """A mono waveform (samples,) at 8 kHz, and what to call it in a sentence."""

    name: str
    waveform: Float[np.ndarray, " samples"]


class Answer(NamedTuple):
    """The answer to a recording: a sentence to say, HTML to show, and whether it is a refusal."""

    said: str
    page: str = ""
    refused: bool = False


class Recorder(anywidget.AnyWidget):
    """Widget of buttons to record, to upload, and for each example; below, the answer.

    Args:
        hear: called with each recording; what it returns is said and shown, a ValueError said.
        examples: waveforms at 8 kHz by the word on their button.
        voice: whose examples they are, as in "or let a synthetic voice say".
    """

    _esm = read_assets("sound_files.js", "recorder.js")
    _css = read_assets("recorder.css")
    voice = traitlets.Unicode().tag(sync=True)
    sounds = traitlets.Dict().tag(sync=True)
    max_seconds = traitlets.Float(MAX_SECONDS).tag(sync=True)
    max_bytes = traitlets.Int(MAX_SOUND_BYTES).tag(sync=True)
    longest = traitlets.Float(recordings.MAX_SECONDS).tag(sync=True)  # seconds of a decoded file

    def __init__(
        self,
        hear: Callable[[Recording], Answer],
        examples: Mapping[str, np.ndarray],
        *,
        voice: str = "synthetic voice",
    ) -> None:
        sounds = {word: _mp3(waveform) for word, waveform in examples.items()}
        super().__init__(sounds=sounds, voice=voice)
        self._hear = hear
        self._examples = {
            word: Recording(f"“{word}” ({voice})", waveform) for word, waveform in examples.items()
        }
        self.on_msg(self._receive)

    def _receive(self, _: object, content: object, buffers: Sequence[object]) -> None:
        self.send(Answer(WAITING)._asdict())
        answer = Answer(BROKEN, refused=True)
        try:
            answer = self._hear(parse_message(content, buffers, self._examples))
        except ValueError as error:
            answer = Answer(f"Not used: {error}.", refused=True)
        finally:  # any other error goes on to the log
            self.send(answer._asdict())


def parse_message(
    content: object, buffers: Sequence[object], examples: Mapping[str, Recording]
) -> Recording:
    """Parses a message of the page: the recording in it, or the example that it asks for.

    Args:
        content: {"kind": "recording", "name": what to call it}, and then there is one buffer; or
            {"kind": "example", "name": one of the examples}.

    Raises:
        ValueError: for any other message, or a recording that is too large, of another format or
            not to be read, saying why.
    """
    match content:
        case {"kind": "example", "name": str(name)} if name in examples:
            return examples[name]
        case {"kind": "recording", "name": str(name)} if len(buffers) == 1:
            return _read(printable_name(name, default="Your recording"), buffers[0])
    raise ValueError("the page sent something that is no recording; run the cell again")


def _read(name: str, content: object) -> Recording:
    size = memoryview(content).nbytes
    if size > MAX_SOUND_BYTES:
        raise ValueError(
            f"{name} has {size:,} bytes, more than {MAX_SOUND_BYTES:,}: cut the digit out"
        )
    data = bytes(content)
    if data[:4] not in SOUNDS:
        raise ValueError(f"{name} is no WAV, FLAC or Ogg file: save it as one of these")
    return Recording(name, read_recording(data, name=name))


def _mp3(waveform: np.ndarray) -> str:
    return data_uri("audio/mpeg", encode_audio(waveform, SPEECH_RATE))
