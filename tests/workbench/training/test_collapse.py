"""The watch on the posterior: speaks once, early, and only when the code is empty."""

import math
import warnings

import pytest
import torch

from synvae_workbench.training.collapse import PosteriorCollapseWarning, PosteriorWatch


def losses(bits, active=None):
    found = {"loss": torch.ones(4), "kl_nats": torch.full((4,), bits * math.log(2))}
    return found if active is None else found | {"active_units": torch.full((4,), float(active))}


def walk(watch, values, *, start=0):
    for step, value in enumerate(values, start):
        watch.look(step, 1 + step // 100, value)


@pytest.mark.parametrize("empty", [losses(0.2), losses(40.0, active=0)])
def test_it_names_the_step_once(empty):
    watch = PosteriorWatch("tunes", after=50, patience=3)
    with pytest.warns(PosteriorCollapseWarning, match=r"tunes.*at step 70 \(epoch 1\)") as caught:
        walk(watch, [empty] * 300)
    assert len(caught) == 1


@pytest.mark.parametrize(
    "values",
    [
        [losses(0.2)] * 50 + [losses(5.0)] * 200,  # a slow start
        [losses(0.2) if step % 30 else losses(9.0) for step in range(300)],  # now and then
        [{"loss": torch.ones(4)}] * 300,  # no posterior at all
        [losses(30.0, active=12)] * 300,
    ],
)
def test_it_is_silent_otherwise(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        walk(PosteriorWatch("tunes", after=50, patience=4), values)
