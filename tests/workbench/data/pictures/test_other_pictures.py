"""Pictures of another source: digits framed as MNIST's, photographs' parts in their place."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_sample_images

from synvae_workbench.data.pictures.other_pictures import other_pictures
from synvae_workbench.data.registry import load_pictures


def test_digits_are_those_of_scikit_learn_in_mnist_s_frame():
    pictures = other_pictures(28, 1)
    assert (pictures.shape, pictures.dtype) == ((1797, 1, 28, 28), torch.uint8)
    middle = pictures[:, :, 4:24, 4:24]
    assert middle.sum(dtype=torch.int64) == pictures.sum(dtype=torch.int64)  # a black frame
    # Averaged back to 4 x 4, where no interpolation matters much, they are what they were.
    coarse = middle.double().reshape(-1, 4, 5, 4, 5).mean((2, 4)).flatten(1)
    known = torch.from_numpy(load_digits().images * 255 / 16).reshape(-1, 4, 2, 4, 2)
    correlation = torch.corrcoef(torch.stack([coarse.flatten(), known.mean((2, 4)).flatten()]))
    assert correlation[0, 1] > 0.98
    digits = load_pictures("mnist_5k").test.images
    assert 0.7 < pictures.double().mean() / digits.double().mean() < 1.5  # about as much ink


def test_photographs_parts_lie_side_by_side():
    pictures = other_pictures(142, 3)  # their own size: nothing is scaled
    assert (pictures.shape, pictures.dtype) == ((24, 3, 142, 142), torch.uint8)
    for number, photograph in enumerate(load_sample_images().images):
        parts = pictures[12 * number : 12 * (number + 1)].numpy().reshape(3, 4, 3, 142, 142)
        whole = parts.transpose(0, 3, 1, 4, 2).reshape(426, 568, 3)
        assert np.array_equal(whole, photograph[:426, :568])
    small = other_pictures(32, 3)
    assert small.shape == (24, 3, 32, 32)
    means = (pictures.double().mean((2, 3)), small.double().mean((2, 3)))
    assert (means[0] - means[1]).abs().max() < 2


@pytest.mark.parametrize(("size", "channels"), [(7, 1), (28, 2)])
def test_other_sizes_and_channels_are_refused(size, channels):
    with pytest.raises(ValueError, match="8 pixels a side or more, of 1 or 3 channels"):
        other_pictures(size, channels)
