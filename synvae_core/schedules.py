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
