"""The waveform VAEs: sizes, gradients, storage, what they start as, and that they can learn."""

import dataclasses

import pytest
import torch

from synvae_core.losses import normal_kl, squared_error
from synvae_core.models.storage import load_model, save_model
from synvae_core.models.waveform.convolutional import (
    ConvolutionalConfig,
    ConvolutionalWaveformVae,
    mdct_basis,
)
from synvae_core.models.waveform.dense import DenseConfig, DenseWaveformVae

DENSE = DenseConfig(rate=8_000, samples=300, components=12, hidden=32, latent_dim=4)
SMALL = ConvolutionalConfig(8_000, 8, (8, 12, 16), (2, 4), 3)


def windows(n, samples=300):
    return 0.1 * torch.randn(n, samples, generator=torch.Generator().manual_seed(n))


def dense(count=20):
    torch.manual_seed(0)
    model = DenseWaveformVae(DENSE)
    model.learn_components(windows(count))
    return model


def convolutional():
    torch.manual_seed(0)
    return ConvolutionalWaveformVae(SMALL)


@pytest.mark.parametrize("make", [dense, convolutional])
def test_shapes_and_gradients(make):
    model = make()
    for p in model.parameters():  # what starts at zero hides what is behind it
        if not p.abs().sum():
            torch.nn.init.normal_(p, std=0.1)
    waveforms = windows(3, 320 if make is convolutional else 300)
    output = model(waveforms)
    assert output.reconstruction.shape == waveforms.shape
    (
        squared_error(output.reconstruction, waveforms) + normal_kl(*output.posterior)
    ).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("make", [dense, convolutional])
def test_storage_gives_the_same_model_back(make, tmp_path):
    model = make().eval()
    save_model(model, tmp_path)
    again = load_model(type(model), type(model.config), tmp_path)
    assert again.config == model.config
    x = windows(2, 320 if make is convolutional else 300)
    seeded = [torch.Generator().manual_seed(1) for _ in range(2)]
    torch.testing.assert_close(
        *(m(x, generator=g).reconstruction for m, g in zip((model, again), seeded, strict=True))
    )


def test_components_are_those_of_the_singular_value_decomposition():
    model, data = dense(), windows(20)
    _, values, directions = torch.linalg.svd(data.double(), full_matrices=False)
    torch.testing.assert_close(
        (model.basis.double() @ directions[:12].T).abs(), torch.eye(12).double(), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(model.scale, (values[:12] / 20**0.5).float())
    torch.testing.assert_close(model.basis @ model.basis.T, torch.eye(12), atol=1e-5, rtol=0)


def test_the_dense_model_begins_as_principal_component_analysis():
    model, data = dense(), windows(20)
    rebuilt = model(data, sample=False).reconstruction
    _, _, directions = torch.linalg.svd(data, full_matrices=False)
    expected = data @ directions[:4].T @ directions[:4]
    torch.testing.assert_close(rebuilt, expected, atol=1e-5, rtol=1e-4)


def test_fewer_windows_than_components_leave_the_rest_empty():
    model = dense(count=6)
    assert (model.basis.norm(dim=1) > 0.5).sum() == 6
    exact = model.coefficients(windows(6)) @ model.basis
    torch.testing.assert_close(exact, windows(6), atol=1e-5, rtol=1e-4)
    assert model(windows(3)).reconstruction.isfinite().all()


def test_error_of_coefficients_is_that_of_training_waveforms():
    model = dense(count=10)  # ten windows have no more than ten components
    data = windows(10)
    z = model.encode(data).mu
    in_waveforms = squared_error(model.decode(z), data)
    in_coefficients = squared_error(model.decode_coefficients(z), model.coefficients(data))
    torch.testing.assert_close(in_coefficients, in_waveforms, rtol=1e-4, atol=1e-7)


def test_components_want_windows():
    for wrong in (windows(1), windows(5, 299)):
        with pytest.raises(ValueError, match="two windows or more of 300 samples"):
            DenseWaveformVae(DENSE).learn_components(wrong)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="latent_dim <= components <= samples"):
        dataclasses.replace(DENSE, latent_dim=13)
    with pytest.raises(ValueError, match="even strides"):
        dataclasses.replace(SMALL, strides=(2, 3))
    with pytest.raises(ValueError, match="even strides"):
        dataclasses.replace(SMALL, strides=(2,))


