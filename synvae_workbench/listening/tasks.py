"""Tasks of a listening test: hear a melody, choose the picture that it was made from.

The fields are those of Syneval, the web application of Müller-Eberstein & van Noord 2019,
"Translating Visual Art into Music", arXiv 1909.01218.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

MOST_CLASSES = 9  # Syneval chooses by the keys 1 to 9
MOST_TASKS = 10_000
MOST_CHARACTERS = 10_000
LARGEST_ID = 2**31 - 1


@dataclass(frozen=True)
class Task:
    """One question: `options` are ids of data, `truth` is the index of the one that is heard.

    Raises:
        ValueError: naming the field that is wrong.
    """

    truth: int
    options: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_ids("options", self.options)
        if type(self.truth) is not int or not 0 <= self.truth < len(self.options):
            raise ValueError(
                f"truth: expected an index from 0 to {len(self.options) - 1}, "
                f"got {short_repr(self.truth)}"
            )

    @property
    def answer(self) -> int:
        """The id of the right option."""
        return self.options[self.truth]

    @property
    def question(self) -> tuple[int, frozenset[int]]:
        """The right option and the set of all, wherever they stand."""
        return self.answer, frozenset(self.options)


@dataclass(frozen=True)
class TaskSet:
    """A listener's examples, heard first, and tasks in their order.

    Args:
        classes: names; each task has as many options as there are classes.
        examples: ids, equally many of each class, in the order of the classes.
        code: what a listener has to know to take part; Syneval asks "When are CODE going to take
            over the world?", whatever case the answer is in.
        disclaimer: shown before the test; may be empty.
        data_path, result_path: folders of the media and of the results, from where Syneval runs.

    Raises:
        ValueError: naming the field that is wrong.
    """

    name: str
    classes: tuple[str, ...]
    examples: tuple[int, ...]
    tasks: tuple[Task, ...]
    code: str = "melodies"
    disclaimer: str = ""
    data_path: str = "../data"
    result_path: str = "../results"

    def __post_init__(self) -> None:
        for field in ("name", "code", "disclaimer", "data_path", "result_path"):
            _check_text(field, getattr(self, field), least=int(field != "disclaimer"))
        _check_classes(self.classes)
        _check_ids("examples", self.examples)
        count = len(self.classes)
        if not self.examples or len(self.examples) % count:
            raise ValueError(
                f"examples: expected equally many of {count} classes, got {len(self.examples)}"
            )
        if not isinstance(self.tasks, tuple) or not 1 <= len(self.tasks) <= MOST_TASKS:
            raise ValueError(f"tasks: expected 1 to {MOST_TASKS:,} tasks")
        for index, task in enumerate(self.tasks):
            if not isinstance(task, Task) or len(task.options) != count:
                raise ValueError(f"tasks[{index}].options: expected {count}, one of each class")
        if len({task.question for task in self.tasks}) < len(self.tasks):
            raise ValueError("tasks: the same question is asked twice")

    @property
    def examples_by_class(self) -> dict[str, tuple[int, ...]]:
        """The ids of each class's examples."""
        share = len(self.examples) // len(self.classes)
        return {
            name: self.examples[i * share : (i + 1) * share] for i, name in enumerate(self.classes)
        }

    @property
    def ids(self) -> tuple[int, ...]:
        """All ids that are shown or heard, once, rising."""
        return tuple(sorted({*self.examples, *(i for task in self.tasks for i in task.options)}))


def check_labels(labels: Int[np.ndarray, " n"], names: Sequence[str]) -> None:
    """Refuses labels that have no name.

    Raises:
        ValueError: saying which label, and how many names there are.
    """
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(names):
        raise ValueError(
            f"labels are 0 to {len(names) - 1}, one for each of {len(names)} names: "
            f"got {labels.min()} to {labels.max()}"
        )


def _check_text(field: str, value: Any, *, least: int = 0) -> None:
    if not isinstance(value, str) or not least <= len(value) <= MOST_CHARACTERS:
        raise ValueError(
            f"{field}: expected text of {least} to {MOST_CHARACTERS:,} characters, "
            f"got {short_repr(value)}"
        )


def _check_classes(classes: Any) -> None:
    if not isinstance(classes, tuple) or not 2 <= len(classes) <= MOST_CLASSES:
        raise ValueError(f"classes: expected the names of 2 to {MOST_CLASSES} classes")
    for index, name in enumerate(classes):
        _check_text(f"classes[{index}]", name, least=1)
    if len(set(classes)) < len(classes):
        raise ValueError(f"classes: expected different names, got {short_repr(classes)}")


def _check_ids(field: str, ids: Any) -> None:
    if not isinstance(ids, tuple):
        raise ValueError(f"{field}: expected ids of data, got {short_repr(ids)}")
    for index, value in enumerate(ids):
        # a file is called after its id, so that only a plain number will do; True is no number
        if type(value) is not int or not 0 <= value <= LARGEST_ID:
            raise ValueError(
                f"{field}[{index}]: an id is a whole number from 0 to {LARGEST_ID}, "
                f"got {short_repr(value)}"
            )
    if len(set(ids)) < len(ids):
        raise ValueError(
            f"{field}: expected different ids, got {short_repr(_first_repeated(ids))} twice"
        )


def _first_repeated(ids: Iterable[int]) -> int:
    seen: set[int] = set()
    return next(value for value in ids if value in seen or seen.add(value))


def short_repr(value: Any) -> str:
    """Shortened repr of a value for messages, whatever a file holds."""
    try:
        text = repr(value)
    except ValueError:  # a number of too many digits
        return "a very long number"
    return text if len(text) <= 60 else f"{text[:57]}..."
