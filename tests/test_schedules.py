"""Schedules by tables of (step, expected)."""

import pytest

from synvae_core.schedules import cosine_decay, linear_warmup


@pytest.mark.parametrize(
    ("step", "steps", "expected"),
    [(0, 10, 0.0), (5, 10, 0.5), (10, 10, 1.0), (99, 10, 1.0), (0, 0, 1.0)],
)
def test_linear_warmup(step, steps, expected):
    assert linear_warmup(step, steps=steps) == expected


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0.25), (3, 1.0), (4, 1.0), (54, 0.55), (104, 0.1), (500, 0.1)]
)
def test_cosine_decay(step, expected):
    assert cosine_decay(step, steps=104, warmup=4, floor=0.1) == pytest.approx(expected)
