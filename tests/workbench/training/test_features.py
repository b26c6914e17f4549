"""Features of training pictures, cached, and the weight of content that stands on them."""

import math

import pytest
import torch
from melody_models import melody_model

from synvae_core.models.contrastive import ContrastiveConfig, ContrastiveModel
from synvae_core.models.features import EFFICIENTNET, load_features
from synvae_core.models.storage import save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import halved, visual_config
from synvae_workbench.training import features as module
from synvae_workbench.training.content import Content
from synvae_workbench.training.features import content_of, features_of, shown_metrics
from synvae_workbench.training.objectives import SynVaeObjective
from synvae_workbench.training.pictures import to_unit

pytest.importorskip("efficientnet_lite_pytorch")


@pytest.fixture
def images(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNVAE_CACHE", str(tmp_path))
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (6, 3, 32, 32), generator=generator, dtype=torch.uint8)


def test_features_are_computed_once_for_the_same_pictures(images, monkeypatch):
    found = features_of(images, EFFICIENTNET)
    torch.testing.assert_close(found, load_features(EFFICIENTNET)(to_unit(images)))
    monkeypatch.setattr(module, "to_unit", None)  # computing again would fail
    assert torch.equal(features_of(images, EFFICIENTNET), found)
    with pytest.raises(TypeError):
        features_of(images.flip(0), EFFICIENTNET)


def test_features_of_a_run_that_was_trained_anew_are_computed_anew(images, tmp_path):
    run, found = tmp_path / "run", []
    for seed in range(2):
        torch.manual_seed(seed)
        save_model(ContrastiveModel(ContrastiveConfig(widths=(4,), hidden=4, projection=4)), run)
        load_features.cache_clear()  # as in another process
        found.append(features_of(images, str(run)))
    assert found[0].shape == (6, 4)
    assert not torch.equal(*found)


def test_content_is_nothing_for_the_same_pictures_and_grows_with_what_is_changed(images):
    content, pictures = content_of(images, 0.5), to_unit(images)
    assert content.distance(pictures, pictures).abs().max() < 1e-6
    little = content.distance((pictures + 0.02).clamp(0, 1), pictures)[0]
    much = content.distance(1 - pictures, pictures)[0]
    assert 0 < little < much
    assert content_of(images, 0.0) == Content()


def test_content_is_a_share_of_the_squared_error_and_reaches_the_encoder(images):
    sizes = halved(visual_config(32, latent_dim=8))
    model = SynVae(SynVaeConfig(sizes), melody_model("mixer"))
    pictures, draws = (images,), (torch.Generator().manual_seed(1) for _ in range(2))
    plain = SynVaeObjective(augment=False)(model, pictures, 0, next(draws))
    content = content_of(images, 0.5)
    found = SynVaeObjective(augment=False, content=content)(model, pictures, 0, next(draws))
    share = 0.5 * plain["squared_error"].mean() * found["feature_distance"]
    torch.testing.assert_close(found["loss"], plain["loss"] + share)
    found["feature_distance"].mean().backward()
    assert model.image_encoder.mu.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_weights_of_content_are_checked(weight):
    with pytest.raises(ValueError, match="weight of content"):
        Content(weight)


def test_content_is_told_by_the_network_that_is_named(images, tmp_path):
    config = ContrastiveConfig(widths=(8, 16))
    save_model(ContrastiveModel(config), tmp_path / "own")
    content, pictures = content_of(images, 0.5, str(tmp_path / "own")), to_unit(images)
    assert len(content.deviation) == config.widths[-1], "no feature of another network"
    assert content.distance(pictures, pictures).abs().max() < 1e-6
    assert content.distance(1 - pictures, pictures).min() > 0


def test_a_picture_that_comes_back_shows_the_same_and_another_one_does_not(images):
    measured = shown_metrics(to_unit(images), images, images, EFFICIENTNET)
    assert measured["notes/feature_distance"] == pytest.approx(0, abs=1e-6)
    # Two of six pictures differ by twice the variance, which is estimated with n - 1.
    assert 1 < measured["chance/feature_distance"] < 3
