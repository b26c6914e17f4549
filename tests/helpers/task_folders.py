"""A small task set in a folder, as notebook 25 writes it, with sounds that need no sound font."""

from pathlib import Path

import numpy as np

from synvae_core.music.render import sine_synthesiser
from synvae_core.music.sound import Sound
from synvae_workbench.listening import (
    DesignSize,
    Task,
    TaskSet,
    balanced_design,
    write_key,
    write_media,
    write_tasks,
)

NAMES = ("round", "straight", "crossed")
SOURCES = 30


def _media(folder: Path, sources: dict[int, int]) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (SOURCES, 1, 8, 8), dtype=np.uint8)
    melodies = np.zeros((SOURCES, 4), np.int64)
    melodies[:, 0] = 30 + np.arange(SOURCES)
    sound = Sound(240, synthesiser=sine_synthesiser())
    write_media(folder / "data", sources, images, melodies, sound=sound)


def blind_folder(folder: Path, *, listeners: int = 3, tasks: int = 3, catch: int = 1) -> Path:
    """A blind design of three classes with two examples of each; its key beside it."""
    design = balanced_design(
        np.arange(SOURCES) % 3,
        NAMES,
        DesignSize(listeners, examples=2, tasks=tasks, catch=catch),
        classes=[0, 1, 2],
        name="Shapes",
    )
    apart = folder.with_name(f"{folder.name}_key")
    for path in (folder / "listeners", apart):
        path.mkdir(parents=True)
    _media(folder, design.key.sources)
    write_key(apart / "key.json", design.key)
    for number, made in enumerate(design.sets):
        write_tasks(folder / "listeners" / f"listener_{number}.json", made)
    return folder


def published_folder(folder: Path) -> Path:
    """One set for everybody, in which the place of an option is its class."""
    tasks = (Task(2, (3, 4, 5)), Task(0, (6, 7, 8)))
    made = TaskSet("Shapes", NAMES, (0, 1, 2), tasks, disclaimer="<b>Headphones</b>, please.")
    folder.mkdir(parents=True)
    _media(folder, {each: each for each in made.ids})
    write_tasks(folder / "tasks.json", made)
    return folder
