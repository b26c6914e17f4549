"""HTML of a spoken digit's translation, from sound to picture to melody to picture.

It fetches nothing and needs no kernel, so that reports show what live pages show.
"""

import html
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from IPython.display import HTML
from jaxtyping import Float, UInt8
from torch import Tensor

from synvae_core.music.coding import STEPS_PER_BAR
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import midi_bytes
from synvae_core.music.sound import Sound
from synvae_workbench.data.pictures.kind import DIGIT
from synvae_workbench.data.speech.log_mel import spoken_part
from synvae_workbench.data.speech.recordings import SPEECH_RATE
from synvae_workbench.evaluation.spoken_translation import SpokenTranslation
from synvae_workbench.live.assets import data_uri
from synvae_workbench.live.live_player import format_note_count
from synvae_workbench.live.players import Picture, audio_player, picture_uri
from synvae_workbench.live.read_aloud import describe_return
from synvae_workbench.plots.palette import INK, rgb
from synvae_workbench.plots.roll_images import piano_roll_image

HERE = Path(__file__).parent
TOP_KHZ = SPEECH_RATE / 2000


def spoken_steps(translation: SpokenTranslation, names: Sequence[str], *, program: int = 0) -> HTML:
    """HTML row per recording: spectrogram, picture, piano roll, picture; with sounds and MIDI.

    Args:
        names: what was said, in a few words, such as "Your recording".
        program: General MIDI instrument of the melodies, 0..127.

    Raises:
        ValueError: unless there is one name for each recording, and none is empty.
    """
    if len(names) != len(translation.heard) or not all(name.strip() for name in names):
        raise ValueError(
            f"each recording needs a name: got {len(translation.heard)} recordings and {names!r}"
        )
    rows = (_row(translation, i, name, program) for i, name in enumerate(names))
    style = (HERE / "translation_steps.css").read_text(encoding="utf-8")
    return HTML(f'<div class="spoken-steps"><style>{style}</style>{"".join(rows)}</div>')


def describe_translation(translation: SpokenTranslation, name: str) -> str:
    """The first recording's translation as a sentence to be read aloud."""
    notes = format_note_count(ONE_VOICE.notes(translation.heard[0]))
    return (
        f"{name} became a picture; its melody has {notes}, and the picture was drawn again from "
        f"them. {_came_back(translation, 0)}"
    )


def _came_back(translation: SpokenTranslation, i: int) -> str:
    """Which digit the picture drawn from the notes looks like, and the one that they came from."""
    drawn, given = _bytes(translation.rebuilt[i]), translation.pictures[i].numpy()
    return describe_return(drawn, DIGIT, given).words


def _bytes(picture: Float[Tensor, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    return np.round(255 * picture.clamp(0, 1).numpy()).astype(np.uint8)


def _row(translation: SpokenTranslation, i: int, name: str, program: int) -> str:
    waveform, events = translation.waveforms[i], translation.heard[i]
    seconds = len(spoken_part(waveform)) / SPEECH_RATE  # of the recording, in its spectrogram
    notes, bars = format_note_count(ONE_VOICE.notes(events)), len(events) / STEPS_PER_BAR
    said = audio_player(waveform, label=name, sample_rate=SPEECH_RATE)
    played = audio_player(events, label=f"its melody, {notes}", sound=Sound(program=program))
    spectrogram = Picture(
        _to_ink(translation.spectrograms[i, 0].flip(0).numpy()),
        f"Spectrogram of {name}: {seconds:.2f} seconds from left to right, low to high "
        f"sounds from bottom to top, up to {TOP_KHZ:.0f} kilohertz; louder is darker",
    )
    roll = Picture(piano_roll_image(events), f"Piano roll of the melody: {notes}, {bars:g} bars")
    drawn = Picture(_to_ink(translation.pictures[i, 0].numpy()), f"Picture drawn from {name}")
    rebuilt = Picture(
        _to_ink(_bytes(translation.rebuilt[i, 0])), "Picture drawn from the notes of the melody"
    )
    axes = (
        f'<span class="ss-across">time, {seconds:.2f} s →</span>'
        f'<span class="ss-up">pitch, to {TOP_KHZ:.0f} kHz →</span>'
    )
    steps = (
        f'<li class="ss-said">{_image(spectrogram, axes)}{said.data}</li>'
        f"<li>{_image(drawn)}<p>the picture drawn from it</p></li>"
        f'<li class="ss-played">{_image(roll)}{played.data}{_midi_link(events, name, program)}</li>'
        f"<li>{_image(rebuilt)}<p>drawn again. {_came_back(translation, i)}</p></li>"
    )
    return f'<ol aria-label="{html.escape(name)}, step by step">{steps}</ol>'


def _image(picture: Picture, axes: str = "") -> str:
    alt, source = html.escape(picture.alt), picture_uri(picture)
    # The words of the axes stand in the text of the image as well.
    words = f'<span aria-hidden="true">{axes}</span>' if axes else ""
    return f'<div class="ss-image"><img alt="{alt}" src="{source}">{words}</div>'


def _midi_link(events: np.ndarray, name: str, program: int) -> str:
    file = re.sub(r"\W+", "_", name).strip("_").lower()
    source = data_uri("audio/midi", midi_bytes(events, program=program))
    return f'<a href="{source}" download="{file or "melody"}.mid">Save it as a MIDI file</a>'


def _to_ink(image: np.ndarray) -> np.ndarray:
    """Colours bytes (h, w) as ink on paper: 0 is white, 255 the figures' ink."""
    ink = rgb(INK)
    return np.round(255 - image[..., None] * (1 - ink)).astype(np.uint8)
