"""A lesson on four kinds of made-up pictures, whose melodies differ in three channels."""

from functools import cache

import numpy as np

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.listening.lessons import Channel, Lesson, find_tendencies

KINDS = ("circle", "square", "star", "dot")
PICTURES = 80


@cache
def lesson_of_numbers(questions: int = 8) -> Lesson:
    """A lesson whose channels are drawn: kinds differ in the first, pictures in all."""
    rng = np.random.default_rng(0)
    kinds = np.arange(PICTURES) % len(KINDS)
    names = [KINDS[kind] for kind in kinds]
    pitch = 60 + 6 * kinds + rng.normal(0, 2, PICTURES)
    channels = [
        Channel("higher", "lower", "All notes move up", "semitones", pitch),
        Channel("busier", "calmer", "More notes", "notes", rng.normal(12, 3, PICTURES)),
        Channel("later", "earlier", "Notes move on", "notes", rng.normal(0, 2, PICTURES)),
    ]
    melodies = [ONE_VOICE.events([Note(0, 8, int(each))], steps=32) for each in pitch]
    images = rng.integers(0, 256, (PICTURES, 1, 28, 28), dtype=np.uint8)
    return Lesson(
        title="shapes",
        images=images,
        names=names,
        events=np.stack(melodies),
        channels=channels,
        play=lambda index: np.full(3200, 0.5 + index / 1000, np.float32),
        tendencies=[find_tendencies(each, names) for each in channels],
        questions=questions,
    )
