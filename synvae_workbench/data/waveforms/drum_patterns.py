"""Synthetic drum loops from written patterns, rendered by the sound font of pretty_midi.

Two bars each, in twelve styles; tempo, kit, accents, ghost notes, open hats and a fill in the
second bar vary by seed. The decay of the last hits is mixed into the start, so that loops repeat
seamlessly. They are a stand-in for recordings: cleaner, and more alike.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from synvae_core.music.midi import NoteSequence
from synvae_core.music.render import render, soundfont_synthesiser

PATTERNS_VERSION = 1  # part of the cache's name; raise it when the loops change
BARS = 2
TEMPI = (80, 150)  # quarters per minute
KITS = {"standard": 0, "room": 8, "power": 16, "electronic": 24, "tr808": 25, "jazz": 32}
# General MIDI's percussion keys
KICK, STICK, SNARE, CLAP, HAT, OPEN, CRASH, RIDE = 36, 37, 38, 39, 42, 46, 49, 51
LOW_TOM, TOM, HIGH_TOM, SHAKER = 41, 45, 48, 70
LOUDNESS = {"X": 112, "x": 92, "o": 62, "g": 38}  # velocity: accent, hit, soft, ghost
_JITTER_SECONDS = 0.004  # standard deviation of human timing
_GATE = 0.08  # seconds that a key is held; drums ring on by themselves

# A bar of each style: sixteenths, or twelve triplets of eighths, in groups of a quarter.
STYLES: dict[str, dict[int, str]] = {
    "rock": {
        HAT: "x.o. x.o. x.o. x.o.",
        SNARE: ".... X... .... X...",
        KICK: "X... ..x. x... ....",
    },
    "punk": {
        HAT: "X.x. X.x. X.x. X.x.",
        SNARE: "..X. ..X. ..X. ..X.",
        KICK: "X... X... X... X...",
    },
    "funk": {
        HAT: "xoxo xoxo xoxo xoxo",
        SNARE: "...g X..g .g.. X..g",
        KICK: "X.x. ...x ..x. .x..",
    },
    "disco": {
        OPEN: "..x. ..x. ..x. ..x.",
        HAT: "x..o x..o x..o x..o",
        SNARE: ".... X... .... X...",
        KICK: "X... X... X... X...",
    },
    "house": {
        OPEN: "..x. ..x. ..x. ..x.",
        CLAP: ".... X... .... X...",
        SHAKER: "oxoo oxoo oxoo oxoo",
        KICK: "X... X... X... X...",
    },
    "hiphop": {
        HAT: "x.x. x.xo x.x. x.x.",
        SNARE: ".... X... .... X..g",
        KICK: "X..x ..x. ..x. ...x",
    },
    "bossa": {
        HAT: "xoxo xoxo xoxo xoxo",
        STICK: "x..x ..x. ..x. .x..",
        KICK: "X..x x..x X..x x..x",
    },
    "samba": {
        SHAKER: "XooX XooX XooX XooX",
        SNARE: "g.gX g.gg Xg.g gX.g",
        LOW_TOM: ".... X... .... X...",
        KICK: "x..o x..o x..o x..o",
    },
    "reggae": {
        HAT: "o.X. o.X. o.X. o.X.",
        STICK: ".... .... X... ....",
        KICK: ".... .... X... ....",
    },
    "shuffle": {
        HAT: "x.o x.o x.o x.o",
        SNARE: "..g X.g ..g X..",
        KICK: "X.. ..x X.. ...",
    },
    "swing": {
        RIDE: "X.. x.o X.. x.o",
        HAT: "... x.. ... x..",
        SNARE: "... ... ..g ...",
        KICK: "o.. o.. o.. o..",
    },
    "breakbeat": {
        RIDE: "x.x. x.x. x.x. x.x.",
        SNARE: ".... X..x .g.. x..X",
        KICK: "X.X. .... ..XX ....",
    },
}
_FILLS = (
    {SNARE: "xxxx", KICK: "x..."},
    {SNARE: "X.x.", HIGH_TOM: ".x.x"},
    {HIGH_TOM: "xx..", TOM: "..xx", KICK: "x.x."},
    {TOM: "x.x.", LOW_TOM: ".x.X"},
)


class DrumLoop(NamedTuple):
    """Name and notes of two bars of drums."""

    name: str
    sequence: NoteSequence


def drum_loops(*, variations: int, seed: int = 0) -> list[DrumLoop]:
    """Random loops of all styles; the first variations are the same, whatever their number.

    Raises:
        ValueError: unless there is a variation.
    """
    if variations < 1:
        raise ValueError(f"variations of each style are 1 or more, got {variations}")
    return [
        _loop(style, number, np.random.default_rng([seed, i, number]))
        for number in range(variations)
        for i, style in enumerate(STYLES)
    ]


def play(loop: DrumLoop, *, sample_rate: int) -> Float32[np.ndarray, " n"]:
    """Renders a loop at exactly the length of its bars, the decay of its end mixed into its start.

    Raises:
        ValueError: if tinysoundfont is not installed.
    """
    try:
        synthesiser = soundfont_synthesiser()
    except ImportError as error:
        raise ValueError(
            "drum loops are played by tinysoundfont, which is not installed: run `pip install "
            'tinysoundfont`, or take loops of your own, the set "folder"'
        ) from error
    waveform = render(loop.sequence, synthesiser=synthesiser, sample_rate=sample_rate)
    length = round(loop.sequence.total_time * sample_rate)
    folded = waveform[:length].copy()
    tail = waveform[length : 2 * length]
    folded[: len(tail)] += tail
    return folded


def _loop(style: str, number: int, rng: np.random.Generator) -> DrumLoop:
    tempo = int(rng.integers(TEMPI[0], TEMPI[1] + 1))
    kit = str(rng.choice(list(KITS)))
    bar = {drum: hits.replace(" ", "") for drum, hits in STYLES[style].items()}
    steps = len(next(iter(bar.values())))
    seconds_per_step = 4 * 60 / tempo / steps
    swing = rng.choice([0.0, 0.0, 0.12, 0.2]) if steps == 16 else 0.0  # of a sixteenth
    fill = _FILLS[rng.integers(len(_FILLS))] if rng.random() < 0.5 else {}
    notes = []
    for number_of_bar in range(BARS):
        hits = _vary_bar(bar, steps, rng)
        if fill and number_of_bar == BARS - 1:
            hits = _add_fill(hits, steps, fill)
        if number_of_bar == 0 and rng.random() < 0.3:
            hits[CRASH] = "x" + "." * (steps - 1)
        for drum, line in hits.items():
            for step, mark in enumerate(line):
                if mark in LOUDNESS:
                    late = swing * (step % 2)
                    at = (number_of_bar * steps + step + late) * seconds_per_step
                    notes.append((at, drum, LOUDNESS[mark]))
    seconds = BARS * steps * seconds_per_step
    sequence = _sequence(notes, seconds, KITS[kit], rng)
    return DrumLoop(f"{style}_{number + 1}_{tempo}bpm_{kit}", sequence)


def _vary_bar(bar: dict[int, str], steps: int, rng: np.random.Generator) -> dict[int, str]:
    """Random variation of a bar: soft hits left out, kicks and ghost notes added."""
    hits = {}
    for drum, line in bar.items():
        marks = np.array(list(line))
        marks[np.isin(marks, ["o", "g"]) & (rng.random(steps) < 0.15)] = "."
        added = {KICK: "x", SNARE: "g"}.get(drum)
        if added:
            marks[(marks == ".") & (rng.random(steps) < 0.05)] = added
        hits[drum] = "".join(marks)
    if HAT in hits and rng.random() < 0.3:  # the last hat of the bar is left open
        last = max(hits[HAT].rfind(mark) for mark in LOUDNESS)
        hits[OPEN] = "." * last + "x" + "." * (steps - last - 1)
        hits[HAT] = hits[HAT][:last] + "." + hits[HAT][last + 1 :]
    return hits


def _add_fill(hits: dict[int, str], steps: int, fill: dict[int, str]) -> dict[int, str]:
    """Bar with a fill in its last quarter."""
    quarter = steps // 4
    filled = {drum: line[:-quarter] + "." * quarter for drum, line in hits.items()}
    for drum, line in fill.items():
        start = filled.get(drum, "." * steps)[:-quarter]
        filled[drum] = start + line[:quarter]
    return filled


def _sequence(
    notes: list[tuple[float, int, int]], seconds: float, program: int, rng: np.random.Generator
) -> NoteSequence:
    sequence = NoteSequence(total_time=seconds)
    for at, drum, velocity in notes:
        start = np.clip(at + rng.normal(0, _JITTER_SECONDS), 0, seconds - _GATE)
        sequence.notes.add(
            start_time=start,
            end_time=start + _GATE,
            pitch=drum,
            velocity=int(np.clip(velocity + rng.normal(0, 6), 1, 127)),
            program=program,
            is_drum=True,
        )
    return sequence
