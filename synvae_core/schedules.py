"""Schedules as pure functions of the step."""

import math


def linear_warmup(step: int, *, steps: int) -> float:
    """Rises from 0 at step 0 to 1 at `steps` and stays there; 1 everywhere if `steps` is 0."""
    return min(1.0, step / steps) if steps > 0 else 1.0


def cosine_decay(step: int, *, steps: int, warmup: int = 0, floor: float = 0.0) -> float:
    """Rises linearly over `warmup` steps to 1, then falls along a half cosine to `floor`.

    Loshchilov & Hutter 2017, "SGDR", arXiv 1608.03983, without restarts.
    """
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))


def exponential_rise(step: int, *, rate: float) -> float:
    """1 - rate^step: MusicVAE's rise of beta, from 0 at step 0 towards 1; `rate` in [0, 1)."""
    return 1 - rate**step


def exponential_decay(step: int, *, rate: float, floor: float = 0.0) -> float:
    """rate^step, but not below `floor`: MusicVAE's decay of the learning rate."""
    return max(floor, rate**step)


def inverse_sigmoid(step: int, *, rate: float) -> float:
    """Probability, rising from 1 / (1 + rate) to 1, that a decoder reads its own draw.

    1 - k / (k + e^(step / k)) with k = `rate`; 0 everywhere if `rate` is 0 (teacher forcing).
    Bengio et al. 2015, "Scheduled Sampling", arXiv 1506.03099.
    """
    if rate <= 0:
        return 0.0
    return 1 / (1 + rate * math.exp(-step / rate))
