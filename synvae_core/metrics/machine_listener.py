"""Listening test by machine: few-shot classification of sounds by the class of their picture.

Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218, let people
hear some examples of each of three classes with their pictures, then play one sound and ask from
which of three pictures, one of each class, it was made. A machine listener is given the same: the
sounds and the classes of the pictures. Chance is one in three.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Integer
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from torch import Tensor

from synvae_core.metrics.classification import exact_interval
from synvae_core.types import HIGHER, Measure, TooFewError

EXAMPLES = 4  # of each class: what the published code takes by default
FEWEST_CLASSES = 3
SMALLEST_SPREAD = 1.0  # least standard deviation of a feature over the examples, which may be 0

# (examples (e, f), their classes (e,) from 0 on, sounds (n, f)) -> scores (n, classes)
Listener = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Members = Sequence[Integer[np.ndarray, " _"]]  # rows of the sounds of each class
Labels = Int[Tensor, " n"] | Bool[Tensor, "n labels"]  # class ids, or several labels a picture

MEASURES = (
    Measure("nearest_mean", HIGHER, 0, 1),  # accuracies by listener
    Measure("logistic_regression", HIGHER, 0, 1),
    Measure("listener_accuracy_{end}", HIGHER, 0, 1),  # the ends of its interval
    Measure("{among}_accuracy", HIGHER, 0, 1),  # mean, lowest, highest, of the first sitting
    Measure("accuracy_sd", None, 0),
    Measure("first_low", HIGHER, 0, 1),
    Measure("{ear}_listener_low", HIGHER, 0, 1),
    Measure("{ear}_listener_high", HIGHER, 0, 1),
    Measure("first_high", HIGHER, 0, 1),
    Measure("share_at_{accuracy}_or_more", HIGHER, 0, 1),
    Measure("trios/rank", None, 1),
)


class Answers(NamedTuple):
    """True and chosen class of each sound that was played; from 0 on."""

    truth: Int[np.ndarray, " n"]
    chosen: Int[np.ndarray, " n"]

    @property
    def right(self) -> int:
        """Number of right answers."""
        return int((self.truth == self.chosen).sum())

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0..1."""
        return self.right / len(self.truth)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Clopper and Pearson's exact interval for the accuracy."""
        return exact_interval(self.right, len(self.truth), confidence=confidence)


def nearest_mean(
    examples: Float[np.ndarray, "e f"],
    classes: Int[np.ndarray, " e"],
    heard: Float[np.ndarray, "n f"],
) -> Float[np.ndarray, "n classes"]:
    """Nearest-mean scores: minus the squared distance to each class mean, standardised.

    Standardised by the examples alone: the listener knows nothing of other sounds.
    """
    examples, heard = _standardised(examples, heard)
    means = np.stack([examples[classes == c].mean(0) for c in range(classes.max() + 1)])
    return -np.square(heard[:, None] - means).sum(-1)


def nearest_example(
    examples: Float[np.ndarray, "e f"],
    classes: Int[np.ndarray, " e"],
    heard: Float[np.ndarray, "n f"],
) -> Float[np.ndarray, "n classes"]:
    """Nearest-neighbour scores: minus the squared distance to each class, standardised alike."""
    examples, heard = _standardised(examples, heard)
    distance = np.square(heard[:, None] - examples).sum(-1)
    return -np.stack([distance[:, classes == c].min(1) for c in range(classes.max() + 1)], 1)


def learner(make: Callable[[], ClassifierMixin]) -> Listener:
    """Listener that trains a classifier of scikit-learn on its examples, standardised alike."""

    def listen(examples: np.ndarray, classes: np.ndarray, heard: np.ndarray) -> np.ndarray:
        examples, heard = _standardised(examples, heard)
        return make().fit(examples, classes).decision_function(heard)

    return listen


def by_distances(distances: Float[np.ndarray, "n n"]) -> Listener:
    """A listener that knows how far apart sounds are and nothing else; it hears row numbers (n, 1).

    The class is that whose examples are nearest on average.
    """

    def listen(examples: np.ndarray, classes: np.ndarray, heard: np.ndarray) -> np.ndarray:
        apart = distances[np.ix_(heard[:, 0].astype(int), examples[:, 0].astype(int))]
        of = [apart[:, classes == c].mean(1) for c in range(classes.max() + 1)]
        return -np.stack(of, 1)

    return listen


