"""A model of loops and those that it blends, without a page: all of one length, and seamless.

A loop is fitted to the model's two bars of four beats as a record is turned faster or slower, so
that its pitch moves along; its beats then lie where those of the others do, and latents of two
loops can be blended frame by frame. Resampling is by Fourier's method, which takes a sound to go
round, as these do.
"""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
import soundfile
import torch
from jaxtyping import Float
from torch import Tensor

from synvae_core.models.waveform.convolutional import ConvolutionalWaveformVae
from synvae_workbench.live.uploads import printable_name, read_sound_upload

BEATS = 8  # of a loop: two bars
SECONDS = 4.458  # of a loop as the model has it, which makes 107.7 beats a minute
BARS = (1, 2, 4)  # that an upload may have
TEMPOS = (60, 160)  # beats per minute
UPLOAD_SECONDS = (0.5, 30.0)
CORNERS = 4  # upper left, upper right, lower left, lower right
FADE_SECONDS = 0.003  # at both ends of an upload that would click
PEAK = 0.9  # of full scale
SEED = 0  # of the model's noise: the same latents sound the same


class Loop(NamedTuple):
    """A loop of the bench's length, what to call it, and a remark."""

    name: str
    waveform: Float[np.ndarray, " n"]
    remark: str = ""


class LoopBench:
    """A model of loops, and loops to begin with.

    Args:
        model: in evaluation mode, on the CPU.
        loops: waveforms by name, each of `samples_of(model)` samples; four or more.

    Raises:
        ValueError: if there are fewer, or one is of another length.
    """

    def __init__(
        self, model: ConvolutionalWaveformVae, loops: dict[str, Float[np.ndarray, " n"]]
    ) -> None:
        self.model, self.samples = model, samples_of(model)
        if len(loops) < CORNERS or any(len(each) != self.samples for each in loops.values()):
            raise ValueError(
                f"expected {CORNERS} loops or more of {self.samples} samples each, got "
                f"{[len(each) for each in loops.values()]}"
            )
        self.loops = [Loop(name, waveform) for name, waveform in loops.items()]

    @property
    def rate(self) -> int:
        """Sample rate in Hz."""
        return self.model.config.rate

    @property
    def tempo(self) -> float:
        """Beats per minute of a loop as the model has it."""
        return 60 * BEATS * self.rate / self.samples

    @torch.no_grad()
    def encode(self, loop: Loop) -> Float[Tensor, " z"]:
        """Latents of a loop."""
        return self.model.encode_loop(torch.from_numpy(loop.waveform)[None]).mu[0]

    @torch.no_grad()
    def play(self, z: Float[Tensor, " z"]) -> Float[np.ndarray, " n"]:
        """The loop of latents, its peak at most `PEAK`."""
        noise = torch.Generator().manual_seed(SEED)
        waveform = self.model.decode_loop(z[None], generator=noise)[0].numpy()
        return waveform * min(1.0, PEAK / max(float(np.abs(waveform).max()), 1e-9))

    def read(self, name: str, content: object) -> Loop:
        """The loop of an uploaded sound, fitted to the bench's length.

        It is taken for one, two or four bars, whichever tempo is nearest to the bench's; one bar is
        repeated, and of four the first two are taken.

        Raises:
            ValueError: if the file cannot be used, saying why.
        """
        name = printable_name(name, default="Your loop")
        waveform, rate = read_sound_upload(name, content, seconds=UPLOAD_SECONDS)
        seconds = len(waveform) / rate
        tempos = {bars: 60 * bars * BEATS / 2 / seconds for bars in BARS}
        bars = min(BARS, key=lambda bars: abs(np.log(tempos[bars] / self.tempo)))
        whole = scipy.signal.resample(without_seam(waveform, rate), self.samples * bars // 2)
        fitted = np.resize(whole, self.samples).astype(np.float32)
        if bars > 2:
            fitted = without_seam(fitted, self.rate)
        said = f"{bars} bar{'s' * (bars > 1)}"
        remark = f"{name} lasts {seconds:.1f} s: taken as {said} at {tempos[bars]:.0f} bpm."
        return Loop(name, fitted * np.float32(PEAK / np.abs(fitted).max()), remark)

    def at_tempo(self, waveform: Float[np.ndarray, " n"], tempo: float) -> Float[np.ndarray, " m"]:
        """A loop at another tempo, of whole samples, as a record is turned faster or slower."""
        count = round(60 * BEATS * self.rate / tempo)
        turned = waveform if count == len(waveform) else scipy.signal.resample(waveform, count)
        return turned * min(1.0, 1 / max(float(np.abs(turned).max()), 1e-9))


def samples_of(model: ConvolutionalWaveformVae) -> int:
    """Length of the loops that a model plays: whole latent frames, nearest to `SECONDS`."""
    config = model.config
    return config.frame * max(1, round(SECONDS * config.rate / config.frame))


def blend(corners: Sequence[Float[Tensor, " z"]], x: float, y: float) -> Float[Tensor, " z"]:
    """Latents between four corners, bilinear: x from left to right and y from top to bottom."""
    upper = torch.lerp(corners[0], corners[1], x)
    return torch.lerp(upper, torch.lerp(corners[2], corners[3], x), y)


def seam(waveform: Float[np.ndarray, " n"]) -> float:
    """Step from the last sample to the first, as a share of the largest step between two others."""
    return float(abs(waveform[0] - waveform[-1]) / max(np.abs(np.diff(waveform)).max(), 1e-9))


def without_seam(waveform: Float[np.ndarray, " n"], rate: int) -> Float[np.ndarray, " n"]:
    """The loop as it is or, if its ends make a click, faded in and out there."""
    if seam(waveform) <= 1:
        return waveform
    fade = np.linspace(0, 1, max(2, round(FADE_SECONDS * rate)), dtype=np.float32)
    faded = waveform.copy()
    faded[: len(fade)] *= fade
    faded[-len(fade) :] *= fade[::-1]
    return faded


def wav_of(waveform: Float[np.ndarray, " n"], rate: int) -> bytes:
    """A WAV file of 16 bits."""
    out = io.BytesIO()
    soundfile.write(out, waveform, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


def loudness_in_words(waveform: Float[np.ndarray, " n"]) -> str:
    """Which beats are loudest and softest, of the eight: what a waveform shows."""
    beats = np.array([np.sqrt((part**2).mean()) for part in np.array_split(waveform, BEATS)])
    if beats.max() < 1e-4:
        return "silence"
    decibels = 20 * np.log10(beats.max() / max(float(beats.min()), 1e-5))
    return (
        f"loudest on beat {beats.argmax() + 1}, softest on beat {beats.argmin() + 1}, "
        f"{decibels:.0f} dB apart"
    )
