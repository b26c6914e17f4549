"""Pictures of any shape in the shape of a model."""

import numpy as np
import pytest

from synvae_workbench.live.pictures import squares

RED = np.array([200, 10, 10], np.uint8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 1), (2, 2)])
def test_pictures_that_are_one_pixel_high_or_wide_keep_their_colours(shape):
    picture = np.broadcast_to(RED[:, None, None], (3, *shape))
    assert (squares([picture], (3, 32, 32))[0] == RED[:, None, None]).all()
    grey = squares([picture[:1]], (1, 28, 28))
    assert grey.shape == (1, 1, 28, 28) and (grey == 200).all()
