"""Sittings: one person's way through a listening test, journalled step by step.

A sitting has a random id and no name. Its journal `ID.jsonl` says when it began and that the person
consented, how the sound check and the lesson went, what was answered and after how long, and when
it was paused, taken up again and finished. All that a sitting is stands there: after a crash it
goes on from it.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from synvae_core.atomic import make_folder
from synvae_core.types import Measure
from synvae_workbench.listening.files import write_results, write_tasks
from synvae_workbench.listening.journal import Journal
from synvae_workbench.listening.materials import Materials, fingerprint
from synvae_workbench.listening.scoring import Session
from synvae_workbench.listening.tasks import TaskSet, short_repr

ID = re.compile(r"[0-9a-f]{16}")
CODE = re.compile(r"[0-9a-f]{8}")  # the first half of an id, which a person can write down
CONFIDENCE = ("a guess", "likely", "sure")
MOST_SECONDS, MOST_PLAYS = 86_400.0, 10_000
VOLUME, EXAMPLES, QUESTION, END = "volume", "examples", "question", "end"
LESSON = "lesson"  # before the examples, where a test begins with one
LOGGED = ("open", "pause", "resume")  # what changes nothing but is worth knowing

MEASURES = (
    Measure("median_seconds", None, 0, MOST_SECONDS),
    Measure("mean_plays", None, 0, MOST_PLAYS),
    Measure("accuracy_when_{confidence}", None, 0, 1),
    Measure("learnt_first", None, 0, 1),
    Measure("lesson_accuracy", None, 0, 1),
)


class Answer(NamedTuple):
    """The choice in a task, with response time, plays and confidence.

    `seconds` go from where the melody first began to the confirmation, without pauses; `confidence`
    is an index into `CONFIDENCE`.
    """

    choice: int
    seconds: float
    plays: int
    confidence: int


class Sitting:
    """State of a sitting, replayed from its journal; see `begin_sitting` and `open_sitting`."""

    def __init__(self, journal: Journal, materials: Materials) -> None:
        self._journal = journal
        self.stage = VOLUME
        self.answers: list[Answer] = []
        self.lesson: tuple[int, int] | None = None  # right answers, and questions
        records = journal.read()
        if not records or records[0][1].get("kind") != "begin":
            raise ValueError(f"{journal.path} does not begin as a sitting does")
        first = records[0][1]
        self.id, self.began = journal.path.stem, short_repr(first.get("at")).strip("'")
        self.listener = first.get("listener")
        tasks = materials.sets.get(self.listener) if isinstance(self.listener, str) else None
        if tasks is None or first.get("set") != fingerprint(tasks):
            raise OtherSet(f"{journal.path} was begun with another task set")
        self.tasks: TaskSet = tasks
        for number, record in records[1:]:
            try:
                self._take(record)
            except ValueError as error:
                raise ValueError(f"{journal.path}, line {number}: {error}") from error

    @property
    def session(self) -> Session:
        """Choices so far, None where there is none."""
        chosen = [answer.choice for answer in self.answers]
        return Session(self.tasks, tuple(chosen + [None] * (len(self.tasks.tasks) - len(chosen))))

    def check_sound(self, tones: int) -> None:
        """Stores that the listener counted the tones of the sound check rightly."""
        self._add({"kind": VOLUME, "tones": tones})

    def learn(self, right: int, questions: int) -> None:
        """Stores that the listener took a lesson first, with so many of its questions right."""
        self._add({"kind": LESSON, "right": right, "questions": questions})

    def hear_examples(self, heard: int) -> None:
        """Stores that the listener left the examples, having played so many."""
        self._add({"kind": EXAMPLES, "heard": heard})

    def answer(self, answer: Answer) -> None:
        """Stores the answer to the next task; it is on the disk when this returns.

        Raises:
            ValueError: if it is not an option of that task, a number is out of range, or no
                question is asked now; `Stale` if the sitting went on elsewhere.
        """
        self._add({"kind": "answer", "task": len(self.answers), **answer._asdict()})

    def log(self, kind: str) -> None:
        """Notes that the sitting was opened again, paused or resumed: one of `LOGGED`."""
        self._add({"kind": kind})

    def _add(self, record: dict[str, Any]) -> None:
        stage, count, lesson = self.stage, len(self.answers), self.lesson
        self._take(record)
        try:
            self._journal.append(record | {"at": _now()})
        except BaseException:  # what is not on the disk has not happened
            self.stage, self.lesson = stage, lesson
            del self.answers[count:]
            raise

    def _take(self, record: Mapping[str, Any]) -> None:
        match record:
            case {"kind": str(kind)} if kind in LOGGED:
                return
            case {"kind": "volume", "tones": int()} if self.stage == VOLUME:
                self.stage = EXAMPLES
            case {"kind": "lesson", "right": int(right), "questions": int(questions)} if (
                self.stage == EXAMPLES and self.lesson is None and 0 <= right <= questions > 0
            ):
                self.lesson = (right, questions)
            case {"kind": "examples", "heard": int()} if self.stage == EXAMPLES:
                self.stage = QUESTION
            case {"kind": "answer", "task": int(task)} if self.stage == QUESTION and task == len(
                self.answers
            ):
                self.answers.append(_parse_answer(record, self.tasks.tasks[task].options))
                if len(self.answers) == len(self.tasks.tasks):
                    self.stage = END
            case _:
                raise ValueError(
                    f"{short_repr(record.get('kind'))} does not follow in a sitting that is at "
                    f"{self.stage} with {len(self.answers)} answers"
                )


class OtherSet(ValueError):
    """A sitting of another task set, which is none of this one's business."""


