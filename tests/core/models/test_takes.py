"""Takes: of several melodies of a picture, the one of least cost is played."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from melody_models import melody_model

from synvae_core.metrics.melody_distances import blurred_roll_distances
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.takes import LEAST_STEP, MOVES, melody_rolls, unlikeness
from synvae_core.models.visual import moved_pictures, visual_config
from synvae_core.music.melody import ONE_VOICE


def synvae(**choices):
    torch.manual_seed(0)
    music = melody_model("mixer")
    visual = visual_config(28, latent_dim=music.config.latent_dim)
    return SynVae(SynVaeConfig(visual, **choices), music).eval()


@torch.no_grad()
def cycle(model, images):
    """Mean squared distance of the latents of the rebuilt pictures from those of the pictures."""
    _, rebuilt = model.hear(model.listen(images))
    apart = model.image_encoder(rebuilt).mu - model.image_encoder(images).mu
    return apart.square().mean().item()


def test_a_price_of_the_cycle_brings_pictures_back_that_would_be_played_alike():
    model, images = synvae(takes=24), torch.rand(6, 1, 28, 28)
    without = cycle(model, images)
    model.config = replace(model.config, cycle_price=1e6)
    assert cycle(model, images) < without
    alone = model.listen(images[2:3])
    assert torch.equal(alone[0], model.listen(images)[2]), "its batch changes nothing"


@torch.no_grad()
@pytest.mark.parametrize("told", [0.0, 0.5, 50.0])
@pytest.mark.parametrize("cycle", [0.0, 0.5, 50.0])
def test_the_take_of_least_cost_is_the_best_by_the_equation(told, cycle):
    model = synvae(takes=9, told_price=told, cycle_price=cycle)
    images = torch.rand(4, 1, 28, 28)
    visual = model.image_encoder(images)
    best = model.best_take(images, visual)
    steps = torch.randn(9, visual.mu.shape[1], generator=torch.Generator().manual_seed(0))
    steps[0] = 0
    sigma = (0.5 * visual.logvar).exp().clamp(min=LEAST_STEP)
    for i, image in enumerate(images):
        costs = []
        for step in steps:
            z = visual.mu[i] + step * sigma[i]
            heard, rebuilt = model.hear(model.music.decode(z[None]))
            apart = (heard.mu[0] - visual.mu[i]).square().mean()
            again = (model.image_encoder(rebuilt).mu[0] - visual.mu[i]).square().mean()
            error = (rebuilt[0] - image).square().sum()
            costs.append(error.log() + told * apart + cycle * again)
        chosen = visual.mu[i] + steps[int(torch.stack(costs).argmin())] * sigma[i]
        torch.testing.assert_close(best[i], chosen)


def test_a_moved_picture_is_the_picture_elsewhere():
    images = torch.rand(3, 2, 9, 7)
    moved = moved_pictures(images, MOVES)
    assert torch.equal(moved[:, 0], images)
    for (down, right), part in zip(MOVES, moved.unbind(1), strict=True):
        inner = torch.roll(images, (down, right), (2, 3))[..., 1:-1, 1:-1]
        assert torch.equal(part[..., 1:-1, 1:-1], inner)
    assert torch.equal(moved[:, 1, ..., 0], images[..., 0]), "the border is repeated"


def test_unlikeness_is_a_share_of_that_of_melodies_without_a_note_in_common():
    def far(one, other):
        return unlikeness(melody_rolls(one), melody_rolls(other))

    events = ONE_VOICE.canonical(np.random.default_rng(0).integers(0, 50, (4, 1, 32)))
    assert far(events, events) == pytest.approx(np.zeros((4, 1)), abs=1e-3)
    low, high = (np.full((1, 1, 32), 0) for _ in range(2))
    low[0, 0, ::4], high[0, 0, ::4] = 5, 40
    assert far(low, high) == pytest.approx(1)
    nearer = low.copy()
    nearer[0, 0, 4] += 1
    assert 0 < far(low, nearer)[0, 0] < far(low, high)[0, 0]
    both = np.concatenate([low, high], 1)
    assert far(low, both) == pytest.approx(0.5, abs=1e-3), "the mean over the others"


@torch.no_grad()
def test_the_price_of_twins_brings_melodies_nearer_to_those_of_the_moved_picture():
    model = synvae(takes=24)
    images = torch.rand(5, 1, 28, 28)
    moved = moved_pictures(images, MOVES).flatten(0, 1)
    twins = model.music.decode(model.image_encoder(moved).mu).unflatten(0, (5, -1)).numpy()

    def far():
        played = model.listen(images).numpy()
        return np.mean(
            [blurred_roll_distances(played[i : i + 1], twins[i]).mean() for i in range(5)]
        )

    without = far()
    model.config = replace(model.config, twin_price=100.0)
    assert far() < without
    alone = model.listen(images[2:3])
    assert torch.equal(alone[0], model.listen(images)[2]), "its batch changes nothing"
