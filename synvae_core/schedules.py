"""Schedules of weights and learning rates, as pure functions of the step."""

import math


def linear_warmup(step: int, *, steps: int) -> float:
    """Linear warm-up from 0 at step 0 to 1 at `steps`, then constant; always 1 if `steps` is 0."""
    return min(1.0, step / steps) if steps > 0 else 1.0


def cosine_decay(step: int, *, steps: int, warmup: int = 0, floor: float = 0.0) -> float:
    """Linear warm-up to 1 over `warmup` steps, then cosine decay to `floor` at `steps`.

    Loshchilov & Hutter 2017, "SGDR", arXiv 1608.03983, without restarts.
    """
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))


def exponential_rise(step: int, *, rate: float) -> float:
    """Schedule of MusicVAE's beta: 1 - rate^step, from 0 towards 1; `rate` in [0, 1)."""
    return 1 - rate**step


def exponential_decay(step: int, *, rate: float, floor: float = 0.0) -> float:
    """Schedule of MusicVAE's learning rate: rate^step, but not below `floor`."""
    return max(floor, rate**step)


def inverse_sigmoid(step: int, *, rate: float) -> float:
    """Scheduled sampling: the probability that a decoder reads its own sample.

    1 - k / (k + e^(step / k)) with k = `rate`, rising from 1 / (1 + k) to 1; always 0 if `rate` is
    0 (teacher forcing).
    Bengio et al. 2015, "Scheduled Sampling", arXiv 1506.03099.
    """
    if rate <= 0:
        return 0.0
    return 1 / (1 + rate * math.exp(-step / rate))
