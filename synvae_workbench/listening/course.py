"""A learner's way through a lesson, screen by screen, and the controller of the pages of lessons.

A question's screen has the sound, the pictures and what they show, in their places; which one is
right, the other sounds and all notes are told after the answer.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synvae_core.music.render import SAMPLE_RATE
from synvae_workbench.data.pictures.files import png_of
from synvae_workbench.listening.lessons import Channel, Lesson, Pair
from synvae_workbench.listening.materials import encode_flac
from synvae_workbench.listening.screens import Move, Screen
from synvae_workbench.listening.staircase import Staircase

STEP, TRY, SHOWN, LEARNT = "step", "try", "shown", "learnt"
SECONDS_PER_STEP, SECONDS_PER_TRY = 20, 20  # about
MOST_PAGES = 64  # that are remembered, the latest
NO_QUESTION = "this page is not at the question that is asked: load it again"


class Course:
    """One learner in a lesson: steps, one for each channel, then questions, then the result.

    Args:
        rng: of the questions; by default no two learners have the same.
    """

    def __init__(self, lesson: Lesson, rng: np.random.Generator | None = None) -> None:
        self.lesson = lesson
        self._rng = rng or np.random.default_rng()
        self._staircase = Staircase(lesson, self._rng)
        self._step: int | None = 0 if steps_of(lesson) else None
        self._told = True  # whether the latest answer was gone on from

    @property
    def right(self) -> int:
        """Questions that were answered rightly so far."""
        return self._staircase.right

    @property
    def answered(self) -> int:
        """Questions that were answered so far."""
        return len(self._staircase.answers)

    @property
    def finished(self) -> bool:
        """True when the last answer was given."""
        return self._staircase.question is None

    def reply(self, kind: str, values: Mapping[str, Any]) -> Screen:
        """The next screen after a move: "step", "guess", "next" or "again".

        Raises:
            ValueError: if the move is not possible now.
        """
        if kind == "step":
            index = values["index"]
            self._step = index if index < steps_of(self.lesson) else None
        elif kind == "guess":
            self._guess(values["task"], values["place"])
        elif kind == "next":
            self._told = True
        elif kind == "again" and self.finished:
            self._staircase, self._told = Staircase(self.lesson, self._rng), True
        else:
            raise ValueError("there is nothing to do again before the end")
        return self.screen()

    def screen(self) -> Screen:
        """The screen that the learner is at."""
        if self._step is not None:
            kind, (content, buffers) = STEP, self._show_step(self._step)
        elif not self._told:
            kind, (content, buffers) = SHOWN, self._show_answer()
        elif self.finished:
            kind, (content, buffers) = LEARNT, (self._sum_up(), [])
        else:
            kind, (content, buffers) = TRY, self._ask()
        return Screen({"screen": kind, "lesson": self.lesson.title, "said": ""} | content, buffers)

    def _guess(self, task: int, place: int) -> None:
        answered, question = self.answered, self._staircase.question
        if task == answered - 1 and not self._told:  # stored before, and the reply got lost
            return
        if question is None or task != answered or place >= len(question.options):
            raise ValueError(NO_QUESTION)
        self._staircase.answer(place)
        self._step, self._told = None, False

    def _show_step(self, index: int) -> tuple[dict[str, Any], list[bytes]]:
        lesson, gallery = self.lesson, self.lesson.gallery
        if gallery is not None and not index:
            told = {"title": gallery.title, "does": gallery.does, "tendencies": [], "measured": ""}
            examples = list(gallery.examples)
        else:
            pair = lesson.pairs[index - (gallery is not None)]
            channel = lesson.channels[pair.channel]
            known = lesson.tendencies[pair.channel] if lesson.tendencies else ()
            told = {
                "title": channel.title,
                "does": describe_channel(channel),
                "tendencies": [str(each) for each in known],
                "measured": describe_pair(lesson, pair),
            }
            both = ((pair.less, channel.less), (pair.more, channel.more))
            examples = [(i, f"{word}: {lesson.names[i]}") for i, word in both]
        shared = {"step": index, "of": steps_of(lesson), "questions": lesson.questions}
        drawn = [self._drawn(i, caption) for i, caption in examples]
        pictures = [png_of(lesson.images[i]) for i, _ in examples]
        sounds = [self._sound(i) for i, _ in examples]
        return {**shared, **told, "examples": drawn}, [*pictures, *sounds]

    def _ask(self) -> tuple[dict[str, Any], list[bytes]]:
        question = self._staircase.question
        if question is None:
            raise ValueError(NO_QUESTION)
        pictures = [png_of(self.lesson.images[i]) for i in question.options]
        # What a picture shows is no secret, which one is heard is: so blind people can answer too.
        names = [self.lesson.names[i] for i in question.options]
        return self._progress() | {"names": names}, [self._sound(question.answer), *pictures]

    def _show_answer(self) -> tuple[dict[str, Any], list[bytes]]:
        lesson, (question, chosen) = self.lesson, self._staircase.answers[-1]
        place, answer = question.place, question.answer
        others = [i for i in question.options if i != answer]
        if chosen != place:
            others = [question.options[chosen]]
        progress = self._progress()
        content = progress | {
            "said": f"{self.answered} of {progress['of']} answered, {self.right} right.",
            "place": place,
            "chosen": chosen,
            "examples": [self._drawn(i, lesson.names[i]) for i in question.options],
            "differences": [
                f"Beside that of {lesson.names[i]}, this melody is {told}."
                for i in others
                if (told := lesson.compare(i, answer))
            ],
        }
        pictures = [png_of(lesson.images[i]) for i in question.options]
        return content, [*pictures, *map(self._sound, question.options)]

    def _progress(self) -> dict[str, int]:
        return {
            "task": self.answered - (not self._told),
            "of": self.lesson.questions,
            "right": self.right,
        }

    def _sum_up(self) -> dict[str, Any]:
        stairs, lines = self._staircase, []
        for count in sorted({len(question.options) for question, _ in stairs.answers}):
            own = [pair for pair in stairs.answers if len(pair[0].options) == count]
            right = sum(question.place == place for question, place in own)
            lines.append(f"With {count} pictures to choose from: {right} of {len(own)} right.")
        guessed = f"Guessing gets about {stairs.by_chance:.1f} right."
        return {"right": stairs.right, "count": len(stairs.answers), "lines": [guessed, *lines]}

    def _drawn(self, index: int, caption: str) -> dict[str, Any]:
        """What a page draws of a melody: its notes as [start, end, pitch], and its length."""
        notes = self.lesson.coding.notes(self.lesson.events[index])
        steps = len(self.lesson.events[index]) // self.lesson.coding.voices
        drawn = [[note.start, note.end, note.pitch] for note in notes]
        remark = self.lesson.remarks[index] if self.lesson.remarks else ""
        return {"caption": caption, "remark": remark, "notes": drawn, "steps": steps}

    def _sound(self, index: int) -> bytes:
        return encode_flac(self.lesson.play(index), SAMPLE_RATE)


class CourseController:
    """Serves lessons to any number of pages; nothing of it is stored.

    Args:
        missing: of lessons that cannot be given here, why, in a sentence each.
    """

    def __init__(self, lessons: Sequence[Lesson], missing: Sequence[str] = ()) -> None:
        self._lessons, self._missing = list(lessons), list(missing)
        self._pages: OrderedDict[str, Course] = OrderedDict()

    def reply(self, move: Move) -> Screen:
        """The next screen of a page after its move.

        Raises:
            ValueError: if the move is not possible now.
        """
        if move.kind == "hello":
            return self._menu()
        if move.kind == "lesson":
            if not 0 <= move.values["index"] < len(self._lessons):
                raise ValueError("there is no such lesson: load the page again")
            course = self._pages[move.page] = Course(self._lessons[move.values["index"]])
            self._pages.move_to_end(move.page)
            while len(self._pages) > MOST_PAGES:
                self._pages.popitem(last=False)
            return course.screen()
        if move.page not in self._pages:
            raise ValueError("this page has no lesson: load it again")
        return self._pages[move.page].reply(move.kind, move.values)

    def _menu(self) -> Screen:
        lessons = [
            {
                "title": lesson.title,
                "steps": steps_of(lesson),
                "questions": lesson.questions,
                "minutes": minutes_of(lesson),
            }
            for lesson in self._lessons
        ]
        content = {"screen": "menu", "said": "", "lessons": lessons, "missing": self._missing}
        return Screen(content, [])


def steps_of(lesson: Lesson) -> int:
    """Screens of examples, before the questions."""
    return len(lesson.pairs) + (lesson.gallery is not None)


def minutes_of(lesson: Lesson) -> int:
    """About how long a lesson takes."""
    seconds = SECONDS_PER_STEP * steps_of(lesson) + SECONDS_PER_TRY * lesson.questions
    return max(1, round(seconds / 60))


def describe_channel(channel: Channel) -> str:
    """What happens in the notes to either end of a channel."""
    does = channel.does[0].lower() + channel.does[1:]
    return f"{channel.more.capitalize()}: {does}. {channel.less.capitalize()}: the other way round."


def describe_pair(lesson: Lesson, pair: Pair) -> str:
    """What was measured of two examples, in a sentence."""
    told = lesson.channels[pair.channel].difference(pair.less, pair.more)
    return (
        f"Measured: the second is {told}, {pair.apart:.1f} standard deviations; in anything else "
        f"they differ by {pair.otherwise:.1f} at most."
    )
