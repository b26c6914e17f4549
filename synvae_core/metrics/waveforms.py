"""Similarity of waveforms: signal-to-noise ratio, log-spectral distance, envelope correlation.

The log-spectral distance is that of Gray & Markel 1976, "Distance Measures for Speech Processing",
on Hann windows and with a floor, without which digital silence dominates it. The baseline of a
model is the nearest window of training, `nearest_windows`.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Int

from synvae_core.types import HIGHER, LOWER, Measure

FRAME, HOP = 1024, 256  # samples of the spectrum's windows, at any rate
FLOOR_DB = -80.0  # relative to a sine of full scale: softer levels are raised to it
CUTOFF = 20.0  # Hz, of the envelope: faster than hits follow each other
CHUNK = 64  # candidates whose spectra are in memory at a time

Waveforms = Float[np.ndarray, "n t"]
PerWindow = Float[np.ndarray, " n"]

MEASURES = (
    Measure("snr_db", HIGHER),
    Measure("worst_training_snr_db", HIGHER),
    Measure("spectral_distance_db", LOWER, 0),
    Measure("envelope_correlation", HIGHER, -1, 1),
)


class Nearest(NamedTuple):
    """Nearest candidate of each query: its row, and the candidate itself."""

    rows: Int[np.ndarray, " q"]
    windows: Float[np.ndarray, "q t"]


def fidelity(
    targets: Float[np.ndarray, "n t"], made: Float[np.ndarray, "n t"], *, rate: int
) -> dict[str, PerWindow]:
    """Scores of each waveform: `snr_db`, `spectral_distance_db`, `envelope_correlation`.

    Raises:
        ValueError: as the measures do.
    """
    return {
        "snr_db": snr_db(targets, made),
        "spectral_distance_db": log_spectral_distance(targets, made),
        "envelope_correlation": envelope_correlation(targets, made, rate=rate),
    }


def snr_db(targets: Float[np.ndarray, "n t"], made: Float[np.ndarray, "n t"]) -> PerWindow:
    """Signal-to-noise ratio of each waveform in dB: its energy over that of the difference.

    Loudness and phase count: half the amplitude has 6 dB, and silence 0. Infinite where nothing
    differs.

    Raises:
        ValueError: if there is no waveform, one is not finite, or a target is silent.
    """
    targets, made = _checked(targets, made)
    energy = np.square(targets).sum(1)
    if not energy.all():
        raise ValueError(
            f"target {int(np.flatnonzero(energy == 0)[0])} is silent, and has no signal-to-noise "
            "ratio: leave it out"
        )
    with np.errstate(divide="ignore"):
        return 10 * np.log10(energy / np.square(targets - made).sum(1))


def log_spectral_distance(
    targets: Float[np.ndarray, "n t"], made: Float[np.ndarray, "n t"]
) -> PerWindow:
    """Log-spectral distance in dB: root mean square over the frequencies, mean over the frames.

    Levels below `FLOOR_DB` are raised to it. Two samples of the same noise are some 8 dB apart.

    Raises:
        ValueError: if there is no waveform, one is not finite, or they are shorter than a frame.
    """
    targets, made = _checked(targets, made, FRAME)
    return np.array(
        [
            _apart(levels_db(a[None]), levels_db(b[None]))[0]
            for a, b in zip(targets, made, strict=True)
        ]
    )


def envelope_correlation(
    targets: Float[np.ndarray, "n t"], made: Float[np.ndarray, "n t"], *, rate: int
) -> PerWindow:
    """Pearson correlation of the envelopes, -1..1, which is high if hits come when they should.

    An envelope is the rectified waveform, low-passed at 20 Hz forwards and backwards (Butterworth,
    second order). Where one does not change at all, as in silence, the correlation is 0.

    Args:
        rate: in Hz.

    Raises:
        ValueError: if there is no waveform, one is not finite or is shorter than a twentieth of a
            second, or the rate is not above 40 Hz.
    """
    targets, made = _checked(targets, made, _shortest(rate))
    return (_standard(envelopes(targets, rate)) * _standard(envelopes(made, rate))).sum(1)


def nearest_windows(
    queries: Float[np.ndarray, "q t"],
    candidates: Iterable[Float[np.ndarray, "_ t"]],
    *,
    by: str = "spectrum",
    rate: int,
) -> Nearest:
    """Nearest candidate of each query, by log-spectral distance or envelope correlation.

    For a strong baseline, let candidates begin at every few milliseconds, and choose by each
    measure anew: no other candidate is then better by that measure.

    Args:
        candidates: in chunks, of which one is in memory at a time.
        by: "spectrum" or "envelope".
        rate: in Hz.

    Raises:
        ValueError: as the measures do, or if there is no candidate.
    """
    if by not in ("spectrum", "envelope"):
        raise ValueError(f"windows are compared by 'spectrum' or 'envelope', got {by!r}")
    queries, _ = _checked(queries, queries, max(FRAME, _shortest(rate)))
    score = _spectrum_scorer(queries) if by == "spectrum" else _envelope_scorer(queries, rate)
    best, seen = np.full(len(queries), np.inf), 0
    index, windows = np.zeros(len(queries), np.int64), np.zeros_like(queries)
    for chunk in candidates:
        for start in range(0, len(chunk), CHUNK):
            part, _ = _checked(chunk[start : start + CHUNK], chunk[start : start + CHUNK])
            if part.shape[1] != queries.shape[1]:
                raise ValueError(f"queries are {queries.shape}, candidates {part.shape}")
            distance = score(part)
            which = distance.argmin(1)
            better = distance.min(1) < best
            best = np.where(better, distance.min(1), best)
            index[better], windows[better] = seen + which[better], part[which[better]]
            seen += len(part)
    if not seen:
        raise ValueError("there is no candidate to be near: expected a window or more")
    return Nearest(index, windows)


def levels_db(waveforms: Float[np.ndarray, "n t"]) -> Float[np.ndarray, "n bins frames"]:
    """Levels of the spectrum in dB, 0 for a sine of full scale, none below `FLOOR_DB`."""
    spectrum = scipy.signal.stft(
        waveforms.astype(np.float32),
        nperseg=FRAME,
        noverlap=FRAME - HOP,
        boundary=None,
        padded=False,
    )[2]
    # scipy scales by the window's sum: a sine of amplitude 1 has 1/2 at its frequency.
    return 20 * np.log10(np.maximum(2 * np.abs(spectrum), 10 ** (FLOOR_DB / 20)))


def envelopes(waveforms: Float[np.ndarray, "n t"], rate: int) -> Float[np.ndarray, "n t"]:
    """Amplitude envelopes: rectified waveforms, low-passed."""
    return scipy.signal.sosfiltfilt(
        scipy.signal.butter(2, CUTOFF, fs=rate, output="sos"), np.abs(waveforms), axis=1
    )


def _spectrum_scorer(queries: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    ours = _by_frame(queries)
    own = np.square(ours).sum(2)[..., None]

    def score(candidates: np.ndarray) -> np.ndarray:
        theirs = _by_frame(candidates)
        # |a - b|^2 = |a|^2 + |b|^2 - 2ab, of all pairs at once, frame by frame.
        squares = own + np.square(theirs).sum(2)[:, None] - 2 * ours @ theirs.mT
        return np.sqrt(squares.clip(0) / theirs.shape[2]).mean(0)

    return score


def _by_frame(waveforms: np.ndarray) -> Float[np.ndarray, "frames n bins"]:
    """Levels by frame, shifted towards 0 so that the products above are precise."""
    return np.ascontiguousarray((levels_db(waveforms) - FLOOR_DB / 2).transpose(2, 0, 1))


def _envelope_scorer(queries: np.ndarray, rate: int) -> Callable[[np.ndarray], np.ndarray]:
    ours = _standard(envelopes(queries, rate))
    return lambda candidates: 1 - ours @ _standard(envelopes(candidates, rate)).T


def _apart(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(ours - theirs).mean(1)).mean(1)


def _standard(envelope: np.ndarray) -> np.ndarray:
    """Envelopes centred and scaled to length 1; zero where they are constant."""
    centred = envelope - envelope.mean(1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    still = length <= 1e-9 * np.linalg.norm(envelope, axis=1, keepdims=True)
    return np.where(still, 0, centred / np.where(still, 1, length))


def _shortest(rate: int) -> int:
    if not rate > 2 * CUTOFF:
        raise ValueError(f"a rate is above {2 * CUTOFF:g} Hz, got {rate}")
    return max(round(rate / CUTOFF), 16)  # the filter goes over both ends


def _checked(
    targets: np.ndarray, made: np.ndarray, shortest: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    if targets.shape != made.shape or not len(targets) or targets.shape[1] < shortest:
        raise ValueError(
            f"expected as many waveforms as targets, at least one, of at least {shortest} samples: "
            f"got {targets.shape} and {made.shape}"
        )
    if not (np.isfinite(targets).all() and np.isfinite(made).all()):
        raise ValueError("waveforms are finite: got NaN or infinite samples")
    return targets.astype(np.float64), made.astype(np.float64)
