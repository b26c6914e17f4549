"""Distances by tables are those of blurred rolls."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from synvae_core.metrics.melody_distances.blurred_roll import blurred_rolls
from synvae_core.metrics.melody_distances.roll_tables import (
    projection_table,
    roll_norms,
    roll_products,
    squared_distances,
    table_sums,
)
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.rolls import roll_codes, rolls_of


def some_melodies(steps: int) -> np.ndarray:
    """Random events in canonical form, the lowest and the highest pitch and silence among them."""
    rng = np.random.default_rng(steps)
    events = rng.integers(0, ONE_VOICE.size, (20, steps))
    events[rng.random(events.shape) < 0.5] = 0
    events[0], events[1], events[2] = 0, 2, ONE_VOICE.size - 1
    return ONE_VOICE.canonical(events)


@pytest.mark.parametrize("steps", [1, 4, 32, 48])
def test_tables_give_the_distances_of_blurred_rolls(steps):
    events = some_melodies(steps)
    codes, rolls = roll_codes(events), blurred_rolls(events)
    norms = roll_norms(codes)
    assert np.allclose(rolls_of(codes), rolls, atol=1e-6)
    assert np.allclose(norms, np.square(rolls).sum(1), rtol=1e-5)
    found = np.stack([squared_distances(each, codes, norms) for each in codes])
    assert np.allclose(found, cdist(rolls, rolls, "sqeuclidean"), atol=1e-4)


def test_tables_give_coordinates_along_components():
    events = some_melodies(32)
    rolls = blurred_rolls(events)
    components = np.random.default_rng(0).normal(size=(3, rolls.shape[1]))
    table = projection_table(components, 32)
    assert np.allclose(table_sums(table, roll_codes(events)), rolls @ components.T, atol=1e-4)


def test_products_of_many_are_those_of_each():
    codes = roll_codes(some_melodies(16))
    assert np.array_equal(roll_products(codes)[3:4], roll_products(codes[3:4]))
    assert table_sums(roll_products(codes[:1])[0], codes[:0]).shape == (0,)
