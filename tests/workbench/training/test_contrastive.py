"""Contrastive learning: views keep what they must, and the objective learns to match them."""

import colorsys
import math
from dataclasses import replace

import pytest
import torch

from synvae_core.models.contrastive import ContrastiveConfig, ContrastiveModel
from synvae_workbench.training.contrastive import (
    LUMA,
    ContrastiveObjective,
    Views,
    hue_rotation,
    random_colours,
    random_resized_crops,
    random_view,
)
from synvae_workbench.training.loop import FitConfig, RunOptions, fit

UNCHANGED = Views(1.0, 1.0, mirror=False, colour=0.0, hue=0.0, coloured=1.0, grey=0.0)
IMAGES = torch.rand(32, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def test_views_are_pictures_and_repeat_with_their_seed():
    views = random_view(IMAGES, draws())
    assert views.shape == IMAGES.shape
    assert 0 <= views.min() and views.max() <= 1
    assert torch.equal(views, random_view(IMAGES, draws()))
    assert not torch.equal(views, random_view(IMAGES, draws(1)))


def test_views_of_no_strength_are_the_pictures():
    torch.testing.assert_close(random_view(IMAGES, draws(), UNCHANGED), IMAGES)


def test_half_of_the_views_are_mirrored():
    views = random_view(IMAGES, draws(), replace(UNCHANGED, mirror=True))
    same, turned = (
        (views - images).abs().amax((1, 2, 3)) < 1e-4 for images in (IMAGES, IMAGES.flip(3))
    )
    assert (same ^ turned).all()
    assert 8 < same.sum() < 24


def test_crops_lie_within_the_picture_and_have_the_area_that_was_asked_for():
    place = torch.linspace(0, 1, 16).expand(200, 1, 16, 16)  # says where a pixel was
    crops = random_resized_crops(place, draws(), replace(UNCHANGED, least_area=0.25))
    width = crops[:, 0, 0, -1] - crops[:, 0, 0, 0]
    assert 0.45 < width.min() < 0.55
    assert 0.95 < width.max() <= 1
    assert width.square().mean() == pytest.approx((0.25 + 1) / 2, abs=0.1)
    torch.testing.assert_close(crops[:, 0, 0], crops[:, 0, 9])


def test_grey_views_have_the_lightness_of_the_picture():
    grey = random_colours(IMAGES, draws(), replace(UNCHANGED, grey=1.0))
    expected = sum(share * IMAGES[:, i] for i, share in enumerate(LUMA))
    torch.testing.assert_close(grey, expected[:, None].expand(-1, 3, -1, -1))
    alone = torch.rand(4, 1, 16, 16)
    torch.testing.assert_close(random_view(alone, draws(), replace(UNCHANGED, hue=0.5)), alone)


def test_a_third_of_the_circle_turns_red_to_green_to_blue():
    third = hue_rotation(torch.full((1, 1, 1), 2 * math.pi / 3))[0]
    torch.testing.assert_close(third @ torch.eye(3), torch.eye(3).roll(1, 0))
    some = hue_rotation(torch.tensor([0.3]).view(1, 1, 1))[0]
    torch.testing.assert_close(some @ torch.ones(3), torch.ones(3))  # greys stay
    torch.testing.assert_close(some @ some.T, torch.eye(3))
    red, green, blue = (some @ torch.tensor([0.6, 0.4, 0.4])).tolist()
    hue = colorsys.rgb_to_hsv(red, green, blue)[0]
    assert hue == pytest.approx(0.3 / (2 * math.pi), abs=0.01)


def test_brightness_and_contrast_are_what_they_say():
    how = replace(UNCHANGED, colour=0.2)
    middling = 0.4 + 0.2 * IMAGES  # so that nothing is clamped
    changed = random_colours(middling, draws(), how)
    luma = torch.tensor(LUMA)
    before, after = (torch.einsum("c,bchw->bhw", luma, x).flatten(1) for x in (middling, changed))
    brightness = after.mean(1) / before.mean(1)
    contrast = (after.std(1) / after.mean(1)) / (before.std(1) / before.mean(1))
    for factors in (brightness, contrast):
        assert 0.8 <= factors.min() < 0.9
        assert 1.1 < factors.max() <= 1.2


def test_smaller_views_are_the_pictures_at_that_size():
    smooth = torch.nn.functional.interpolate(IMAGES[..., :3, :3], size=(32, 32), mode="bilinear")
    views = random_view(smooth, draws(), replace(UNCHANGED, scale=0.75))
    expected = torch.nn.functional.interpolate(smooth, size=(24, 24), mode="bilinear")
    torch.testing.assert_close(views, expected)


@pytest.mark.parametrize(
    "wrong", [{"least_area": 0.0}, {"aspect": 0.5}, {"colour": 1.0}, {"scale": 2.0}]
)
def test_impossible_views_are_refused(wrong):
    with pytest.raises(ValueError, match="expected least_area and scale above 0 up to 1"):
        Views(**wrong)


def test_the_views_of_a_picture_are_matched_after_training():
    torch.manual_seed(0)
    model = ContrastiveModel(ContrastiveConfig(16, (8, 16), 16, 8))
    plain = torch.rand(16, 3, 1, 1, generator=draws()).expand(-1, -1, 16, 16)
    objective = ContrastiveObjective(views=UNCHANGED)
    config = FitConfig(20, 16, 0.01, warmup_steps=0)
    history = fit(model, objective, ((255 * plain).byte(),), config, RunOptions("views"))
    assert history[-1]["matched"] == 1
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]
    assert objective(model, ((255 * IMAGES).byte(),), 0, draws())["loss"].shape == (32,)
