"""Loader of synthetic drum loops, rendered by a sound font: a stand-in for recordings."""

from pathlib import Path

import numpy as np
import scipy
import soxr
from jaxtyping import Float32

from synvae_workbench.data.cache import cache_folder, cached_arrays, digest_of
from synvae_workbench.data.options import LoopOptions
from synvae_workbench.data.sources import Source
from synvae_workbench.data.waveforms.files import PEAK, READER_VERSION, to_integers
from synvae_workbench.data.waveforms.sets import LoopSet, split_loops
from synvae_workbench.data.waveforms.store import SoundWriter, cached_sounds

PLAYED_RATE = 44_100  # Hz of rendering, before resampling

SOUND_FONT = Source(
    title="drum loops played by a sound font, TimGM6mb (synthetic)",
    home="https://packages.debian.org/sid/timgm6mb-soundfont",
    licence="of the sound font GPL 2.0 or later, T. Brechbill; the patterns are our own",
    size="72 loops of two bars in twelve styles, 5 minutes, played on the spot in half a minute",
    package="pretty_midi",
    patterns=("TimGM6mb.sf2",),
    sha256="a410a60a57ae43986e97d914c231e4a2d00dbb6d1f97f151d8cfb770d85af25c",
)


UNHEARD = 6  # number of the variation of each style that `load_gm_drums` leaves out by default


def unheard_loops(
    samples: int, *, rate: int, cache: Path | None = None
) -> dict[str, Float32[np.ndarray, " samples"]]:
    """Loops by style that are not in the set of 72, all at the tempo at which they have `samples`.

    From the cache, or played in some seconds. They repeat without a seam.

    Raises:
        ValueError: if rendering fails.
    """
    from synvae_workbench.data.waveforms.drum_patterns import (
        PATTERNS_VERSION,
        STYLES,
        drum_loops,
        play,
    )

    def build() -> dict[str, np.ndarray]:
        played = {}
        for loop in drum_loops(variations=UNHEARD + 1)[-len(STYLES) :]:
            slower = samples / rate / loop.sequence.total_time
            for note in loop.sequence.notes:
                note.start_time *= slower
                note.end_time *= slower
            loop.sequence.total_time = samples / rate
            # By Fourier's method, which takes a sound to go round, as this one does.
            waveform = scipy.signal.resample(
                play(loop, sample_rate=PLAYED_RATE).astype(np.float64), samples
            )
            waveform -= waveform.mean()
            style = loop.name.partition("_")[0]
            played[style] = (waveform * (PEAK / np.abs(waveform).max())).astype(np.float32)
        return played

    font = SOUND_FONT.files()[0].stat().st_size
    name = f"unheard-{digest_of((PATTERNS_VERSION, UNHEARD, font, samples, rate), {})}.npz"
    return cached_arrays(cache_folder(cache) / name, tuple(STYLES), build)


def load_gm_drums(options: LoopOptions) -> LoopSet:
    """Loads the loops of `drum_patterns` from the cache, or renders and stores them.

    Raises:
        ValueError: if a folder is given, rendering fails, or the cache cannot be written.
    """
    # It brings note-seq, which takes a second to import.
    from synvae_workbench.data.waveforms.drum_patterns import PATTERNS_VERSION, drum_loops, play

    if options.folder is not None:
        raise ValueError("'gm_drums' is played on the spot and needs no folder: leave it out")
    rate, variations = options.rate, options.variations
    font = SOUND_FONT.files()[0].stat().st_size
    settings = ("drums", PATTERNS_VERSION, READER_VERSION, font, rate, variations)

    def write(out: SoundWriter) -> None:
        for loop in drum_loops(variations=variations):
            waveform = play(loop, sample_rate=PLAYED_RATE)
            resampled = soxr.resample(waveform - waveform.mean(), PLAYED_RATE, rate)
            with out.file(loop.name):
                out.add(to_integers(resampled * (PEAK / np.abs(resampled).max())))

    sounds = cached_sounds(cache_folder(options.cache), repr(settings), write)
    return split_loops(SOUND_FONT.title, sounds, options)._replace(synthetic=True)
