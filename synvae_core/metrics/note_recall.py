"""Recall of notes in reconstructions, by length, onset, bar and syncopation.

A note of the original is found if the reconstruction starts a note of its pitch on its step; how
long it lasts does not count. Notes that the reconstruction adds count in `melody.note_f1`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Integer

from synvae_core.music.attributes import eighth_syncopation, sixteenth_syncopation
from synvae_core.music.coding import STEPS_PER_BAR, Coding
from synvae_core.music.melody import ONE_VOICE
from synvae_core.types import HIGHER, LOWER, Measure

LENGTHS = {"1": 1, "2": 2, "3–4": 4, "5–8": 8}  # longest of each class, in sixteenths
SYNCOPATION = {"none": 0.0, "up to 10 %": 0.1, "10–25 %": 0.25}  # largest share of each class

MEASURES = (
    Measure("notes", HIGHER, 0, 1),
    Measure("told_notes", HIGHER, 0, 1),
    Measure("told_steps", HIGHER, 0, 1),
    Measure("teacher_forced_accuracy", HIGHER, 0, 1),
    Measure("teacher_forced_nats", LOWER, 0),  # cross-entropy of a melody
    Measure("other_latents_nats", None, 0),  # the same, given the latents of another melody
    Measure("fitted_{score}", HIGHER, 0, 1),  # any of these from latents that were fitted
)


class Share(NamedTuple):
    """Proportion, `right` of `cases`, with its confidence interval."""

    right: int
    cases: int

    @property
    def value(self) -> float:
        """Share in 0..1, or NaN of no case at all."""
        return self.right / self.cases if self.cases else float("nan")

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Wilson's interval for the share; 0..1 if there is no case.

        It takes the cases as independent. Notes of one melody are not quite, so that the truth is
        somewhat wider.
        """
        if not self.cases:
            return 0.0, 1.0
        found = scipy.stats.binomtest(self.right, self.cases).proportion_ci(
            confidence, method="wilson"
        )
        return float(found.low), float(found.high)


class Groups(NamedTuple):
    """Names of groups of notes, and the group (n, t) of a note that each event starts."""

    names: list[str]
    group: np.ndarray


Grouping = Callable[[np.ndarray, Coding], Groups]  # of events (n, t)


class TeacherForced(NamedTuple):
    """Top-1 accuracy under teacher forcing, over all steps and over those on which a note starts.

    A note-off in silence is right where the melody holds: they sound the same.
    """

    steps: Share
    notes: Share


def by_length(events: Integer[np.ndarray, "n t"], coding: Coding = ONE_VOICE) -> Groups:
    """Notes by their length in sixteenths: 1, 2, 3-4, 5-8 and longer."""
    lengths: np.ndarray = coding.lengths(events)
    return Groups([*LENGTHS, "longer"], np.searchsorted([*LENGTHS.values()], lengths))


def by_onset(events: Integer[np.ndarray, "n t"], coding: Coding = ONE_VOICE) -> Groups:
    """Notes by the sixteenth of the bar that they start on: 1, 1e, 1&, 1a, 2 and so on."""
    names = [f"{beat}{part}" for beat in range(1, 5) for part in ("", "e", "&", "a")]
    return Groups(names, _step(events, coding) % STEPS_PER_BAR)


def by_bar(events: Integer[np.ndarray, "n t"], coding: Coding = ONE_VOICE) -> Groups:
    """Notes by the bar that they start in, counted from 1."""
    bars = -(-events.shape[1] // coding.voices // STEPS_PER_BAR)
    return Groups([str(bar + 1) for bar in range(bars)], _step(events, coding) // STEPS_PER_BAR)


def by_rhythm(events: Integer[np.ndarray, "n t"], coding: Coding = ONE_VOICE) -> Groups:
    """Notes by the share of their melody's notes that are syncopated, after an eighth or sixteenth.

    Fixed classes rather than quantiles, so that one corpus can be compared with another.
    """
    share = sixteenth_syncopation(events, coding=coding) + eighth_syncopation(events, coding=coding)
    index = np.searchsorted([*SYNCOPATION.values()], share)
    return Groups([*SYNCOPATION, "more"], np.broadcast_to(index[:, None], events.shape))


def recall_by(
    target: Integer[np.ndarray, "n t"],
    rebuilt: Integer[np.ndarray, "n t"],
    grouping: Grouping,
    *,
    coding: Coding = ONE_VOICE,
) -> dict[str, Share]:
    """Recall of the target's notes in each group, in the order of the groups.

    Args:
        grouping: `by_length`, `by_onset`, `by_bar`, `by_rhythm`, or one of your own.

    Raises:
        ValueError: if the shapes differ, or an event id is unknown.
    """
    if target.shape != rebuilt.shape:
        raise ValueError(f"notes are compared one by one: got {target.shape} and {rebuilt.shape}")
    target, rebuilt = coding.canonical(target), coding.canonical(rebuilt)
    names, index = grouping(target, coding)
    pitch = coding.starts(target)
    is_note, is_found = pitch > 0, pitch == coding.starts(rebuilt)
    count = np.bincount(index[is_note], minlength=len(names))
    right = np.bincount(index[is_note & is_found], minlength=len(names))
    pairs = zip(names, right.tolist(), count.tolist(), strict=True)
    return {name: Share(found, notes) for name, found, notes in pairs}


def recall(
    target: Integer[np.ndarray, "n t"],
    rebuilt: Integer[np.ndarray, "n t"],
    *,
    coding: Coding = ONE_VOICE,
) -> Share:
    """Recall of the target's notes, over all melodies together.

    Raises:
        ValueError: if the shapes differ, or an event id is unknown.
    """
    return recall_by(target, rebuilt, _one_group, coding=coding)["all"]


def teacher_forced_accuracy(
    logits: Float[np.ndarray, "n t events"],
    events: Integer[np.ndarray, "n t"],
    *,
    coding: Coding = ONE_VOICE,
) -> TeacherForced:
    """Top-1 accuracy of a decoder under teacher forcing.

    Args:
        logits: of each step's event, given the events before it.
        events: canonical event ids.

    Raises:
        ValueError: if an event id is unknown.
    """
    expected = coding.heard(logits.argmax(-1), coding.before(events))
    right, is_note = expected == events, coding.starts(events) > 0
    return TeacherForced(
        Share(int(right.sum()), right.size),
        Share(int((right & is_note).sum()), int(is_note.sum())),
    )


def _step(events: np.ndarray, coding: Coding) -> np.ndarray:
    """Step of each event, in the shape of the events."""
    return np.broadcast_to(np.arange(events.shape[1]) // coding.voices, events.shape)


def _one_group(events: np.ndarray, coding: Coding) -> Groups:
    return Groups(["all"], np.zeros_like(events))
