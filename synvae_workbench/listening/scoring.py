"""Scores of listeners: accuracy, precision by class, Fleiss' kappa, confusion, chance.

As Syneval's scorer has it (Müller-Eberstein & van Noord 2019, arXiv 1909.01218): accuracies,
precision of each class, and the agreement of Fleiss 1971, "Measuring nominal scale agreement among
many raters". Beyond it: the exact binomial interval (Clopper & Pearson 1934), the test against
chance, who missed the catch trials, and the confusion matrix.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Int, Integer

from synvae_core.metrics.classification import exact_interval
from synvae_core.types import HIGHER, Measure
from synvae_workbench.listening.design import Key
from synvae_workbench.listening.tasks import TaskSet

MEASURES = (
    Measure("latent_listener_accuracy", HIGHER, 0, 1),
    Measure("listeners/mean", HIGHER, 0, 1),  # of the accuracies of single listeners
    Measure("listeners/sd", None, 0),
    Measure("listeners/min", HIGHER, 0, 1),
    Measure("listeners/max", HIGHER, 0, 1),
    Measure("listeners/interval_low", HIGHER, 0, 1),
    Measure("listeners/interval_high", HIGHER, 0, 1),
    Measure("listeners/p_value", None, 0, 1),
    Measure("listeners/chance", None, 0, 1),
    Measure("listeners/kappa", HIGHER, -1, 1),
    Measure("listeners/count", None, 1),
    Measure("listeners/left_out", None, 0),
)


@dataclass(frozen=True)
class Session:
    """One listener's choice in each task: the id of an option, or None for no answer.

    Raises:
        ValueError: naming the task, if it is neither, or if the numbers of tasks differ.
    """

    tasks: TaskSet
    choices: tuple[int | None, ...]

    def __post_init__(self) -> None:
        if len(self.choices) != len(self.tasks.tasks):
            raise ValueError(
                f"expected a choice for each of {len(self.tasks.tasks)} tasks, "
                f"got {len(self.choices)}"
            )
        for index, (task, choice) in enumerate(zip(self.tasks.tasks, self.choices, strict=True)):
            if choice is not None and (type(choice) is not int or choice not in task.options):
                raise ValueError(
                    f"choice {index}: expected null or one of {task.options}, got {choice!r:.60}"
                )

    @property
    def complete(self) -> bool:
        """True if every task was answered."""
        return None not in self.choices


class Share(NamedTuple):
    """Share `right` / `count` of answers, with interval and p-value against `chance`."""

    right: int
    count: int
    chance: float

    @property
    def value(self) -> float:
        """The accuracy, in 0..1."""
        return self.right / self.count

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Exact binomial interval (Clopper-Pearson) of the share.

        It takes answers as independent; those of one listener, or to one task, are not quite, so
        that the truth is somewhat wider.
        """
        return exact_interval(self.right, self.count, confidence=confidence)

    @property
    def p_value(self) -> float:
        """Probability that guessing gets at least as many right.

        Exact where the right answers were drawn; where they are balanced it errs to the safe side
        for those who always choose one place.
        """
        test = scipy.stats.binomtest(self.right, self.count, self.chance, alternative="greater")
        return float(test.pvalue)


class Scores(NamedTuple):
    """Scores of the listeners that count, catch trials aside.

    `confusion` counts answers by true class (rows) and chosen class. `precision` is, of the answers
    that chose a class, the share that was right; None if nobody chose it. `kappa` is None where it
    is undefined: fewer than two complete listeners, or a single class chosen throughout.
    """

    classes: tuple[str, ...]
    listeners: tuple[Share, ...]
    overall: Share
    confusion: np.ndarray
    precision: dict[str, float | None]
    kappa: float | None
    caught: tuple[float, ...]  # of every listener, the share of catch trials right
    left_out: int  # listeners that missed too many of those
    unanswered: int

    @property
    def accuracies(self) -> np.ndarray:
        """Accuracy of each listener that counts, in 0..1."""
        return np.array([each.value for each in self.listeners])

    def summary(self) -> dict[str, float]:
        """Mean, standard deviation (of these listeners), minimum and maximum accuracy; more."""
        low, high = self.overall.interval()
        accuracies = self.accuracies
        found = {
            "accuracy": self.overall.value,
            "mean": accuracies.mean(),
            "sd": accuracies.std(),
            "min": accuracies.min(),
            "max": accuracies.max(),
            "interval_low": low,
            "interval_high": high,
            "p_value": self.overall.p_value,
            "chance": self.overall.chance,
            "kappa": self.kappa,
        }
        return {name: float(value) for name, value in found.items() if value is not None}


