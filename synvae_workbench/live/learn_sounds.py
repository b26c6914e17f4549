"""The live page of notebook 46: lessons in what can be heard of a picture's melody."""

from typing import ClassVar

from synvae_workbench.live.assets import read_assets
from synvae_workbench.live.screens import LESSON_MOVES, Moves, ScreenPage, whole

MOST_LESSONS = 9  # a key each


class LearnSounds(ScreenPage):
    """Widget of the lessons: a choice among them, their sounds, questions with answers.

    Its controller is `listening.course.CourseController`.
    """

    _esm = read_assets("screens.js", "lesson.js", "learn_sounds.js")
    _css = read_assets("screens.css", "lesson.css")
    moves: ClassVar[Moves] = {
        "hello": {},
        "lesson": {"index": whole(0, MOST_LESSONS - 1)},
        **LESSON_MOVES,
        "again": {},
    }
