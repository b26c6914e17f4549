"""Controller of the pages of a listening test: answers each move with the next screen.

Ids, key and right answers stay here. A page gets pictures, sounds and words, and says which place
was chosen; what tells the answer is told after the last question.
"""

import json
import secrets
from collections import OrderedDict
from pathlib import Path
from typing import Any

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.render import SAMPLE_RATE
from synvae_core.music.sound import PIANO, Sound
from synvae_workbench.data.pictures.files import png_of
from synvae_workbench.listening.course import Course, minutes_of
from synvae_workbench.listening.lessons import Lesson
from synvae_workbench.listening.materials import Materials, encode_flac
from synvae_workbench.listening.scoring import Scores, score
from synvae_workbench.listening.screens import Move, Screen
from synvae_workbench.listening.sitting import (
    END,
    EXAMPLES,
    VOLUME,
    Answer,
    Sitting,
    begin_sitting,
    export_sittings,
    open_sitting,
    read_sittings,
)

TONES = (2, 3, 4, 5)  # of the sound check: one of these numbers
TONE_STEPS = 4
LEAST_CATCH = 2 / 3  # share of catch trials that a listener has to get right to count
MOST_PAGES = 64  # that are remembered, the latest
SECONDS_PER_QUESTION, SECONDS_PER_EXAMPLE = 20, 8  # about
COURSE_MOVES = ("step", "guess", "next", "learnt")


class Controller:
    """Serves a task set to any number of pages, each with a sitting of its own.

    Args:
        folder: the run folder; journals go to `sittings/`, finished ones also to `results/`.
        sound: of the tones of the sound check.
        lesson: that listeners take before the examples; none of its pictures is in the set.

    Raises:
        ValueError: if a picture of the lesson is in the set.
    """

    def __init__(
        self,
        materials: Materials,
        folder: str | Path,
        *,
        sound: Sound = PIANO,
        lesson: Lesson | None = None,
    ) -> None:
        if lesson is not None:
            check_apart(lesson, materials)
        self.materials, self.folder = materials, Path(folder)
        self.sittings = self.folder / "sittings"
        self._sound, self._lesson = sound, lesson
        self._courses: dict[str, Course] = {}  # by sitting
        self._pages: OrderedDict[str, Sitting] = OrderedDict()
        self._tones: dict[str, int] = {}  # by sitting, what it is to count

    def reply(self, move: Move) -> Screen:
        """The next screen of a page after its move.

        Raises:
            ValueError: if the move is not possible now; `Stale` if its sitting went on elsewhere.
            OSError: if it could not be stored.
        """
        values = move.values
        if move.kind == "hello":
            return self._hello(move.page, values["sitting"])
        if move.kind in ("begin", "resume"):
            begun = move.kind == "begin"
            sitting = (
                begin_sitting(self.sittings, self.materials)
                if begun
                else open_sitting(self.sittings, values["sitting"], self.materials)
            )
            self._sit(move.page, sitting)
            return self._screen(sitting, "" if begun else "You go on where you stopped.")
        if move.page not in self._pages:
            raise ValueError("this page has no sitting: load it again")
        sitting = self._pages[move.page]
        if move.kind == "example":
            return self._example(sitting, values["index"])
        if move.kind == "log":
            sitting.log(values["what"])
            return Screen({}, [])
        if move.kind == "tones":
            return self._count(sitting, values["count"])
        if move.kind in COURSE_MOVES:
            return self._learn(sitting, move)
        if move.kind == "heard":
            if sitting.stage == EXAMPLES and not self._to_learn(sitting):
                sitting.hear_examples(values["examples"])
            return self._screen(sitting)
        return self._answer(sitting, values)

    def _hello(self, page: str, each: str) -> Screen:
        if each:
            try:
                sitting = open_sitting(self.sittings, each, self.materials)
            except ValueError:  # of another run, or removed
                return self._welcome()
            self._sit(page, sitting)
            return self._screen(sitting, "You go on where you stopped.")
        return self._welcome()

    def _sit(self, page: str, sitting: Sitting) -> None:
        self._pages[page] = sitting
        self._pages.move_to_end(page)
        while len(self._pages) > MOST_PAGES:
            gone = self._pages.popitem(last=False)[1].id
            self._tones.pop(gone, None)
            self._courses.pop(gone, None)

    def _welcome(self) -> Screen:
        tasks = self.materials.first
        seconds = SECONDS_PER_QUESTION * len(tasks.tasks) + SECONDS_PER_EXAMPLE * len(
            tasks.examples
        )
        lesson = 0 if self._lesson is None else minutes_of(self._lesson)
        return Screen(
            {
                "screen": "welcome",
                "lesson": lesson,
                "name": tasks.name,
                "disclaimer": tasks.disclaimer,
                "questions": len(tasks.tasks),
                "choices": len(tasks.classes),
                "minutes": lesson + max(1, round(seconds / 60)),
            },
            [],
        )

    def _screen(self, sitting: Sitting, said: str = "") -> Screen:
        if self._to_learn(sitting):
            content, buffers = self._course(sitting).screen()
            return Screen(content | {"sitting": sitting.id, "said": said}, buffers)
        shared = {"screen": sitting.stage, "sitting": sitting.id, "said": said}
        if sitting.stage == VOLUME:
            content, buffers = {"counts": TONES}, [self._tone_sound(sitting)]
        elif sitting.stage == EXAMPLES:
            content, buffers = self._examples(sitting)
        elif sitting.stage == END:
            content, buffers = self._end(sitting), []
        else:
            content, buffers = self._question(sitting)
        return Screen(shared | content, buffers)

    def _to_learn(self, sitting: Sitting) -> bool:
        return self._lesson is not None and sitting.stage == EXAMPLES and sitting.lesson is None

    def _course(self, sitting: Sitting) -> Course:
        return self._courses.setdefault(sitting.id, Course(self._lesson))

    def _learn(self, sitting: Sitting, move: Move) -> Screen:
        """A move within the lesson; "learnt" ends it, once all of its questions are answered."""
        if not self._to_learn(sitting):
            return self._screen(sitting)
        course = self._course(sitting)
        if move.kind != "learnt":
            content, buffers = course.reply(move.kind, move.values)
            return Screen(content | {"sitting": sitting.id}, buffers)
        if course.finished:
            sitting.learn(course.right, course.answered)
        return self._screen(sitting)

    def _tone_sound(self, sitting: Sitting) -> bytes:
        """Clip of a random number of tones, equally long whichever their number."""
        number = self._tones[sitting.id] = secrets.choice(TONES)
        tones = [Note(TONE_STEPS * i, TONE_STEPS * (i + 1), 69) for i in range(number)]
        events = ONE_VOICE.events(tones, steps=(max(TONES) + 1) * TONE_STEPS)
        return encode_flac(self._sound.render(events), SAMPLE_RATE)

    def _count(self, sitting: Sitting, count: int) -> Screen:
        if sitting.stage != VOLUME:
            return self._screen(sitting)
        if count == self._tones.get(sitting.id):
            sitting.check_sound(count)
            return self._screen(sitting, "That is right: your sound works.")
        return self._screen(
            sitting, "It was another number. Here are new tones: set the sound louder and count."
        )

    def _examples(self, sitting: Sitting) -> tuple[dict[str, Any], list[bytes]]:
        groups = sitting.tasks.examples_by_class
        names = [name for name, ids in groups.items() for _ in ids]
        return {"classes": names}, [self.materials.picture(each) for each in sitting.tasks.examples]

    def _example(self, sitting: Sitting, index: int) -> Screen:
        if sitting.stage != EXAMPLES or index >= len(sitting.tasks.examples):
            raise ValueError("there is no such example now: load the page again")
        sound = self.materials.sound(sitting.tasks.examples[index])
        return Screen({"example": index}, [sound])

    def _question(self, sitting: Sitting) -> tuple[dict[str, Any], list[bytes]]:
        number, tasks = len(sitting.answers), sitting.tasks
        task = tasks.tasks[number]
        sound = self.materials.sound(task.answer)
        pictures = [self.materials.picture(each) for each in task.options]
        # What a picture shows is no secret, which one is heard is: so blind people can answer too.
        names = [self.materials.class_of(tasks, each) for each in task.options]
        return {"task": number, "of": len(tasks.tasks), "names": names}, [sound, *pictures]

    def _answer(self, sitting: Sitting, values: dict[str, Any]) -> Screen:
        task, answered = values["task"], len(sitting.answers)
        if task < answered or sitting.stage == END:  # stored before, and the reply got lost
            return self._screen(sitting)
        if task > answered or values["place"] >= len(sitting.tasks.tasks[task].options):
            raise ValueError("this page is not at the question that is asked: load it again")
        sitting.answer(
            Answer(
                sitting.tasks.tasks[task].options[values["place"]],
                values["seconds"],
                values["plays"],
                values["confidence"],
            )
        )
        if sitting.stage == END:
            export_sittings(self.folder, {sitting.id: sitting})
        return self._screen(sitting, "Saved.")

    def _end(self, sitting: Sitting) -> dict[str, Any]:
        own = score([sitting.session], self.materials.key)
        catch = bool(self.materials.key and self.materials.key.catch)
        finished = read_sittings(self.sittings, self.materials).finished
        lines = describe_scores(own, catch)
        if len(finished) > 1:
            sessions = [each.session for each in finished.values()]
            lines += _describe_all(sessions, self.materials, catch)
        return {
            "right": own.overall.right,
            "count": own.overall.count,
            "lines": lines,
            "classes": own.classes,
            "confusion": own.confusion.tolist(),
            "result": json.dumps(sitting.session.choices),
        }


