"""Near twins are near, and no copies."""

import pytest
import torch

from synvae_workbench.evaluation.near_twins import near_twins


@pytest.fixture
def images():
    images = torch.zeros(3, 1, 28, 28, dtype=torch.uint8)
    images[:, :, 8:20, 12:15] = 200
    return images


def test_twins_are_nearer_than_other_pictures_and_no_copies(images):
    other = images.transpose(2, 3).float()
    for name, twins in near_twins(images).items():
        assert twins.shape == images.shape
        assert twins.dtype == torch.uint8
        apart = (twins.float() - images.float()).abs().mean()
        assert 0 < apart < 0.5 * (other - images.float()).abs().mean(), name


def test_a_moved_picture_is_the_same_a_pixel_to_the_right(images):
    moved = near_twins(images)["moved"]
    assert torch.equal(moved[..., 1:], images[..., :-1])
    assert torch.equal(moved[..., 0], images[..., 0])


def test_a_turned_picture_turns_about_its_middle():
    dot = torch.zeros(1, 1, 29, 29, dtype=torch.uint8)
    dot[..., 14, 14] = 255
    turned = near_twins(dot)["turned"]
    assert turned.argmax() == dot.argmax()


def test_the_same_seed_gives_the_same_noise(images):
    first, again, other = (near_twins(images, seed=seed)["noisy"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
