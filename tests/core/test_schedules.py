"""Schedules by tables of (step, expected)."""

import pytest

from synvae_core.schedules import (
    cosine_decay,
    exponential_decay,
    exponential_rise,
    inverse_sigmoid,
    linear_warmup,
)


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


@pytest.mark.parametrize(
    ("step", "rate", "expected"),
    [(0, 0.99999, 0.0), (100_000, 0.99999, 0.632122), (0, 0.0, 0.0), (1, 0.0, 1.0), (9, 0.0, 1.0)],
)
def test_exponential_rise(step, rate, expected):
    assert exponential_rise(step, rate=rate) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 1.0), (1, 0.9999), (10_000, 0.367861), (10**6, 0.01)]
)
def test_exponential_decay(step, expected):
    assert exponential_decay(step, rate=0.9999, floor=0.01) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("step", "rate", "expected"),
    [
        (0, 1000, 1 / 1001),
        (6908, 1000, 0.500061),
        (20_000, 1000, 0.999998),
        (10**7, 1000, 1.0),  # e^(t / k) itself would be too large for a float
        (500, 0, 0.0),
    ],
)
def test_inverse_sigmoid(step, rate, expected):
    assert inverse_sigmoid(step, rate=rate) == pytest.approx(expected, abs=1e-6)