def score(
    sessions: Sequence[Session],
    key: Key | None = None,
    *,
    least_catch: float = 0.0,
) -> Scores:
    """Scores of listeners, each on their own task set or all on one.

    Tasks without an answer do not count. Where a listener has answered none, or the design's key
    says that too few catch trials were right, the whole session does not.

    Args:
        key: of a blind design; without one, as in published sets, the place of an option is its
            class and there are no catch trials.
        least_catch: share of catch trials that a listener has to get right.

    Raises:
        ValueError: if no listener is left, if sets have other classes or tasks than the first, or
            if the key does not know an id.
    """
    if not sessions:
        raise ValueError("there are no sessions to score: expected at least one listener")
    if not 0 <= least_catch <= 1:
        raise ValueError(f"least_catch is a share of 0 to 1, got {least_catch}")
    key = key or _key_of_places(sessions)
    _check_sets(sessions, key)
    caught = tuple(_catch_accuracy(session, key) for session in sessions)
    counted = [
        (session, answers)
        for session, share in zip(sessions, caught, strict=True)
        if share >= least_catch and len(answers := _answers(session, key))
    ]
    if not counted:
        raise ValueError(
            f"none of {len(sessions)} listeners counts: they answered nothing, or fewer than "
            f"{least_catch:.0%} of the catch trials rightly"
        )
    classes = sessions[0].tasks.classes
    chance = 1 / len(classes)
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    for _, answers in counted:
        np.add.at(confusion, (answers[:, 0], answers[:, 1]), 1)
    shares = tuple(
        Share(int((answers[:, 0] == answers[:, 1]).sum()), len(answers), chance)
        for _, answers in counted
    )
    chosen = confusion.sum(0)
    return Scores(
        classes,
        shares,
        Share(int(confusion.trace()), int(confusion.sum()), chance),
        confusion,
        {
            name: float(confusion[i, i] / chosen[i]) if chosen[i] else None
            for i, name in enumerate(classes)
        },
        _kappa([session for session, _ in counted], key),
        caught,
        len(sessions) - len(counted),
        sum(session.choices.count(None) for session, _ in counted),
    )


def fleiss_kappa(counts: Integer[np.ndarray, "items categories"]) -> float:
    """Agreement beyond chance of raters that put items into categories; 1 is perfect, 0 is chance.

    Args:
        counts: how many raters put each item into each category, equally many for each item.

    Raises:
        ValueError: if there is no item, a count is negative, items have different numbers of
            raters or fewer than two, or all ratings are one category, where it is undefined.
    """
    if not counts.size or counts.min() < 0:
        raise ValueError(f"counts are numbers of raters, got {counts.shape} with {counts[:1]}")
    raters = counts.sum(1)
    if raters.min() != raters.max() or raters[0] < 2:
        raise ValueError(
            f"each item needs the same number of raters, at least 2: "
            f"got {raters.min()} to {raters.max()}"
        )
    if np.count_nonzero(counts.sum(0)) < 2:
        raise ValueError("all ratings are one category: agreement beyond chance is undefined")
    n = int(raters[0])
    agreement = ((counts.astype(float) ** 2).sum(1) - n) / (n * (n - 1))
    by_chance = float(((counts.sum(0) / counts.sum()) ** 2).sum())
    return (float(agreement.mean()) - by_chance) / (1 - by_chance)


def simulate_session(
    task_set: TaskSet, *, knows: float, rng: np.random.Generator, sure: Collection[int] = ()
) -> Session:
    """A listener who knows the answer with probability `knows` and guesses otherwise.

    Args:
        sure: answers that are always known, such as those of catch trials.

    Raises:
        ValueError: unless 0 <= knows <= 1.
    """
    if not 0 <= knows <= 1:
        raise ValueError(f"knows is a probability, got {knows}")
    choices = []
    for task in task_set.tasks:
        known = rng.random() < knows or task.answer in sure
        choices.append(task.answer if known else task.options[rng.integers(len(task.options))])
    return Session(task_set, tuple(choices))


def _key_of_places(sessions: Sequence[Session]) -> Key:
    """The key of a published set, in which the place of an option is its class."""
    labels: dict[int, int] = {}
    for task in sessions[0].tasks.tasks:
        labels |= {each: place for place, each in enumerate(task.options)}
    return Key(dict.fromkeys(labels, 0), labels)


def _check_sets(sessions: Sequence[Session], key: Key) -> None:
    first = sessions[0].tasks
    asked = {task.question for task in first.tasks}
    for index, session in enumerate(sessions):
        questions = {task.question for task in session.tasks.tasks}
        if session.tasks.classes != first.classes or questions != asked:
            raise ValueError(f"session {index} has other classes or tasks than session 0")
    for right, options in asked:
        for each in options:
            if each not in key.labels:
                raise ValueError(f"the key does not know id {each} of the task about {right}")
        if sorted(key.labels[each] for each in options) != list(range(len(first.classes))):
            raise ValueError(f"the options of the task about {right} are not one of each class")


def _catch_accuracy(session: Session, key: Key) -> float:
    """Share of the catch trials that a listener got right; 1 where there are none."""
    pairs = zip(session.tasks.tasks, session.choices, strict=True)
    right = [choice == task.answer for task, choice in pairs if task.answer in key.catch]
    return float(np.mean(right)) if right else 1.0


def _answers(session: Session, key: Key) -> Int[np.ndarray, "n 2"]:
    """True and chosen class of each task that was answered, catch trials aside."""
    found = [
        (key.labels[task.answer], key.labels[choice])
        for task, choice in zip(session.tasks.tasks, session.choices, strict=True)
        if choice is not None and task.answer not in key.catch
    ]
    return np.array(found, np.int64).reshape(-1, 2)


def _kappa(sessions: Sequence[Session], key: Key) -> float | None:
    complete = [session for session in sessions if session.complete]
    if len(complete) < 2:
        return None
    counts: dict[tuple, np.ndarray] = {}
    for session in complete:
        for task, choice in zip(session.tasks.tasks, session.choices, strict=True):
            if task.answer not in key.catch:
                row = counts.setdefault(task.question, np.zeros(len(task.options), np.int64))
                row[key.labels[choice]] += 1
    table = np.array(list(counts.values()))
    return fleiss_kappa(table) if np.count_nonzero(table.sum(0)) > 1 else None
