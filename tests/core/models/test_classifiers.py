"""Classifiers that judge pictures: published sizes, and gradients everywhere."""

import pytest
import torch

from synvae_core.models.classifiers import (
    ClassifierConfig,
    EncoderClassifier,
    LeNet5,
    LeNet5Config,
    classifier_config,
    load_judge,
)
from synvae_core.models.storage import WeightsError, load_model, save_model
from synvae_core.models.visual import ImageEncoder, visual_config


@pytest.mark.parametrize("size", [28, 32, 64])
def test_it_has_the_encoder_s_convolutions_and_gradients_everywhere(size):
    visual = visual_config(size, latent_dim=6)
    classifier = EncoderClassifier(classifier_config(visual, classes=7))
    images = torch.rand(3, visual.image_channels, size, size)
    logits = classifier(images)
    assert logits.shape == (3, 7)
    logits.square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in classifier.parameters())
    encoder = ImageEncoder(visual)
    encoder.convolutions.load_state_dict(classifier.convolutions.state_dict())
    torch.testing.assert_close(encoder.features(images), classifier.features(images))


def test_sizes_are_the_published_ones():
    def shapes(size):
        visual = visual_config(size, latent_dim=6)
        classifier = EncoderClassifier(classifier_config(visual, classes=10))
        return [tuple(p.shape) for p in classifier.parameters() if p.ndim == 2]

    assert shapes(28) == [(10, 6 * 6 * 64)]
    assert shapes(32) == [(4096, 4 * 4 * 256), (10, 4096)]
    assert shapes(64) == [(4096, 4 * 4 * 256), (10, 4096)]


def test_it_is_saved_and_loaded(tmp_path):
    classifier = EncoderClassifier(classifier_config(visual_config(28, latent_dim=6), classes=3))
    save_model(classifier, tmp_path)
    again = load_model(EncoderClassifier, ClassifierConfig, tmp_path)
    images = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(again(images), classifier(images))


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="2 classes or more, got 1"):
        classifier_config(visual_config(28, latent_dim=6), classes=1)
    with pytest.raises(ValueError, match="2 classes or more, got 1"):
        LeNet5Config(classes=1)


def test_lenet_5_has_the_published_number_of_parameters():
    assert sum(each.numel() for each in LeNet5(LeNet5Config()).parameters()) == 61_706


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", "{}", "is not a model configuration"),
        ("config.json", '{"format": 1, "model": "SynVae", "config": {}}', "expected a LeNet5"),
        ("config.json", '{"format": 1, "model": "LeNet5", "config": {"classes": "a"}}', "not fit"),
        ("config.json", '{"format": 1, "model": "LeNet5", "config": {"classes": 7}}', "head"),
        ("model.safetensors", "cos\nsystem\n(S'false'\ntR.", "is damaged"),
    ],
)
def test_a_broken_judge_is_refused_by_name(tmp_path, file, content, message):
    save_model(LeNet5(LeNet5Config()), tmp_path)
    (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(WeightsError, match=message):
        load_judge(tmp_path)