# The first is the default: it has nothing to tune.
LISTENERS: dict[str, Listener] = {
    "nearest mean": nearest_mean,
    "nearest example": nearest_example,
    "logistic regression": learner(lambda: LogisticRegression(C=0.01, max_iter=500)),
    "support vectors": learner(lambda: SVC(decision_function_shape="ovr", break_ties=True)),
}


def members_of(labels: Labels, classes: Sequence[int]) -> list[Int[np.ndarray, " _"]]:
    """Rows of each class, in their order; of several labels, those that carry no other of these.

    Raises:
        ValueError: if fewer than three classes are named, one twice, or one has no row.
    """
    if len(classes) < FEWEST_CLASSES or len(set(classes)) != len(classes):
        raise ValueError(f"expected three classes or more, each once: got {[*classes]}")
    if labels.ndim == 2:  # a picture with two of the labels would have two right answers
        carried = labels.numpy()[:, [*classes]]
        found = [np.flatnonzero(own & (carried.sum(1) == 1)) for own in carried.T]
    else:
        found = [np.flatnonzero(labels.numpy() == each) for each in classes]
    if empty := [c for c, rows in zip(classes, found, strict=True) if not len(rows)]:
        raise ValueError(
            f"nothing is of class {', '.join(map(str, empty))} alone: choose other classes"
        )
    return found


def match_pictures(
    heard: Float[np.ndarray, "n f"],
    members: Members,
    *,
    examples: int = EXAMPLES,
    listener: Listener = nearest_mean,
    seed: int = 0,
) -> Answers:
    """Classification of each sound by the class of its picture, with new examples each time.

    Answers are then independent of one another's examples, and an exact interval holds for a
    listener with any examples. Examples are other sounds of `members`, drawn at random.

    Raises:
        ValueError: if a sound is not finite, or a class has no more members than examples.
    """
    _check(heard, members, examples)
    rng = np.random.default_rng(seed)
    truth, sounds = _in_one_row(members)
    chosen = np.empty_like(truth)
    for task, (c, sound) in enumerate(zip(truth, sounds, strict=True)):
        others = [rows[rows != sound] if i == c else rows for i, rows in enumerate(members)]
        given, classes = _drawn(others, examples, rng)
        chosen[task] = listener(heard[given], classes, heard[sound][None])[0].argmax()
    return Answers(truth, chosen)


def find_sounds(
    heard: Float[np.ndarray, "n f"],
    members: Members,
    *,
    examples: int = EXAMPLES,
    listener: Listener = nearest_mean,
    seed: int = 0,
) -> Answers:
    """Reverse task: choice of the sound of a given class, from one sound of each class.

    Each sound is asked for once, among new others and with new examples. `chosen` is the class of
    the sound that was chosen.

    Raises:
        ValueError: as `match_pictures`.
    """
    _check(heard, members, examples)
    rng = np.random.default_rng(seed)
    truth, sounds = _in_one_row(members)
    chosen = np.empty_like(truth)
    for task, (c, sound) in enumerate(zip(truth, sounds, strict=True)):
        options = np.array([rng.choice(rows) for rows in members])
        options[c] = sound
        others = [rows[rows != one] for rows, one in zip(members, options, strict=True)]
        given, classes = _drawn(others, examples, rng)
        scores = listener(heard[given], classes, heard[options])
        # scores of different sounds compare only against those of the other classes
        margin = scores[:, c] - np.delete(scores, c, axis=1).max(1)
        chosen[task] = margin.argmax()
    return Answers(truth, chosen)


