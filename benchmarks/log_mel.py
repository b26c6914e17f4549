"""Log-mel spectrograms of 3,000 recordings: `log_mel_db` in batches against librosa, file by file.

On one thread, in one run, by turns. Ratios are of the fastest wall-clock times, which other load
affects least, and of processor times. Both include the reading of files, except for a last, printed
figure, and use the same part of each recording; librosa takes whole samples from frame to frame, so
that words of other lengths are compared by time alone. The recordings are those of
$SYNVAE_DATA/fsdd, or synthetic.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from measuring import ratio, seconds

from synvae_workbench.data.speech.fsdd import find_fsdd
from synvae_workbench.data.speech.log_mel import (
    FFT,
    MEL_SIDE,
    RANGE_DB,
    WINDOW,
    log_mel_db,
    spoken_part,
)
from synvae_workbench.data.speech.recordings import SPEECH_RATE, read_recording

COUNT, ROUNDS = 3000, 4
STEPS = MEL_SIDE - 1  # from the first frame to the last
LARGEST_DIFFERENCE = 0.01  # dB


def files_in(folder: Path) -> list[Path]:
    """Paths of FSDD's recordings, or of as many synthetic sweeps in noise, of similar lengths."""
    data = os.environ.get("SYNVAE_DATA")
    if data and (found := find_fsdd(Path(data) / "fsdd")):
        return found[:COUNT]
    rng = np.random.default_rng(0)
    for i in range(COUNT):
        time = np.arange(int(np.clip(rng.normal(0.44, 0.1), 0.15, 1.2) * SPEECH_RATE)) / SPEECH_RATE
        tone = np.sin(2 * np.pi * (200 + 900 * time) * time) * np.hanning(len(time))
        sound = 0.3 * tone + rng.normal(0, 0.003, len(time))
        soundfile.write(folder / f"{i}.wav", sound, SPEECH_RATE)
    return [folder / f"{i}.wav" for i in range(COUNT)]


def one_by_one(waveform: np.ndarray) -> np.ndarray:
    """Log-mel spectrogram by librosa, the reference."""
    part = spoken_part(waveform)
    power = librosa.feature.melspectrogram(
        y=part,
        sr=SPEECH_RATE,
        n_fft=FFT,
        win_length=WINDOW,
        hop_length=max(1, len(part) // STEPS),
        n_mels=MEL_SIDE,
        pad_mode="constant",
    )
    return librosa.power_to_db(power, ref=np.max, top_db=RANGE_DB)


def fastest(reference: Callable[[], object], ours: Callable[[], object]) -> Sequence[float]:
    """Speed-up over the reference, by wall-clock and by processor time."""
    times = [(seconds(reference), seconds(ours)) for _ in range(ROUNDS)]
    return [
        min(pair[0][kind] for pair in times) / min(pair[1][kind] for pair in times)
        for kind in range(2)
    ]


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        paths = files_in(Path(name))
        waveforms = [read_recording(path) for path in paths]
        # librosa compiles at first use, here.
        even = [i for i, each in enumerate(waveforms) if len(spoken_part(each)) % STEPS == 0]
        expected = np.stack([one_by_one(librosa.load(paths[i], sr=SPEECH_RATE)[0]) for i in even])
        difference = np.abs(log_mel_db([waveforms[i] for i in even]).numpy() - expected).max()
        assert difference < LARGEST_DIFFERENCE, f"{difference} dB from librosa"
        clock, processor = fastest(
            lambda: [one_by_one(librosa.load(path, sr=SPEECH_RATE)[0]) for path in paths],
            lambda: log_mel_db([read_recording(path) for path in paths]),
        )
        what = f"log-mel spectrograms of {len(paths):,} files"
        ratio(what, clock, to="librosa, file by file")
        ratio(f"{what}, by processor time", processor, to="librosa, file by file")
        clock, processor = fastest(
            lambda: [one_by_one(waveform) for waveform in waveforms], lambda: log_mel_db(waveforms)
        )
        print(f"without reading the files: {clock:.2f} times, by processor time {processor:.2f}")
        print(f"largest difference: {difference:.4f} dB")


if __name__ == "__main__":
    main()
