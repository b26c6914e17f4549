"""Copies are found, mirrored or not, and new pictures are not taken for copies."""

import pytest
import torch
from no_checks import no_checks

from synvae_core.metrics.copying import copied_share, nearest_pictures

TRAINING = torch.rand(15, 3, 6, 6, generator=torch.Generator().manual_seed(0))
NEW = torch.rand(40, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def test_a_copy_is_found_mirrored_or_not():
    copies = torch.cat([TRAINING[3:5], TRAINING[7:9].flip(-1)])
    found = nearest_pictures(copies, TRAINING)
    assert found.rows.tolist() == [3, 4, 7, 8]
    assert found.is_mirrored.tolist() == [False, False, True, True]
    assert found.squared_error.tolist() == [0, 0, 0, 0]


def test_the_nearest_is_that_of_all_pairs():
    found = nearest_pictures(NEW, TRAINING)
    both = torch.stack([TRAINING, TRAINING.flip(-1)])
    errors = (NEW[:, None, None] - both).square().sum((3, 4, 5))
    best = errors.flatten(1).argmin(1)
    assert torch.equal(found.rows, best % 15)
    assert torch.equal(found.is_mirrored, best >= 15)
    torch.testing.assert_close(found.squared_error, errors.flatten(1).amin(1))


def test_shares_of_copies_of_new_pictures_and_in_between():
    generator = torch.Generator().manual_seed(2)
    held_out = nearest_pictures(torch.rand(40, 3, 6, 6, generator=generator), TRAINING)
    new = nearest_pictures(NEW, TRAINING).squared_error
    copies = nearest_pictures(TRAINING, TRAINING).squared_error
    held_out = held_out.squared_error
    assert copied_share(copies, held_out) == 1
    assert copied_share(new, held_out) == pytest.approx(0.5, abs=0.15)
    assert copied_share(torch.cat([copies, copies]), copies) == 0.5
    assert copied_share(torch.tensor([1.0, 3.0]), torch.tensor([2.0])) == 0.5
    assert copied_share(new + 100, held_out) == 0


def test_what_cannot_be_compared_is_refused():
    with no_checks(), pytest.raises(ValueError, match=r"shapes \(3, 6, 6\) and \(3, 6, 5\)"):
        nearest_pictures(NEW, TRAINING[..., :5])
    with pytest.raises(ValueError, match="none of them 0"):
        nearest_pictures(NEW[:0], TRAINING)
    with pytest.raises(ValueError, match="NaN"):
        nearest_pictures(NEW * float("nan"), TRAINING)
    with pytest.raises(ValueError, match="samples have finite"):
        copied_share(torch.zeros(0), torch.ones(1))
    with pytest.raises(ValueError, match="held-out pictures have finite"):
        copied_share(torch.ones(1), torch.tensor([float("nan")]))
