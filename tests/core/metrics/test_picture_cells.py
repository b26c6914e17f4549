"""Cells of pictures: look-alikes share one, in any number and order of pictures."""

import numpy as np
import pytest
import torch

from synvae_core.metrics.picture_cells import CELLS, picture_cells


def looks(count, kinds=4):
    generator = np.random.default_rng(0)
    kind = np.arange(count) % kinds
    images = generator.normal(0, 4, (count, 1, 6, 6)) + 40 * kind[:, None, None, None]
    return torch.tensor(np.clip(images + 20, 0, 255), dtype=torch.uint8), kind


def test_pictures_that_look_alike_share_a_cell():
    images, kind = looks(60)
    cells = picture_cells(images, cells=4)
    pairs = set(zip(kind.tolist(), cells.tolist(), strict=True))
    assert len(pairs) == 4 and set(cells.tolist()) == {0, 1, 2, 3}
    assert (picture_cells(images, cells=4) == cells).all()


@pytest.mark.parametrize(
    ("count", "most"), [(1, 1), (2, 2), (19, 2), (50, 5), (300, CELLS), (900, CELLS)]
)
def test_few_pictures_have_few_cells(count, most):
    cells = picture_cells(torch.rand(count, 3, 4, 4))
    assert cells.shape == (count,) and 1 <= len(set(cells.tolist())) <= most
