"""Balanced, seeded, blind designs with catch trials.

Where the published sets ask about archetypes, these ask about ordinary members of the classes. How
often each class is right, and in which place, says nothing; ids say nothing; catch trials tell
listeners who listened from those who did not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from synvae_workbench.listening.tasks import Task, TaskSet, check_labels

BLIND_IDS = range(10_000, 100_000)


@dataclass(frozen=True)
class Key:
    """The key of a blind design: sources and labels behind its ids. No listener sees it.

    Args:
        sources: by id, the position among all pictures of what it shows or plays.
        labels: by id, the index into the set's classes.
        catch: ids of the right answers of catch trials.
        seed: of the design.
    """

    sources: dict[int, int]
    labels: dict[int, int]
    catch: tuple[int, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.sources.keys() != self.labels.keys():
            raise ValueError("labels: expected the same ids as in sources")
        strange = sorted(set(self.catch) - self.sources.keys())
        if strange:
            raise ValueError(f"catch: id {strange[0]} is not among the sources")


@dataclass(frozen=True)
class DesignSize:
    """Numbers of a blind design.

    Args:
        listeners: that it is for.
        examples: of each class, which a listener hears first.
        tasks: without the catch trials.
        catch: catch trials, at most one for each task.

    Raises:
        ValueError: naming the number that is out of range.
    """

    listeners: int
    examples: int = 4
    tasks: int = 27
    catch: int = 3

    def __post_init__(self) -> None:
        if min(self.listeners, self.examples, self.tasks) < 1:
            raise ValueError(
                "expected at least 1 listener, example and task, got "
                f"{self.listeners}, {self.examples}, {self.tasks}"
            )
        if not 0 <= self.catch <= self.tasks:
            raise ValueError(
                f"catch is 0 to {self.tasks}, one for each task at most; got {self.catch}"
            )


class Design(NamedTuple):
    """A task set for each listener, the same tasks in all of them, and the key to them."""

    sets: tuple[TaskSet, ...]
    key: Key


class _Trials(NamedTuple):
    """Ids of each trial's options by class (n, c), its right class and its place (n,)."""

    ids: np.ndarray
    right: np.ndarray
    place: np.ndarray


def balanced_design(
    labels: Int[np.ndarray, " n"],
    names: Sequence[str],
    size: DesignSize,
    *,
    classes: Sequence[int],
    name: str,
    seed: int = 0,
) -> Design:
    """Draws a design at random; nothing but labels takes part in the choice of members.

    Each task has one member of each class, each member stands in one task. Every class, every
    place, and every class in every place is right equally often, as far as `size.tasks` divides by
    the number of classes, or by its square. From one listener to the next a right answer moves on
    by one place; the other places are drawn, and so is the order of the tasks. The options of a
    catch trial are examples under other ids, so that whoever listened to the examples gets it
    right; one stands in each of as many equal parts of the order.

    Args:
        names: of all classes, by label.
        classes: labels of those that are asked about.
        name: of the set.

    Raises:
        ValueError: if a class has fewer members than examples and tasks, or a label or a class is
            out of range.
    """
    check_labels(labels, names)
    _check_classes(classes, names, size)
    rng = np.random.default_rng(seed)
    count, catch = size.examples + size.tasks, size.catch
    members = [_draw_members(labels, each, count, names[each], rng) for each in classes]
    again = [rng.permutation(size.examples)[np.arange(catch) % size.examples] for _ in classes]
    items = np.stack(
        [np.append(own, own[shown]) for own, shown in zip(members, again, strict=True)], axis=1
    )
    ids = rng.choice(np.array(BLIND_IDS), items.size, replace=False).reshape(items.shape)
    right, place = np.hstack(
        [_latin_square(number, len(classes)) for number in (size.tasks, catch)]
    )
    trials = _Trials(ids[size.examples :], right, place)
    key = Key(
        dict(zip(ids.flatten().tolist(), items.flatten().tolist(), strict=True)),
        {each: label for label, column in enumerate(ids.T.tolist()) for each in column},
        tuple(trials.ids[np.arange(size.tasks + catch), right][size.tasks :].tolist()),
        seed,
    )
    asked = tuple(names[label] for label in classes)
    examples = tuple(ids[: size.examples].T.ravel().tolist())
    orders = [
        _listener_tasks(trials, catch, listener, np.random.default_rng([seed, listener]))
        for listener in range(size.listeners)
    ]
    return Design(tuple(TaskSet(name, asked, examples, tasks) for tasks in orders), key)


def _latin_square(count: int, classes: int) -> np.ndarray:
    """Right classes and their places (2, count): a Latin square, repeated."""
    index = np.arange(count)
    return np.array([index % classes, (index // classes + index) % classes])


def _listener_tasks(
    trials: _Trials, catch: int, listener: int, rng: np.random.Generator
) -> tuple[Task, ...]:
    """The tasks of one listener, in an order of their own."""
    tasks = []
    places = (trials.place + listener) % trials.ids.shape[1]
    for ids, right, place in zip(trials.ids, trials.right, places.tolist(), strict=True):
        options = rng.permutation(np.delete(ids, right)).tolist()
        options.insert(place, int(ids[right]))
        tasks.append(Task(place, tuple(options)))
    order = rng.permutation(len(tasks) - catch)
    if not catch:
        return tuple(tasks[i] for i in order)
    mixed: list[Task] = []
    catches = rng.permutation(catch) + len(order)
    for part, caught in zip(np.array_split(order, catch), catches, strict=True):
        with_catch = np.insert(part, rng.integers(1, len(part) + 1), caught)
        mixed += [tasks[i] for i in with_catch]
    return tuple(mixed)


def _draw_members(
    labels: np.ndarray, label: int, count: int, name: str, rng: np.random.Generator
) -> np.ndarray:
    members = np.flatnonzero(labels == label)
    if len(members) < count:
        raise ValueError(
            f"class {name!r} has {len(members)} members, expected at least {count} "
            "(examples + tasks): ask for fewer"
        )
    return rng.choice(members, count, replace=False)


def _check_classes(classes: Sequence[int], names: Sequence[str], size: DesignSize) -> None:
    if len(set(classes)) < len(classes) or not all(0 <= each < len(names) for each in classes):
        raise ValueError(f"classes are different labels from 0 to {len(names) - 1}, got {classes}")
    if (size.examples + size.tasks + size.catch) * len(classes) > len(BLIND_IDS):
        raise ValueError(f"there are ids for {len(BLIND_IDS):,} members: ask for fewer tasks")