def check_apart(lesson: Lesson, materials: Materials) -> None:
    """Refuses a lesson with pictures that the test asks about.

    Raises:
        ValueError: saying how many there are.
    """
    asked = materials.all_pictures()
    same = sum(png_of(image) in asked for image in lesson.images)
    if same:
        raise ValueError(
            f"{lesson.title}: {same} of its pictures are in the test: choose others, so that "
            "nobody learns what is asked"
        )


def describe_scores(scores: Scores, catch: bool) -> list[str]:
    """One listener's result in sentences; `catch` says whether there were catch trials."""
    share = scores.overall
    low, high = (100 * bound for bound in share.interval())
    lines = [
        f"{share.right} of {share.count} right, where guessing gets about "
        f"{share.chance * share.count:.1f}.",
        f"The true share is between {low:.0f} and {high:.0f} % with 95 % confidence; guessing "
        f"gets as many right with a probability of {share.p_value:.2g}.",
    ]
    if catch:
        lines.append(
            f"Of the questions that repeat an example, {100 * scores.caught[0]:.0f} % were right; "
            "they tell who listened, and do not count above."
        )
    return lines


def _describe_all(sessions: list, materials: Materials, catch: bool) -> list[str]:
    try:
        found = score(sessions, materials.key, least_catch=LEAST_CATCH if catch else 0.0)
    except ValueError:  # nobody listened to the examples
        return []
    low, high = found.overall.interval()
    text = (
        f"All {len(found.listeners)} listeners so far: {100 * found.overall.value:.0f} % right "
        f"({100 * low:.0f} to {100 * high:.0f} %)"
    )
    return [text + ("." if found.kappa is None else f", Fleiss' kappa {found.kappa:.2f}.")]
