"""Every figure finds the measure that it is of, and no measure is forgotten."""

import importlib
from pathlib import Path

import pytest

from synvae_core import metrics
from synvae_core.metrics.measures import MEASURES, measure_of
from synvae_core.types import HIGHER, LOWER, Measure

MODULES = sorted(path.stem for path in Path(metrics.__file__).parent.glob("[a-z]*.py"))


@pytest.mark.parametrize("name", [name for name in MODULES if name != "measures"])
def test_what_a_module_measures_is_gathered(name):
    module = importlib.import_module(f"synvae_core.metrics.{name}")
    assert set(getattr(module, "MEASURES", ())) <= set(MEASURES)


def test_measures_have_names_of_their_own_and_ranges():
    names = [measure.name for measure in MEASURES]
    assert len(set(names)) == len(names)
    assert all(measure.low < measure.high for measure in MEASURES)


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("notes/precision_at_10", "precision_at_{k}"),
        ("gumbel/notes_precision_at_10", "{space}_precision_at_{k}"),
        ("notes/precision_at_10_as_published", "precision_at_{k}_as_published"),
        ("other_pictures/floor_squared_error", "floor_squared_error"),
        ("other_pictures/notes_squared_error", "{space}_squared_error"),
        ("notes_by_class/a_b_at_10", "{space}_by_class/{label}_at_{k}"),
        ("notes/a_b_at_10", None),
        ("notes/squared_errors", None),
        ("notes/squared.error", None),
        ("squared_error", "squared_error"),
        ("no metric at all", None),
        ("", None),
    ],
)
def test_the_measure_that_spells_out_most_is_found(metric, name):
    found = measure_of(metric)
    assert (found and found.name) == name


def test_the_names_of_others_can_be_searched_too():
    mine = (Measure("mood_{of}", HIGHER), Measure("mood_of_dogs", LOWER), Measure("a.c", None))
    assert measure_of("notes/mood_of_dogs", mine) == mine[1]
    assert measure_of("notes/mood_of_cats", mine) == mine[0]
    assert measure_of("notes/abc", mine) is None
