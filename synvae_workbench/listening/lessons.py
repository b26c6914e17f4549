"""Lessons in what can be heard of a picture's melody, by measured examples.

Each channel is taught by two pictures whose melodies differ most in it and least in all others;
which classes stand out in it is measured, and told where it is clear. What comes after is in
`staircase`: questions about the pictures that taught nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Float32, Integer, UInt8

from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE
from synvae_core.types import HIGHER, LOWER, Measure
from synvae_workbench.evaluation.sliders import SHARPER, TRAITS

LEAST_APART = 1.5  # standard deviations that the two examples of a channel differ in it
LEAST_SHARE = 0.8  # of the pairs in which a class has more or less of a channel, to be told
LEAST_NAMED = 1.0  # standard deviations of a difference that is told after an answer
MOST_NAMED = 2  # differences that are told after an answer
MOST_OPTIONS = 3  # pictures of a question


MEASURES = (
    Measure("sounds", None, 0),  # channels that are taught
    Measure("least_apart", HIGHER, 0),  # standard deviations, of the two examples of a channel
    Measure("most_otherwise", LOWER, 0),  # the same, in any other channel
    Measure("tendencies", None, 0),
)


class Channel(NamedTuple):
    """What can be heard of melodies: words for more and less of it, and its value in each (n,).

    One that is not `taught` only says which melodies are alike.
    """

    more: str
    less: str
    does: str
    unit: str
    values: Float[np.ndarray, " n"]
    taught: bool = True

    @property
    def title(self) -> str:
        """Both ends as a heading: "Lower or higher"."""
        return f"{self.less} or {self.more}".capitalize()

    def difference(self, first: int, second: int) -> str:
        """How a second melody differs from a first: "higher by 3.5 semitones"."""
        change = self.values[second] - self.values[first]
        size = float(f"{abs(change):.2g}")  # two figures, and no exponent
        unit = self.unit.removesuffix("s") if size == 1 else self.unit
        return f"{self.more if change > 0 else self.less} by {size:g} {unit}"


class Pair(NamedTuple):
    """Two melodies that teach a channel: less of it, and more.

    `apart` is how many standard deviations they differ in it, `otherwise` the most that they differ
    in any other.
    """

    channel: int
    less: int
    more: int
    apart: float
    otherwise: float


class Gallery(NamedTuple):
    """Examples of what has no more and less: indices of pictures, and what to call each."""

    title: str
    does: str
    examples: tuple[tuple[int, str], ...]


class Tendency(NamedTuple):
    """A class with more or less of a channel than the others, and in what share of the pairs.

    The share is the AUC: of a member and a picture of another class, how often it has more (less).
    """

    name: str
    word: str
    share: float

    def __str__(self) -> str:
        told = f"{self.name}: {self.word}, in {self.share:.0%} of the pairs with other pictures"
        return told[0].upper() + told[1:]


@dataclass(frozen=True)
class Lesson:
    """A lesson: pictures with their melodies, channels, examples, and questions about the rest.

    Args:
        title: of the lesson, in a few words.
        images: grey or colour.
        names: what each picture shows, "digit 1"; pictures of one name are not asked apart.
        events: the melody of each.
        channels: in the order in which they are taught.
        play: gives the waveform of the melody of a picture, by index, at `render.SAMPLE_RATE`.
        tendencies: of each channel, which classes stand out.
        gallery: shown before the channels; its pictures teach nothing else.
        remarks: on each picture, in words, with the examples and after an answer.
        questions: that are asked.
        coding: of the events.

    Raises:
        ValueError: if there are not as many names, melodies or values as pictures, or too few
            pictures for the examples and questions.
    """

    title: str
    images: UInt8[np.ndarray, "n c h w"]
    names: Sequence[str]
    events: Integer[np.ndarray, "n t"]
    channels: Sequence[Channel]
    play: Callable[[int], Float32[np.ndarray, " s"]]
    tendencies: Sequence[Sequence[Tendency]] = ()
    gallery: Gallery | None = None
    remarks: Sequence[str] = ()
    questions: int = 8
    coding: Coding = ONE_VOICE
    pairs: tuple[Pair, ...] = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.images)
        lengths = {len(self.names), len(self.events)}
        lengths |= {len(each.values) for each in self.channels}
        if lengths != {n}:
            raise ValueError(
                f"{self.title}: expected a name, a melody and a value of each channel for "
                f"each of {n} pictures; got {sorted(lengths)}"
            )
        shown = [index for index, _ in self.gallery.examples] if self.gallery else []
        object.__setattr__(self, "pairs", example_pairs(self.channels, without=shown))
        needed = len(self.used) + MOST_OPTIONS * self.questions
        if n < needed or len(set(self.names)) < MOST_OPTIONS:
            raise ValueError(
                f"{self.title}: {self.questions} questions need {needed} pictures of "
                f"{MOST_OPTIONS} names; got {n} of {len(set(self.names))}: give more, or ask fewer"
            )

    @property
    def used(self) -> set[int]:
        """Indices of the pictures that teach something."""
        shown = {index for index, _ in self.gallery.examples} if self.gallery else set()
        return shown | {i for pair in self.pairs for i in (pair.less, pair.more)}

    @cached_property
    def distances(self) -> Float[np.ndarray, "n n"]:
        """Euclidean distances of the melodies over all channels, in standard deviations."""
        return scipy.spatial.distance.squareform(
            scipy.spatial.distance.pdist(standardised(self.channels).T)
        )

    def summary(self) -> dict[str, float]:
        """Figures of the examples, by the names of `MEASURES`."""
        return {
            "sounds": float(len(self.pairs)),
            "least_apart": min((pair.apart for pair in self.pairs), default=0.0),
            "most_otherwise": max((pair.otherwise for pair in self.pairs), default=0.0),
            "tendencies": float(sum(map(len, self.tendencies))),
        }

    def compare(self, first: int, second: int) -> str:
        """How a second melody differs from a first, in the channels where it differs most."""
        apart = np.array([each[second] - each[first] for each in standardised(self.channels)])
        taught = [i for i, each in enumerate(self.channels) if each.taught]
        order = sorted(taught, key=lambda i: -abs(apart[i]))[:MOST_NAMED]
        told = [i for i in order if abs(apart[i]) >= LEAST_NAMED]
        return ", ".join(self.channels[i].difference(first, second) for i in told)


def melody_channels(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> list[Channel]:
    """Channels of the notes: the traits of the sliders, without the key and what never varies.

    A key is heard only beside another, and then as higher or lower.
    """
    found = [
        Channel(
            trait.more,
            trait.less,
            trait.does,
            trait.unit,
            trait.measure(events, coding=coding).astype(float),
        )
        for trait in TRAITS
        if trait.more != SHARPER
    ]
    return [each for each in found if each.values.std() > 0]


def standardised(channels: Sequence[Channel]) -> Float[np.ndarray, "c n"]:
    """Values of each channel in standard deviations from their mean."""
    values = np.array([each.values for each in channels], float)
    return (values - values.mean(1, keepdims=True)) / values.std(1, keepdims=True)


def example_pairs(channels: Sequence[Channel], *, without: Sequence[int] = ()) -> tuple[Pair, ...]:
    """The two melodies that teach each channel; a channel without such a pair has none.

    Chosen is the pair with the largest difference in the channel, less the Euclidean length of the
    differences in all others, in standard deviations; it differs more in the channel than in
    any other, and by `LEAST_APART` or more. No melody is in two pairs, and none of those
    `without`.
    """
    values = standardised(channels)
    squares = np.array(
        [
            scipy.spatial.distance.squareform(
                scipy.spatial.distance.pdist(row[:, None], "sqeuclidean")
            )
            for row in values
        ]
    )
    pairs: list[Pair] = []
    used = list(without)
    for number, row in enumerate(values):
        if not channels[number].taught:
            continue
        others = np.delete(squares, number, 0)
        apart = row - row[:, None]
        score = apart - np.sqrt(others.sum(0))
        least = np.maximum(LEAST_APART, np.sqrt(others.max(0, initial=0)))
        score[apart < least] = -np.inf  # too like in it, or less like in something else
        score[used], score[:, used] = -np.inf, -np.inf
        less, more = np.unravel_index(score.argmax(), score.shape)
        if np.isfinite(score[less, more]):
            otherwise = float(np.sqrt(others[:, less, more].max(initial=0)))
            pair = Pair(number, int(less), int(more), float(row[more] - row[less]), otherwise)
            pairs.append(pair)
            used += [pair.less, pair.more]
    return tuple(pairs)


def class_aucs(values: Float[np.ndarray, " n"], kinds: Sequence[str]) -> dict[str, float]:
    """Of each class the AUC of its members against all others, ties counted half.

    Args:
        kinds: the class of each melody, by name.

    Raises:
        ValueError: if all are of one class.
    """
    own = np.asarray(kinds)
    if len({*kinds}) < 2:
        raise ValueError(f"a class is compared with others: all are {', '.join({*kinds})}")
    # By its definition: scikit-learn's would be a second and 60 MB of each page with a lesson.
    more = np.sign(np.subtract.outer(values, values)) / 2 + 0.5
    return {name: float(more[own == name][:, own != name].mean()) for name in sorted({*kinds})}


def find_tendencies(channel: Channel, kinds: Sequence[str]) -> list[Tendency]:
    """Classes that stand out in a channel with `LEAST_SHARE` or more, the clearest first.

    Args:
        kinds: the class of each melody that the channel was measured in.
    """
    found = [
        Tendency(name, channel.more if auc >= 0.5 else channel.less, max(auc, 1 - auc))
        for name, auc in class_aucs(channel.values, kinds).items()
    ]
    return sorted((each for each in found if each.share >= LEAST_SHARE), key=lambda t: -t.share)
