"""The VAE of few pictures: it begins as principal components, and every part of it learns."""

import pytest
import torch

from synvae_core.losses import normal_kl, squared_error
from synvae_core.models.faces import FaceConfig, FaceVae
from synvae_core.models.storage import WeightsError, load_model, save_model

CONFIG = FaceConfig(image_size=8, image_channels=3, latent_dim=4, hidden_channels=6)
IMAGES = torch.rand(30, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def components(images, z=4):
    centred = (images - images.mean(0)).flatten(1)
    _, values, directions = torch.linalg.svd(centred, full_matrices=False)
    shape = (z, *images.shape[1:])
    return images.mean(0), directions[:z].view(shape), values[:z] / (len(images) - 1) ** 0.5


@pytest.mark.parametrize(("size", "channels", "stride"), [(28, 1, 2), (64, 3, 4), (128, 3, 2)])
def test_shapes_ranges_and_gradients(size, channels, stride):
    torch.manual_seed(0)
    config = FaceConfig(size, channels, latent_dim=5, hidden_channels=4, stride=stride)
    model = FaceVae(config)
    images = torch.rand(3, channels, size, size)
    drawn, posterior = model.eval()(images)
    assert drawn.shape == images.shape and 0 <= drawn.min() and drawn.max() <= 1
    assert posterior.mu.shape == posterior.logvar.shape == (3, 5)
    for parameter in model.sharpening.parameters():  # the last ones begin at 0
        torch.nn.init.normal_(parameter, std=0.1)
    drawn, posterior = model.train()(images)
    (squared_error(drawn, images) + normal_kl(*posterior)).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


def test_it_begins_as_principal_components():
    mean, directions, sd = components(IMAGES)
    model = FaceVae(CONFIG)
    model.start_from(mean, directions, sd, beta=0.1)
    drawn, posterior = model.train()(IMAGES, sample=False)
    code = (IMAGES - mean).flatten(1) @ directions.flatten(1).T
    expected = (code @ directions.flatten(1)).view_as(IMAGES) + mean
    torch.testing.assert_close(drawn, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(posterior.mu.std(0), torch.ones(4), atol=1e-4, rtol=0)
    assert torch.equal(model.eval()(IMAGES, sample=False).reconstruction, drawn.clamp(0, 1))


def test_its_first_posterior_variance_is_the_best_one():
    mean, directions, sd = components(IMAGES)
    model = FaceVae(CONFIG).train()
    model.start_from(mean, directions, sd, beta=0.3)
    noise = torch.randn(20_000, 4, generator=torch.Generator().manual_seed(1))

    def loss(logvar):
        z = noise * (logvar / 2).exp()
        away = model.linear(z) - model.linear.bias
        return away.square().sum(1).mean() + 0.3 * normal_kl(0 * z[:1], logvar[None])[0]

    best = loss(model.logvar)
    assert all(loss(model.logvar + step) > best for step in (-0.3, 0.3))


def test_draws_come_from_the_generator():
    model = FaceVae(CONFIG).eval()
    one, again, other = (
        model(IMAGES, generator=torch.Generator().manual_seed(seed)).reconstruction
        for seed in (0, 0, 1)
    )
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_without_sharpening_it_is_linear():
    torch.manual_seed(0)
    model = FaceVae(FaceConfig(8, 3, 4, hidden_channels=0)).train()
    z = torch.randn(6, 4)
    middle = model.draw((z[:3] + z[3:]) / 2)
    torch.testing.assert_close(middle, (model.draw(z[:3]) + model.draw(z[3:])) / 2)


def test_what_is_sharpened_depends_on_the_place_of_pixels():
    torch.manual_seed(0)
    model = FaceVae(CONFIG).eval()
    torch.nn.init.normal_(model.sharpening[-2].weight)
    torch.nn.init.zeros_(model.linear.weight)
    torch.nn.init.constant_(model.linear.bias, 0.5)
    drawn = model.draw(torch.zeros(1, 4))[0]
    assert not torch.allclose(drawn[:, 2:4, 2:4], drawn[:, 4:6, 4:6], atol=1e-3)


def test_is_the_same_from_a_file(tmp_path):
    torch.manual_seed(0)
    model = FaceVae(CONFIG).eval()
    save_model(model, tmp_path)
    again = load_model(FaceVae, FaceConfig, tmp_path)
    assert again.config == CONFIG
    drawn = model(IMAGES, sample=False).reconstruction
    assert torch.equal(again(IMAGES, sample=False).reconstruction, drawn)
    with pytest.raises(WeightsError, match="holds a FaceVae"):
        load_model(torch.nn.Linear, FaceConfig, tmp_path)


@pytest.mark.parametrize("sizes", [(9, 1, 4), (8, 0, 4), (8, 1, 0), (8, 1, 4, -1), (8, 1, 4, 4, 0)])
def test_sizes_that_cannot_be_are_refused(sizes):
    with pytest.raises(ValueError, match="divided by the stride, and sizes are 1 or more: got"):
        FaceConfig(*sizes)


def test_components_of_other_pictures_are_refused():
    model = FaceVae(CONFIG)
    mean, directions, sd = components(IMAGES)
    with pytest.raises(ValueError, match="4 dimensions .* got 3 components"):
        model.start_from(mean, directions[:3], sd[:3], beta=1.0)
    with pytest.raises(ValueError, match=r"got 4 components of pictures \(3, 7, 8\)"):
        model.start_from(mean[:, 1:], directions[:, :, 1:], sd, beta=1.0)
    with pytest.raises(ValueError, match="do not vary along a component"):
        model.start_from(mean, directions, 0 * sd, beta=1.0)
