"""Cells that can be seen, and what is nearest to their centres."""

import numpy as np
import pytest
import torch

from synvae_workbench.evaluation.class_alone import class_alone

CENTRES = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def test_every_item_gets_the_middle_one_of_its_cell():
    offsets = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.1, 0.0], [0.0, 1.0], [0.0, -1.0]])
    latents = (CENTRES[:, None] + offsets).flatten(0, 1)
    assert class_alone(latents, cells=3).tolist() == [2] * 5 + [7] * 5 + [12] * 5


def test_one_cell_and_a_cell_for_each():
    latents = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    assert len({*class_alone(latents, cells=1).tolist()}) == 1
    assert class_alone(latents, cells=20).tolist() == [*range(20)]


def test_representatives_speak_for_themselves_and_a_seed_gives_the_same_ones():
    latents = torch.randn(200, 8, generator=torch.Generator().manual_seed(1))
    found = class_alone(latents, cells=7, seed=3)
    assert np.array_equal(found[found], found)
    assert len({*found.tolist()}) == 7
    assert np.array_equal(class_alone(latents, cells=7, seed=3), found)


@pytest.mark.parametrize("cells", [0, 4])
def test_cells_are_at_most_as_many_as_items(cells):
    with pytest.raises(ValueError, match=f"cells is 1 to 3, of as many latents: got {cells}"):
        class_alone(CENTRES, cells=cells)
