"""Picture VAEs: published sizes, TensorFlow's padding and cropping."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from synvae_core.models.features import EFFICIENTNET, load_features
from synvae_core.models.storage import load_model, save_model
from synvae_core.models.visual import (
    ImageDecoder,
    ImageEncoder,
    VisualConfig,
    VisualVae,
    halved,
    visual_config,
)


@pytest.mark.parametrize("size", [28, 32, 64])
def test_shapes_and_gradients(size):
    config = visual_config(size, latent_dim=6)
    encoder, decoder = ImageEncoder(config), ImageDecoder(config)
    images = torch.rand(3, config.image_channels, size, size)
    posterior = encoder(images)
    reconstruction = decoder(posterior.mu)
    assert reconstruction.shape == images.shape
    assert 0 <= reconstruction.min() and reconstruction.max() <= 1
    (reconstruction.sum() + posterior.logvar.sum()).backward()
    parameters = [*encoder.parameters(), *decoder.parameters()]
    assert all(p.grad.abs().sum() > 0 for p in parameters)


def test_the_mnist_model_has_the_published_sizes():
    config = visual_config(28, latent_dim=50)
    encoder, decoder = ImageEncoder(config), ImageDecoder(config)
    assert encoder.mu.weight.shape == (50, 6 * 6 * 64)
    assert decoder.input.weight.shape == (7 * 7 * 32, 50)


def test_upsampling_crops_the_last_row_and_column():
    config = visual_config(28, latent_dim=2)
    decoder = ImageDecoder(config)
    x = torch.rand(1, config.decoder_input_channels, 7, 7)
    full = F.conv_transpose2d(x, decoder.convolutions[0].weight, stride=2)
    assert full.shape[-1] == 15
    seen = []
    decoder.convolutions[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    decoder.convolutions[0].bias.data.zero_()
    decoder.input.weight.data.zero_()
    decoder.input.bias.data.copy_(x.flatten())
    decoder(torch.zeros(1, 2))
    torch.testing.assert_close(seen[0], F.relu(full[..., :14, :14]))


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="48 pixels; choose 28, 32 or 64"):
        visual_config(48, latent_dim=2)


def test_standard_means_have_one_deviation_and_are_saved(tmp_path):
    torch.manual_seed(0)
    config = replace(visual_config(28, latent_dim=4), standard_means=True)
    model = VisualVae(config).train()
    images = torch.rand(64, 1, 28, 28)
    mu = model.image_encoder(images).mu
    torch.testing.assert_close(mu.std(0, correction=0), torch.full((4,), 0.95), atol=0.05, rtol=0)
    torch.testing.assert_close(mu.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    assert model.image_encoder(images[:1]).mu.isfinite().all()
    save_model(model, tmp_path)
    loaded = load_model(VisualVae, VisualConfig, tmp_path)
    assert loaded.config == config
    expected = model.eval().image_encoder(images).mu
    assert torch.equal(loaded.image_encoder(images).mu, expected)


def test_weights_from_before_means_could_be_standardised_load(tmp_path):
    model = VisualVae(visual_config(28, latent_dim=4))
    save_model(model, tmp_path)
    path = tmp_path / "config.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    del stored["config"]["standard_means"]
    path.write_text(json.dumps(stored), encoding="utf-8")
    assert load_model(VisualVae, VisualConfig, tmp_path).config == model.config


def test_an_encoder_sees_frozen_features_that_are_no_part_of_its_weights(tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch")
    config = halved(replace(visual_config(32, latent_dim=6), features=EFFICIENTNET))
    model = VisualVae(config)
    images = torch.rand(4, 3, 32, 32)
    model.train()(images)  # running means of the features
    model.eval()
    found = model.image_encoder(images)
    known = load_features(EFFICIENTNET)(images)
    torch.testing.assert_close(model.image_encoder(images, known), found)
    other = model.image_encoder(images, known + known.std(0))
    assert not torch.allclose(other.mu, found.mu)
    save_model(model, tmp_path)
    assert (tmp_path / "model.safetensors").stat().st_size < 8 << 20, "without EfficientNet's"
    again = load_model(VisualVae, VisualConfig, tmp_path)
    torch.testing.assert_close(again.image_encoder(images), found)
