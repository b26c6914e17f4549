"""Questions of a lesson that adapt to the learner: a staircase of levels.

Which of two or three pictures was this melody made from? A right answer makes the next question
harder, a wrong one easier: the one-up one-down rule of Levitt 1971, "Transformed Up-Down Methods in
Psychoacoustics", J. Acoust. Soc. Am. 49, 467.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synvae_workbench.listening.lessons import Channel, Lesson


class Level(NamedTuple):
    """Difficulty of a question: pictures to choose from, and whether their melodies are near."""

    options: int
    near: bool


LEVELS = (Level(2, False), Level(2, True), Level(3, False), Level(3, True))
NEAREST = 1 / 3  # of the pictures of other names, the share that are near over the channels, or far


class Question(NamedTuple):
    """Indices of pictures in the order in which they are shown, and the place of the right one."""

    options: tuple[int, ...]
    place: int
    level: int

    @property
    def answer(self) -> int:
        """The index of the picture whose melody is heard."""
        return self.options[self.place]


class Staircase:
    """Questions of a lesson to one learner, each as hard as the answers before say.

    It begins with the easiest level; every picture is asked about once at most, and those that
    taught a channel not at all. The places of right answers are drawn without replacement, so that
    each place is right equally often among the questions of a size.
    """

    def __init__(self, lesson: Lesson, rng: np.random.Generator) -> None:
        self._lesson, self._rng = lesson, rng
        used = lesson.used
        self._unused = [i for i in range(len(lesson.images)) if i not in used]
        self._places: dict[int, list[int]] = {}
        self._asked = dict.fromkeys(sorted(set(lesson.names)), 0)
        self.answers: list[tuple[Question, int]] = []  # with the place that was chosen
        self.question: Question | None = self._next()

    @property
    def right(self) -> int:
        """Right answers so far."""
        return sum(question.place == place for question, place in self.answers)

    @property
    def by_chance(self) -> float:
        """Right answers of one who guesses, on average."""
        return sum(1 / len(question.options) for question, _ in self.answers)

    def answer(self, place: int) -> bool:
        """Takes the place that was chosen; whether it was right.

        Raises:
            ValueError: if no question is asked, or it has no such place.
        """
        question = self.question
        if question is None or not 0 <= place < len(question.options):
            raise ValueError(f"no question with a place {place} is asked now")
        self.answers.append((question, place))
        self.question = self._next() if len(self.answers) < self._lesson.questions else None
        return place == question.place

    def _level(self) -> int:
        if not self.answers:
            return 0
        question, place = self.answers[-1]
        step = 1 if place == question.place else -1
        return min(max(question.level + step, 0), len(LEVELS) - 1)

    def _next(self) -> Question | None:
        """The next question, or None where too few pictures of other names are left for one."""
        level = self._level()
        count, near = LEVELS[level]
        names = self._lesson.names
        if len({names[i] for i in self._unused}) < count:
            return None
        least = min(self._asked[names[i]] for i in self._unused)
        answer = int(self._rng.choice([i for i in self._unused if self._asked[names[i]] == least]))
        self._asked[names[answer]] += 1
        options = self._draw_others(answer, count - 1, near)
        place = self._draw_place(count)
        options.insert(place, answer)
        self._unused = [i for i in self._unused if i not in options]
        return Question(tuple(options), place, level)

    def _draw_others(self, answer: int, count: int, near: bool) -> list[int]:
        """Pictures of different names, among the nearest to the answer or the farthest from it."""
        names, apart = self._lesson.names, self._lesson.distances[answer]
        rest = [i for i in self._unused if names[i] != names[answer]]
        rest.sort(key=lambda i: apart[i] if near else -apart[i])
        few = max(1, round(NEAREST * len(rest)))
        order = [*self._rng.permutation(rest[:few]).tolist(), *rest[few:]]
        chosen: dict[str, int] = {}
        for each in order:
            chosen.setdefault(names[each], each)
        drawn = list(chosen.values())[:count]
        return self._rng.permutation(drawn).tolist()

    def _draw_place(self, count: int) -> int:
        if not self._places.get(count):
            self._places[count] = self._rng.permutation(count).tolist()
        return self._places[count].pop()


def rule_accuracies(
    lesson: Lesson, channels: Sequence[Channel], kinds: Sequence[str], *, learners: int, seed: int
) -> dict[int, float]:
    """Accuracy at each level of simulated learners who know the mean of each class in each channel.

    They choose the picture whose class mean is nearest to the melody, over all channels.

    Args:
        channels: of other melodies, in which the means are taken, and the standard deviations.
        kinds: the classes of those melodies, by name.
    """
    known = np.array([each.values for each in channels])
    heard = {each.more: each.values for each in lesson.channels}
    values = np.array([heard[each.more] for each in channels])
    own, spread = np.asarray(kinds), known.std(1, keepdims=True)
    means = {name: known[:, own == name].mean(1, keepdims=True) for name in {*kinds}}
    apart = {name: np.linalg.norm((values - mean) / spread, axis=0) for name, mean in means.items()}
    right: dict[int, list[bool]] = {}
    for rng in np.random.default_rng(seed).spawn(learners):
        stairs = Staircase(lesson, rng)
        while (question := stairs.question) is not None:
            costs = [apart[lesson.names[i]][question.answer] for i in question.options]
            right.setdefault(question.level, []).append(stairs.answer(int(np.argmin(costs))))
    return {level: float(np.mean(answers)) for level, answers in sorted(right.items())}
