"""Likeness in training: targets by which near twins are near, and runs that resume exactly."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch
from melody_models import melody_model
from scipy.spatial.distance import cdist

from synvae_core.losses import Likeness
from synvae_core.metrics.audible_weights import audible_weights
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_workbench.training import likeness
from synvae_workbench.training.likeness import (
    TargetOptions,
    heard_alike,
    nearest_under_moves,
    target_coordinates,
)
from synvae_workbench.training.loop import FitConfig, RunOptions, fit
from synvae_workbench.training.objectives import SynVaeObjective
from synvae_workbench.training.pictures import move_a_pixel

OBJECTIVE = SynVaeObjective(
    0.1,
    musicality=0.1,
    likeness=Likeness(1.0, 0.5, 0.1, audible=tuple(range(8))),
    musicality_warmup=5,
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNVAE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def two_classes(n=30, channels=1, side=28):
    """Upright and flat bars in turn, each moved by a pixel or none along each side."""
    rng = np.random.default_rng(0)
    images = torch.zeros(n, channels, side, side, dtype=torch.uint8)
    for i, image in enumerate(images):
        down, across = rng.integers(-1, 2, 2)
        image[:, 6 + down : 22 + down, 13 + across : 15 + across] = 255
        if i % 2:
            images[i] = image.mT.clone()
    return images


def ratio(points):
    """Mean distance within a class as a share of that between the two."""
    distances = cdist(points, points)
    same = (np.arange(len(points))[:, None] + np.arange(len(points))) % 2 == 0
    return distances[same].mean() / distances[~same].mean()


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 32)])
def test_moved_twins_are_nearer_than_by_pixels(channels, side):
    images = two_classes(channels=channels, side=side)
    coordinates = target_coordinates(images)
    assert coordinates.dtype == torch.float32
    assert ratio(coordinates.numpy()) < 0.2 < 0.4 < ratio(images.flatten(1).numpy().astype(float))


def test_targets_are_the_same_again_and_cached_by_pictures_and_options(cache):
    images = two_classes()
    first = target_coordinates(images)
    (path,) = cache.glob("likeness-*.npz")
    assert torch.equal(target_coordinates(images), first)
    path.unlink()
    assert torch.equal(target_coordinates(images), first)
    target_coordinates(images.flip(0))
    target_coordinates(images, options=TargetOptions(diffusion=0.5))
    assert len(list(cache.glob("likeness-*.npz"))) == 3


@pytest.mark.parametrize("images", [two_classes(4), torch.zeros(5, 1, 28, 28, dtype=torch.uint8)])
def test_few_or_equal_pictures_have_finite_targets(images):
    assert target_coordinates(images).isfinite().all()


def test_too_few_pictures_are_refused():
    with pytest.raises(ValueError, match="4 pictures or more, got 3"):
        target_coordinates(two_classes(3))


def test_the_nearest_are_those_by_the_least_distance_over_moves():
    moved = np.random.default_rng(0).standard_normal((3, 20, 4)).astype(np.float32)
    least = np.min([cdist(others, moved[0]) for others in moved], 0)
    distances, nearest = nearest_under_moves(moved, 5)
    assert (nearest == least.argsort(1)[:, :5]).all()
    assert distances == pytest.approx(np.sort(least, 1)[:, :5], abs=1e-3)


def test_a_picture_moves_by_a_whole_pixel_at_most():
    image = torch.rand(1, 1, 28, 28)
    moved = move_a_pixel(image.expand(40, -1, -1, -1), torch.Generator().manual_seed(0))
    shifts = [torch.roll(image[0], (i, j), (1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    inside = torch.stack(shifts)[..., 1:-1, 1:-1]
    equal = (moved[:, None, :, 1:-1, 1:-1] == inside).flatten(2).all(2)
    assert (equal.sum(1) == 1).all()
    assert equal.any(0).all()


def model():
    torch.manual_seed(0)
    sizes = dataclasses.replace(visual_config(28, latent_dim=8), standard_means=True)
    return SynVae(SynVaeConfig(sizes), melody_model("mixer"))


def test_likeness_adds_its_share_of_the_squared_error():
    images = two_classes()
    batch = (images, target_coordinates(images))
    one = dataclasses.replace(OBJECTIVE, augment=False)
    rest = dataclasses.replace(one, likeness=Likeness())
    seeds = (torch.Generator().manual_seed(1) for _ in range(2))
    found, without = one(model(), batch, 5, next(seeds)), rest(model(), batch[:1], 5, next(seeds))
    added = found["likeness"] + 0.5 * found["steadiness"] + 0.1 * found["heard_distance"]
    expected = without["loss"] + without["squared_error"].mean() * added
    torch.testing.assert_close(found["loss"], expected)
    start = rest(model(), batch[:1], 0, torch.Generator().manual_seed(1))
    musicality = 0.1 * start["squared_error"].mean() * start["normal_mismatch"]
    torch.testing.assert_close(start["loss"] + musicality, without["loss"])


def test_likeness_is_heard_with_the_weights_of_the_melody_model():
    music, terms = melody_model("flat"), Likeness(2.0, 1.0, 0.5)
    heard = heard_alike(SynVaeObjective(0.1, musicality=0.2), terms, music, steps=50)
    assert heard.likeness == dataclasses.replace(terms, audible=tuple(audible_weights(music)))
    assert (heard.beta, heard.musicality, heard.musicality_warmup) == (0.1, 0.2, 15)


def test_weights_of_one_melody_model_are_measured_once(monkeypatch):
    music, other, measured = melody_model("flat"), melody_model("flat"), []
    with torch.no_grad():
        next(other.parameters()).add_(0.5)

    def measure(model):
        measured.append(model)
        return np.arange(8) / len(measured)

    monkeypatch.setattr(likeness, "audible_weights", measure)
    hear = partial(heard_alike, SynVaeObjective(0.1), Likeness(1.0, 1.0, 0.5), steps=50)
    first = hear(music=music)
    assert hear(music=music) == first != hear(music=other)
    assert measured == [music, other]


def test_a_batch_without_coordinates_is_refused():
    with pytest.raises(ValueError, match="likeness wants the pictures' coordinates"):
        OBJECTIVE(model(), (two_classes(),), 0, torch.Generator())


def test_a_run_that_is_interrupted_ends_with_the_same_weights(tmp_path):
    images = two_classes(17)  # the last batch is of one
    rows, config = (images, target_coordinates(images)), FitConfig(3, 8, 1e-3, warmup_steps=2)
    whole, first, resumed = model(), model(), model()
    history = fit(whole, OBJECTIVE, rows, config, RunOptions("whole"))

    def interrupt(epoch):
        if epoch == 2:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        fit(first, OBJECTIVE, rows, config, RunOptions("a", folder=tmp_path, after_epoch=interrupt))
    assert fit(resumed, OBJECTIVE, rows, config, RunOptions("b", folder=tmp_path)) == history
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


def test_features_make_pictures_alike_whatever_their_pixels():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (40, 3, 32, 32), generator=generator, dtype=torch.uint8)
    kind = torch.arange(40) % 2
    features = torch.randn(40, 6, generator=generator) + 8 * kind[:, None]
    found = target_coordinates(images, features).numpy()
    distances = cdist(found, found)
    same = kind[:, None] == kind
    assert distances[same].max() < distances[~same].min()
    scaled = features * torch.tensor([1e3, 1.0, 1.0, 1.0, 1e-2, 1.0]) + 5
    again = target_coordinates(images, scaled).numpy()
    assert cdist(again, again) == pytest.approx(distances, abs=1e-2)