def sit(
    heard: Float[np.ndarray, "n f"],
    examples: Members,
    played: Members,
    *,
    listener: Listener = nearest_mean,
) -> Answers:
    """Answers of one sitting: examples of each class are heard first, then sounds are classified.

    Args:
        examples, played: rows, by class.

    Raises:
        ValueError: if a sound is not finite, a class has no example, nothing is played, or an
            example is played as well.
    """
    _check_sounds(heard, examples)
    if len(played) != len(examples) or not sum(map(len, played)):
        raise ValueError(
            f"expected sounds to play of the {len(examples)} classes, got {[*map(len, played)]}"
        )
    (classes, given), (truth, asked) = map(_in_one_row, (examples, played))
    if known := sorted({*given.tolist()} & {*asked.tolist()}):
        raise ValueError(f"rows {known} are examples and played as well: choose others")
    return Answers(truth, listener(heard[given], classes, heard[asked]).argmax(1))


def learning_curve(
    heard: Float[np.ndarray, "n f"],
    members: Members,
    *,
    examples: int = EXAMPLES,
    count: int = 20,
    listener: Listener = nearest_mean,
    seed: int = 0,
) -> Float[np.ndarray, " count"]:
    """Accuracies of `count` sittings with so many examples of each class, drawn at random.

    All other sounds are played.

    Raises:
        ValueError: as `match_pictures`.
    """
    _check(heard, members, examples)
    if count < 1:
        raise ValueError(f"expected a sitting or more, got {count}")
    rng = np.random.default_rng(seed)
    accuracies = []
    for _ in range(count):
        order = [rng.permutation(rows) for rows in members]
        given, played = zip(*((rows[:examples], rows[examples:]) for rows in order), strict=True)
        accuracies.append(sit(heard, given, played, listener=listener).accuracy)
    return np.array(accuracies)


def trios(
    heard: Float[np.ndarray, "n f"],
    labels: Labels,
    *,
    classes: Sequence[int],
    examples: int = EXAMPLES,
    listener: Listener = nearest_mean,
    seed: int = 0,
) -> dict[tuple[int, ...], Answers]:
    """Answers of `match_pictures` for every three of the classes; of several labels, if enough.

    Raises:
        ValueError: as `match_pictures` and `members_of`.
    """
    found = list(combinations(classes, 3))
    if labels.ndim == 2:
        found = [trio for trio in found if can_be_asked(labels, trio, examples=examples)]
    else:
        members_of(labels, classes)
    ask = partial(match_pictures, heard, examples=examples, listener=listener, seed=seed)
    return {trio: ask(members_of(labels, trio)) for trio in found}


def can_be_asked(labels: Labels, classes: Sequence[int], *, examples: int = EXAMPLES) -> bool:
    """True if each class has more members, none of which carries two of them, than examples."""
    try:
        return min(map(len, members_of(labels, classes))) > examples
    except ValueError:
        return False


def _standardised(examples: np.ndarray, heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Examples and sounds, standardised by mean and standard deviation of the examples."""
    mean, spread = examples.mean(0), np.maximum(examples.std(0), SMALLEST_SPREAD)
    return (examples - mean) / spread, (heard - mean) / spread


def _in_one_row(members: Members) -> tuple[np.ndarray, np.ndarray]:
    """Class of each member, from 0 on, and the members, class by class."""
    return np.repeat(np.arange(len(members)), [*map(len, members)]), np.concatenate(members)


def _drawn(
    members: Members, examples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of random examples of each class, without replacement, and their classes."""
    rows = [rng.choice(each, examples, replace=False) for each in members]
    return np.concatenate(rows), np.repeat(np.arange(len(members)), examples)


def _check(heard: np.ndarray, members: Members, examples: int) -> None:
    _check_sounds(heard, members)
    sizes = [len(rows) for rows in members]
    if not 1 <= examples <= min(sizes) - 1:
        raise TooFewError(
            f"each class needs an example or more, and more sounds than examples: got {examples} "
            f"examples and {sizes} sounds"
        )


def _check_sounds(heard: np.ndarray, members: Members) -> None:
    if not np.isfinite(heard).all():
        raise ValueError("features of sounds are finite numbers: got NaN or infinity")
    sizes = [len(rows) for rows in members]
    if len(sizes) < FEWEST_CLASSES or not min(sizes):
        raise TooFewError(f"expected sounds of three classes or more, got {sizes}")
    rows = np.concatenate(members)
    if not 0 <= rows.min() <= rows.max() < len(heard):
        raise ValueError(f"rows are 0..{len(heard) - 1}, got {rows.min()}..{rows.max()}")
