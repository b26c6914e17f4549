"""Measures that need more items than there are."""

import pytest

from synvae_core.types import TooFewError
from synvae_workbench.evaluation.few import ranks_within, where_enough


def test_a_measure_of_too_few_is_left_out_with_a_word_and_other_errors_are_not(capsys):
    found = {}
    with where_enough("the spread"):
        found["first"] = 1
        raise TooFewError("spread wants two melodies or more, got 1")
    assert found == {"first": 1}
    assert capsys.readouterr().out == (
        "Left out: the spread, as spread wants two melodies or more, got 1.\n"
    )
    with pytest.raises(ValueError, match="NaN"), where_enough("the spread"):
        raise ValueError("NaN")


@pytest.mark.parametrize(
    ("items", "kept", "said"),
    [(11, [1, 5, 10], ""), (6, [1, 5], "k = 10 needs 11 items: got 6"), (2, [1], "k = 5, 10")],
)
def test_ranks_are_those_that_have_neighbours(items, kept, said, capsys):
    assert ranks_within((1, 5, 10), items) == kept
    out = capsys.readouterr().out
    assert (said in out) and bool(out) == bool(said)


def test_one_item_has_no_neighbour():
    with pytest.raises(TooFewError, match="neighbours at 1 need 2 items: got 1"):
        ranks_within((1, 5), 1)
