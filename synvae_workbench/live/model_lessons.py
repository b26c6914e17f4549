"""Lessons made of a trained SynVAE and pictures.

What is shown and asked about are test pictures, which the model did not learn from, or photographs
of no set; which classes stand out is measured in pictures of the training side. All melodies are
kept in the cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer, UInt8
from torch import Tensor

from synvae_core.looks import HUES, Look
from synvae_core.models.synvae import SynVae
from synvae_core.music.performance import INSTRUMENTS, performance_words
from synvae_core.music.sound import PIANO, Sound
from synvae_workbench.data.pictures.example_photographs import photograph_parts
from synvae_workbench.data.pictures.files import png_of
from synvae_workbench.evaluation.trained_synvae import Evaluation, first_pictures
from synvae_workbench.listening.lessons import (
    Channel,
    Gallery,
    Lesson,
    find_tendencies,
    melody_channels,
)
from synvae_workbench.listening.materials import Materials
from synvae_workbench.live.known_melodies import KnownMelodies
from synvae_workbench.live.performed import as_performed

LEVELS = "levels of 3"


@dataclass(frozen=True)
class LessonSize:
    """Numbers of a lesson.

    Args:
        pictures: which are shown and asked about.
        training: pictures of the training side, in which classes are compared.
        questions: that are asked.
    """

    pictures: int = 150
    training: int = 300
    questions: int = 8


class MeasuredLesson(NamedTuple):
    """A lesson, and the channels of the training pictures with the names of their classes."""

    lesson: Lesson
    channels: list[Channel]
    kinds: list[str]


def lesson_of(
    found: Evaluation,
    size: LessonSize,
    *,
    sound: Sound = PIANO,
    apart_from: Materials | None = None,
) -> MeasuredLesson:
    """A lesson on the first test pictures, with classes compared in the first training pictures.

    Args:
        sound: how melodies are played.
        apart_from: the materials of a listening test, whose pictures are left out.

    Raises:
        ValueError: if there are too few pictures for the questions.
    """
    digits = all(name.isdigit() for name in found.pictures.classes)
    classes = [f"digit {name}" if digits else name for name in found.pictures.classes]
    test, known = found.pictures.test, first_pictures(found.pictures.train, size.training)
    if apart_from is not None:
        asked = apart_from.all_pictures()
        images = enumerate(test.images.numpy())
        test = test.select([i for i, image in images if png_of(image) not in asked])
    shown = first_pictures(test, size.pictures)
    kinds = [classes[label] for label in known.labels.tolist()]
    coding = found.model.music.coding
    of_known = KnownMelodies(found.model, known.images).hear_all()
    channels = melody_channels(of_known, coding=coding)
    names = [classes[label] for label in shown.labels.tolist()]
    lesson = _lesson(found.model, shown.images, names, size=size, sound=sound)
    stand_out = {each.more: find_tendencies(each, kinds) for each in channels}
    lesson = replace(
        lesson,
        title="digits" if digits else found.pictures.name,
        tendencies=[stand_out.get(each.more, []) for each in lesson.channels],
    )
    return MeasuredLesson(lesson, channels, kinds)


def photograph_lesson(model: SynVae, size: LessonSize, *, sound: Sound = PIANO) -> Lesson:
    """A lesson on parts of photographs that come with packages, by a model of colour pictures.

    Where the model's melodies carry a picture's look, each is played as its look has it.

    Raises:
        ValueError: if the model is one of grey pictures, or there are too few for the questions.
    """
    if model.config.visual.image_channels != 3:
        raise ValueError("a lesson on photographs needs a model of colour pictures: name another")
    images, names = photograph_parts(model.config.visual.image_size)
    return _lesson(model, images[: size.pictures], names[: size.pictures], size=size, sound=sound)


def _lesson(
    model: SynVae,
    images: UInt8[Tensor, "n c h w"],
    names: Sequence[str],
    *,
    size: LessonSize,
    sound: Sound,
) -> Lesson:
    """A lesson without tendencies, called photographs."""
    events, coding = KnownMelodies(model, images).hear_all(), model.music.coding
    channels, sounds = melody_channels(events, coding=coding), [sound] * len(images)
    gallery, remarks = None, []
    looks = model.looks(images.float() / 255)
    if looks is not None:
        levels = looks.cpu().numpy()
        channels = [*look_channels(levels), *channels]
        gallery = hue_gallery(levels, names)
        of_each = [Look(*row) for row in levels.tolist()]
        sounds = [as_performed(sound, look) for look in of_each]
        remarks = [performance_words(look) for look in of_each]
    return Lesson(
        title="photographs",
        images=images.numpy(),
        names=names,
        events=events,
        channels=channels,
        play=lambda index: sounds[index].render(events[index], coding=coding),
        gallery=gallery,
        remarks=remarks,
        questions=size.questions,
        coding=coding,
    )


def look_channels(looks: Integer[np.ndarray, "n 4"]) -> list[Channel]:
    """Channels of how pictures are played; of the families of instruments, which are alike."""
    _, light, contrast, busy = looks.T.astype(float)
    taught = [
        Channel(
            "light and high",
            "dark and low",
            "The register says how light the picture is, by the instrument and the octave",
            LEVELS,
            light,
        ),
        Channel(
            "high contrast and loud",
            "flat and soft",
            "Loudness says how much contrast there is",
            LEVELS,
            contrast,
        ),
        Channel(
            "busy and fast",
            "calm and slow",
            "The tempo says how much goes on from pixel to pixel",
            LEVELS,
            busy,
        ),
    ]
    families = [
        Channel(hue, f"not {hue}", "", "", (looks[:, 0] == number).astype(float), taught=False)
        for number, hue in enumerate(HUES)
    ]
    return [each for each in (*taught, *families) if each.values.std() > 0]


def hue_gallery(looks: Integer[np.ndarray, "n 4"], names: Sequence[str]) -> Gallery | None:
    """A picture of each family of hue that there is, as alike in all else as there are."""
    middle = np.abs(looks[:, 1:] - np.median(looks[:, 1:], axis=0)).sum(1)
    examples = []
    for number, hue in enumerate(HUES):
        rows = np.flatnonzero(looks[:, 0] == number)
        if len(rows):
            index = int(rows[middle[rows].argmin()])
            instrument = INSTRUMENTS[number][int(looks[index, 1])][1]
            examples.append((index, f"{hue}, {instrument}: {names[index]}"))
    if len(examples) < 2:
        return None
    return Gallery(
        "Which colour",
        "The family of instruments says which colour the picture has as a whole.",
        tuple(examples),
    )
