"""Small sets of a user's own, by code, and the cells of a notebook in this process."""

from pathlib import Path

import matplotlib.pyplot as plt
import mido
import nbformat
import numpy as np
import soundfile
from PIL import Image

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SIDE = 64  # pixels: what a folder's pictures are scaled to
DIGITS = "0123456789"
CLOCK = 120  # MIDI ticks of a sixteenth


def pictures(folder: Path, classes: dict[str, int]) -> Path:
    """Colour pictures, so many of each class, unlike each other."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, count in classes.items():
        (folder / name).mkdir()
        for number in range(count):
            coarse = rng.integers(0, 256, (4, 4, 3), np.uint8)
            Image.fromarray(coarse).resize((SIDE, SIDE)).save(folder / name / f"{number}.png")
    return folder


def songs(folder: Path, count: int) -> Path:
    """MIDI files of eight bars of one voice, no two of one melody."""
    folder.mkdir(parents=True)
    for number in range(count):
        rng = np.random.default_rng(number)
        file = mido.MidiFile(ticks_per_beat=4 * CLOCK)
        track = mido.MidiTrack()
        for pitch in rng.integers(60, 80, 64).tolist():
            track.append(mido.Message("note_on", note=pitch, velocity=80, time=0))
            track.append(mido.Message("note_off", note=pitch, velocity=0, time=2 * CLOCK))
        file.tracks.append(track)
        file.save(folder / f"song{number}.mid")
    return folder


def recordings(folder: Path, takes: int, digits: str = DIGITS) -> Path:
    """So many recordings of each digit: noise at 8 kHz."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for digit in digits:
        for take in range(takes):
            waveform = rng.normal(0, 0.1, 2400)
            soundfile.write(folder / f"{digit}_ann_{take}.wav", waveform, 8000)
    return folder


def loops(folder: Path, count: int, seconds: float = 0.5) -> Path:
    """Loops of decaying noise at 8 kHz."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        noise = rng.normal(0, 0.2, round(8000 * seconds))
        waveform = noise * np.exp(-np.linspace(0, 5, len(noise)))
        soundfile.write(folder / f"loop{number}.wav", waveform, 8000)
    return folder


def run_cells(stem: str, **parameters: object) -> Path:
    """Runs the code of a notebook as a smoke run in this process; returns its run folder.

    The working folder is that of notebooks. Pages, which a browser shows, are left out.
    """
    (path,) = NOTEBOOKS.glob(f"{stem}*.ipynb")
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    space = {"display": lambda *_: None, "__name__": "__main__"}
    for number, cell in enumerate(cells):
        tags = cell.metadata.get("tags", [])
        if "live" in tags:
            continue
        exec(compile(cell.source, f"{stem}, code cell {number}", "exec"), space)
        if "parameters" in tags:
            if unknown := parameters.keys() - space.keys():
                raise NameError(f"{path.name} has no parameters {unknown}")
            space |= {"SMOKE": True, **parameters}
    plt.close("all")
    return space["run"]