def test_numbers_a_second():
    assert DenseConfig().numbers_per_second == pytest.approx(128 / (28_672 / 11_025))
    assert ConvolutionalConfig().frame == 1024
    assert ConvolutionalConfig().numbers_per_second == pytest.approx(16 * 22_050 / 1024)


def test_first_and_last_layer_start_as_a_transform_that_gives_the_waveform_back():
    model, waveforms = ConvolutionalWaveformVae(), windows(2, 4096)
    again = model.synthesis(model.analysis(waveforms[:, None]))[:, 0]
    inside = slice(32, -32)  # half a window at each end overlaps with nothing
    torch.testing.assert_close(again[:, inside], waveforms[:, inside], atol=1e-5, rtol=1e-4)
    basis = mdct_basis(16)
    torch.testing.assert_close(basis @ basis.T, torch.eye(16), atol=1e-6, rtol=0)


def test_lengths_that_are_no_frames_are_refused():
    for samples in (0, 31, 65):
        with pytest.raises(ValueError, match="multiple of 64 samples"):
            convolutional().encode(torch.zeros(1, samples))


@pytest.mark.parametrize("frames", [1, 9])
def test_any_number_of_frames(frames):
    model = convolutional()
    posterior = model.encode(windows(2, frames * 64))
    assert posterior.mu.shape == (2, 3 * frames)
    assert model.frames(posterior.mu).shape == (2, 3, frames)
    assert model.decode(posterior.mu).shape == (2, frames * 64)


def test_the_code_varies_from_the_start_far_more_than_its_noise():
    """With the usual first weights it varied a hundred times less than now, and was not learnt."""
    torch.manual_seed(0)
    model = ConvolutionalWaveformVae()
    loud = (torch.arange(16_384) % 4096 < 800) * 0.3 + 0.01
    posterior = model.encode(loud * torch.randn(4, 16_384))
    spread = model.frames(posterior.mu).std(2).mean()
    assert spread > 2 * (0.5 * posterior.logvar).exp().mean()


def test_noise_is_that_of_the_generator():
    model, z = convolutional(), torch.randn(1, 12)
    first, again, other = (
        model.decode(z, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def noiseless():
    torch.manual_seed(0)
    model = ConvolutionalWaveformVae(SMALL).eval()
    for tensor in (model.heads.weight, model.heads.bias):
        tensor.data[2 * SMALL.bands :] = 0
    model.heads.bias.data[2 * SMALL.bands :] = -60
    return model


@torch.no_grad()
def test_a_loop_is_the_same_wherever_it_begins():
    model, frames = noiseless(), 5  # shorter than what the convolutions see
    z = torch.randn(2, SMALL.latent_channels * frames)
    later = model.frames(z).roll(-2, -1).flatten(1)
    there = model.decode_loop(z).roll(-2 * SMALL.frame, 1)
    torch.testing.assert_close(model.decode_loop(later), there)
    waveforms = windows(2, frames * SMALL.frame)
    mu = model.frames(model.encode_loop(waveforms).mu).roll(-2, -1).flatten(1)
    torch.testing.assert_close(model.encode_loop(waveforms.roll(-2 * SMALL.frame, 1)).mu, mu)


@torch.no_grad()
def test_far_from_its_ends_a_loop_is_what_any_waveform_is():
    model, frames = noiseless(), 40
    z = torch.randn(1, SMALL.latent_channels * frames)
    inner = slice(10 * SMALL.frame, -10 * SMALL.frame)
    torch.testing.assert_close(model.decode_loop(z)[:, inner], model.decode(z)[:, inner])
    assert model.decode_loop(z).shape == model.decode(z).shape
