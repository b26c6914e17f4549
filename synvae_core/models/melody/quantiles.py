"""Coding of events as quantiles of their distributions: from latents to events, and back.

Inverse transform sampling one way, arithmetic coding (Rissanen & Langdon 1979, IBM J. Res. Dev. 23)
the other. In float64, since intervals within intervals get narrow.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from synvae_core.types import Posterior

# Probability spread over all events that make sense, so that every melody has a latent code.
FLOOR = 1e-3
IMPOSSIBLE = -1e9  # the logit of an event that makes no sense


class Interval(NamedTuple):
    """Interval of an event in the cumulative distribution of its step."""

    low: Float[Tensor, "*b"]
    width: Float[Tensor, "*b"]


def cumulative(
    logits: Float[Tensor, "*b events"], surprise: float
) -> Float[Tensor, "*b events_and_one"]:
    """Cumulative distribution of the events, from 0 to 1, in float64.

    MPS has no float64: there the CPU computes it.
    """
    logits = (logits.cpu() if logits.device.type == "mps" else logits).double()
    sensible = (logits > 0.1 * IMPOSSIBLE).double()
    floor = FLOOR * sensible / sensible.sum(-1, keepdim=True)
    probabilities = (1 - FLOOR) * (logits / surprise).softmax(-1) + floor
    total = probabilities.cumsum(-1)
    # Exactly 1 after the last event that makes sense: no quantile below 1 picks one behind it.
    return F.pad(total / total[..., -1:], (1, 0))


def cumulative_normal(z: Float[Tensor, "b z"]) -> Float[Tensor, "b z"]:
    """Phi(z) in float64, strictly between 0 and 1; 1/2 of NaN."""
    z = z.cpu() if z.device.type == "mps" else z
    # A training that diverges has latents of NaN: its loss says so, at the batch where it happens.
    return torch.special.ndtr(z.double()).nan_to_num(0.5).clamp(1e-16, 1 - 1e-16)


def pick(
    logits: Float[Tensor, "b events"], quantile: Float[Tensor, " b"], surprise: float
) -> tuple[Int[Tensor, " b"], Interval, Float[Tensor, " b"]]:
    """Events at the quantiles, their intervals, and the place of each quantile within, in 0..1."""
    distribution = cumulative(logits, surprise)
    inner = distribution[:, 1:-1].contiguous()  # the last event takes all that is left
    event = torch.searchsorted(inner, quantile[:, None].contiguous(), right=True)
    low = distribution.gather(1, event)[:, 0]
    width = distribution.gather(1, event + 1)[:, 0] - low
    within = ((quantile - low) / width).clamp(0, 1)
    return event[:, 0].to(logits.device), Interval(low, width), within


class Picking:
    """Picks events one after another at the quantiles of the latents.

    Args:
        left: quantiles, of which the places within the intervals of what they picked are left.
        picks: how many events, one after another, each latent number picks.
    """

    def __init__(self, left: Float[Tensor, "b z"], picks: Sequence[int], surprise: float):
        self.left, self._surprise = left, surprise
        self._latents = [i for i, count in enumerate(picks) for _ in range(count)]
        self._picked: list[Interval] = []

    def next(self, logits: Float[Tensor, "b events"]) -> Int[Tensor, " b"]:
        """What the next latent number picks."""
        index = self._latents[len(self._picked)]
        chosen, interval, self.left[:, index] = pick(logits, self.left[:, index], self._surprise)
        self._picked.append(interval)
        return chosen

    def intervals(self) -> Interval:
        """Intervals of all that was picked."""
        return Interval(*(torch.stack(values, 1) for values in zip(*self._picked, strict=True)))


def interval_of(
    distribution: Float[Tensor, "b t events_and_one"], events: Int[Tensor, "b t"]
) -> Interval:
    """Intervals of these events in the cumulative distributions of their steps."""
    chosen = events.to(distribution.device)[..., None]
    low = distribution.gather(-1, chosen).squeeze(-1)
    return Interval(low, distribution.gather(-1, chosen + 1).squeeze(-1) - low)


def posterior_of(
    low: Float[Tensor, "b t"], width: Float[Tensor, "b t"], picks: Sequence[int]
) -> Posterior:
    """Posterior of the latent numbers, given the intervals of their events.

    Args:
        picks: how many events, one after another, each latent number picks.
    """
    # A column for each latent, padded below with all of the interval.
    places = pad_sequence([*torch.arange(low.shape[1]).split([*picks])], padding_value=-1)
    low, width = F.pad(low, (0, 1)), F.pad(width, (0, 1), value=1.0)
    start, whole = low[:, places[0]], width[:, places[0]]
    for row in places[1:]:  # an interval within the one before
        start = start + whole * low[:, row]
        whole = whole * width[:, row]
    return cut_normal(start, start + whole)


def cut_normal(low: Float[Tensor, "*b"], high: Float[Tensor, "*b"]) -> Posterior:
    """Mean and log variance of N(0, 1) truncated to the quantiles between two probabilities."""
    tiny = torch.finfo(low.dtype).tiny
    a, b = (torch.special.ndtri(p.clamp(tiny, 1 - 1e-16)) for p in (low, high))
    at_a, at_b = ((-0.5 * x.square()).exp() / math.sqrt(2 * math.pi) for x in (a, b))
    mass = (high - low).clamp(min=tiny)  # near 1, small steps may be lost
    # The difference of two densities loses digits in narrow intervals; the mean lies within.
    mean = torch.minimum(torch.maximum((at_a - at_b) / mass, a), b)
    variance = 1 + (a * at_a - b * at_b) / mass - mean.square()
    narrow = (b - a).square() / 12  # of a uniform distribution, when hardly a digit is left
    variance = torch.where(b - a < 1e-3, narrow, variance).clamp(1e-12, 1.0)
    return Posterior(mean.float(), variance.log().float())
