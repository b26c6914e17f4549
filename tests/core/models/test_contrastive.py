"""The network of picture features: any size of picture, saved and loaded, frozen as it was."""

import copy

import pytest
import torch

from synvae_core.models.contrastive import ContrastiveConfig, ContrastiveModel, frozen
from synvae_core.models.storage import load_model, save_model

SMALL = ContrastiveConfig(widths=(4, 8, 12), hidden=10, projection=6)


def trained(config=SMALL):
    """A model whose running means are not those of a new one."""
    torch.manual_seed(0)
    model = ContrastiveModel(config).train()
    model(torch.rand(16, 3, config.image_size, config.image_size))
    return model


@pytest.mark.parametrize("size", [16, 28, 32, 50, 64])
def test_shapes_and_gradients(size):
    torch.manual_seed(0)
    model = ContrastiveModel(ContrastiveConfig(size, (4, 8, 12), 10, 6))
    assert model.network(torch.rand(2, 3, size, size)).shape == (2, model.network.count) == (2, 12)
    projections = model(torch.rand(8, 3, size, size))
    assert projections.shape == (8, 6)
    (projections * torch.randn(8, 6)).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


def test_the_first_maps_are_of_16_pixels_for_32_and_64():
    for size in (32, 64):
        network = ContrastiveModel(ContrastiveConfig(size, (4,), 10, 6)).network
        assert network.stem(torch.rand(1, 3, size, size)).shape == (1, 4, 16, 16)


def test_a_saved_model_is_the_same_again(tmp_path):
    model, images = trained().eval(), torch.rand(3, 3, 32, 32)
    save_model(model, tmp_path)
    again = load_model(ContrastiveModel, ContrastiveConfig, tmp_path)
    assert again.config == SMALL
    assert torch.equal(again(images), model(images))


def test_frozen_features_are_those_of_evaluation_whatever_the_mode():
    network, images = trained().network.eval(), torch.rand(5, 3, 32, 32, requires_grad=True)
    expected = network(images)
    folded = frozen(copy.deepcopy(network)).train()
    torch.testing.assert_close(folded(images), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(folded(images[2:3]), expected[2:3], rtol=1e-4, atol=1e-5)
    folded(images).sum().backward()
    assert images.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in folded.parameters())


def test_grey_pictures_and_other_sizes_are_seen():
    network = trained().network.eval()
    grey = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(network(grey), network(grey.expand(-1, 3, -1, -1)))
    plain = torch.full((1, 3, 64, 64), 0.3)
    torch.testing.assert_close(network(plain), network(plain[..., :32, :32]))
    views = torch.rand(2, 3, 24, 24)
    assert not torch.allclose(network(views), network.of_views(views), rtol=0.01)


@pytest.mark.parametrize("sizes", [{"image_size": 8}, {"widths": ()}])
def test_sizes_that_make_no_network_are_refused(sizes):
    with pytest.raises(ValueError, match="pictures of 16 pixels or more and a stage or more"):
        ContrastiveConfig(**sizes)
