"""Variations of pictures, and what is minimised on them."""

import pytest
import torch

from synvae_core.losses import normal_kl, squared_error
from synvae_core.models.faces import FaceConfig, FaceVae
from synvae_workbench.training.faces import FaceObjective, Variation, draw_variations, vary
from synvae_workbench.training.loop import FitConfig, RunOptions, fit

STILL = Variation(*(0.0,) * 6, flip=False)
IMAGES = torch.rand(40, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_without_variation_pictures_stay():
    torch.testing.assert_close(vary(IMAGES, STILL, generator()), IMAGES, atol=1e-5, rtol=0)


def test_half_of_the_pictures_are_mirrored():
    images = IMAGES[:1].expand(400, -1, -1, -1)
    found = vary(images, Variation(*(0.0,) * 6), generator())
    mirrored = (found - images.flip(-1)).abs().amax((1, 2, 3)) < 1e-5
    kept = (found - images).abs().amax((1, 2, 3)) < 1e-5
    assert (mirrored ^ kept).all()
    assert 150 < mirrored.sum() < 250


def test_light_moves_all_pixels_alike_and_contrast_keeps_the_mean():
    grey = 0.4 + 0.2 * IMAGES
    lit = vary(grey, Variation(0.0, 0.0, 0.0, 0.05, 0.0, 0.0, flip=False), generator())
    moved = (lit - grey).flatten(1)
    assert moved.std(1).max() < 1e-5
    assert moved.mean(1).std().item() == pytest.approx(0.05, rel=0.4)
    strong = vary(grey, Variation(0.0, 0.0, 0.0, 0.0, 0.2, 0.0, flip=False), generator())
    torch.testing.assert_close(strong.mean((1, 2, 3)), grey.mean((1, 2, 3)))
    ratio = strong.flatten(1).std(1) / grey.flatten(1).std(1)
    assert ratio.min() < 0.9 and ratio.max() > 1.1


def test_a_shift_moves_what_is_drawn():
    image = torch.zeros(200, 1, 33, 33)
    image[:, :, 16, 16] = 1
    found = vary(image, Variation(0.2, 0.0, 0.0, 0.0, 0.0, 0.0, flip=False), generator())
    columns = found.sum((1, 2)).argmax(1) - 16
    assert columns.float().std().item() == pytest.approx(0.2 * 16.5, rel=0.3)
    assert columns.abs().max() <= 2 * 0.2 * 16.5 + 1


def test_variations_are_pictures_and_come_from_the_generator():
    found = vary(IMAGES, Variation(light=0.5, contrast=1.0), generator())
    assert 0 <= found.min() and found.max() <= 1
    assert torch.equal(found, vary(IMAGES, Variation(light=0.5, contrast=1.0), generator()))
    several = draw_variations(IMAGES, Variation(), times=3)
    assert several.shape == (120, 3, 16, 16)
    assert torch.equal(several, draw_variations(IMAGES, Variation(), times=3))
    assert not torch.equal(several[:40], several[40:80])
    assert vary(IMAGES[:, :1], Variation(), generator()).shape == (40, 1, 16, 16)
    for images, times in ((IMAGES, 0), (IMAGES[:0], 1)):
        with pytest.raises(ValueError, match="expected some"):
            draw_variations(images, Variation(), times=times)


def test_the_loss_is_that_of_the_pictures_as_they_are_where_nothing_is_varied():
    torch.manual_seed(0)
    model = FaceVae(FaceConfig(16, 3, 4, 4)).eval()
    images = (IMAGES * 255).byte()
    found = FaceObjective(0.5, None)(model, (images,), 0, generator())
    output = model(images / 255, sample=False)
    error = squared_error(output.reconstruction, images / 255)
    torch.testing.assert_close(found["squared_error"], error)
    torch.testing.assert_close(found["loss"], error + 0.5 * normal_kl(*output.posterior))
    drawn = FaceObjective(0.5)(model, (images,), 0, generator())
    assert not torch.allclose(drawn["squared_error"], error)


def test_a_few_steps_lower_the_loss():
    torch.manual_seed(0)
    model = FaceVae(FaceConfig(16, 3, 8, 4))
    images = (IMAGES * 255).byte()
    before = FaceObjective(0.1, None)(model.eval(), (images,), 0, generator())["loss"].mean()
    history = fit(
        *(model, FaceObjective(0.1, STILL), (images,), FitConfig(12, 20, 0.01, warmup_steps=1)),
        RunOptions("faces", validation=(images,), validate_by=FaceObjective(0.1, None)),
    )
    assert history[-1]["validation_loss"] < 0.8 * before
    assert history[-1]["validation_squared_error"] < history[0]["validation_squared_error"]