class SittingFolder(NamedTuple):
    """The sittings of a folder by id, oldest first; those of other sets, and what is broken."""

    found: dict[str, Sitting]
    others: int
    broken: tuple[str, ...]

    @property
    def finished(self) -> dict[str, Sitting]:
        """Sittings with every task answered."""
        return {each: sitting for each, sitting in self.found.items() if sitting.stage == END}


def begin_sitting(folder: str | Path, materials: Materials) -> Sitting:
    """Begins a sitting of a person who has consented, with the task set that was served least."""
    folder = make_folder(Path(folder))
    times = dict.fromkeys(materials.sets, 0)
    for sitting in read_sittings(folder, materials).found.values():
        times[sitting.listener] += 1
    listener = min(times, key=times.__getitem__)
    journal = Journal(folder / f"{secrets.token_hex(8)}.jsonl")
    journal.append(
        {
            "kind": "begin",
            "at": _now(),
            "consent": True,
            "name": materials.sets[listener].name,
            "listener": listener,
            "set": fingerprint(materials.sets[listener]),
        }
    )
    return Sitting(journal, materials)


def open_sitting(folder: str | Path, each: str, materials: Materials) -> Sitting:
    """Opens a sitting to go on with; whoever had it open before can store nothing more.

    Args:
        each: its id or code.

    Raises:
        ValueError: if there is none of that id or code, it is of another task set, or its journal
            is not as a sitting writes it.
    """
    known = ID.fullmatch(each) or CODE.fullmatch(each)
    paths = list(Path(folder).glob(f"{each}*.jsonl")) if known else []
    if len(paths) != 1 or not ID.fullmatch(paths[0].stem):
        raise ValueError(f"there is no sitting {short_repr(each)} here: look at it again")
    (path,) = paths
    sitting = Sitting(Journal(path), materials)
    if sitting.stage != END:
        sitting.log("open")
    return sitting


def read_sittings(folder: str | Path, materials: Materials) -> SittingFolder:
    """Reads all sittings of a folder with these materials; a folder without any has none."""
    found, others, broken = [], 0, []
    for path in sorted(Path(folder).glob("*.jsonl")):
        if not ID.fullmatch(path.stem):
            continue
        try:
            found.append(Sitting(Journal(path), materials))
        except OtherSet:
            others += 1
        except ValueError as error:
            broken.append(str(error))
    found.sort(key=lambda sitting: (sitting.began, sitting.id))
    return SittingFolder({sitting.id: sitting for sitting in found}, others, tuple(broken))


def export_sittings(folder: str | Path, sittings: Mapping[str, Sitting]) -> None:
    """Writes `results/ID.json` as Syneval does, and beside it the set as `served/ID.json`."""
    for name in ("results", "served"):
        make_folder(Path(folder) / name)
    for each, sitting in sittings.items():
        write_results(Path(folder) / "results" / f"{each}.json", sitting.session)
        write_tasks(Path(folder) / "served" / f"{each}.json", sitting.tasks)


def behaviour(sittings: Sequence[Sitting]) -> dict[str, float]:
    """Behaviour of listeners: median seconds, mean plays, accuracy by confidence and in the lesson.

    All answers count, catch trials too; a confidence that nobody had is left out, and so is what
    there was of lessons where nobody took one: `learnt_first` is the share of listeners who did.

    Raises:
        ValueError: if there is no answer.
    """
    answers = [answer for sitting in sittings for answer in sitting.answers]
    if not answers:
        raise ValueError("there are no answers yet: expected at least one")
    right = np.array(
        [
            answer.choice == task.answer
            for sitting in sittings
            for answer, task in zip(sitting.answers, sitting.tasks.tasks, strict=False)
        ]
    )
    found = {
        "median_seconds": float(np.median([answer.seconds for answer in answers])),
        "mean_plays": float(np.mean([answer.plays for answer in answers])),
    }
    lessons = [sitting.lesson for sitting in sittings if sitting.lesson is not None]
    if lessons:
        found["learnt_first"] = len(lessons) / len(sittings)
        found["lesson_accuracy"] = float(np.mean([right / of for right, of in lessons]))
    felt = np.array([answer.confidence for answer in answers])
    for index, name in enumerate(CONFIDENCE):
        if (felt == index).any():
            found[f"accuracy_when_{name.replace(' ', '_')}"] = float(right[felt == index].mean())
    return found


def _parse_answer(record: Mapping[str, Any], options: Sequence[int]) -> Answer:
    match record:
        case {
            "choice": int(choice),
            "seconds": int() | float() as seconds,
            "plays": int(plays),
            "confidence": int(confidence),
        } if (
            type(choice) is int
            and choice in options
            and 0 <= seconds <= MOST_SECONDS
            and 1 <= plays <= MOST_PLAYS
            and 0 <= confidence < len(CONFIDENCE)
        ):
            return Answer(choice, float(seconds), plays, confidence)
    raise ValueError(
        f"expected one of {tuple(options)}, the seconds that it took, a play or more and a "
        f"confidence of 0 to {len(CONFIDENCE) - 1}; got {short_repr(dict(record))}"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
