"""Objectives of the waveform VAEs: their terms by hand, all offsets heard, windows learnt."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from synvae_core.losses import multi_scale_spectral, normal_kl
from synvae_core.metrics.waveforms import snr_db
from synvae_core.models.waveform.convolutional import ConvolutionalConfig, ConvolutionalWaveformVae
from synvae_core.models.waveform.dense import DenseConfig, DenseWaveformVae
from synvae_core.types import Posterior, WaveformOutput
from synvae_workbench.data.waveforms.sets import Loops, cut, window_places
from synvae_workbench.training.checkpoints import identity
from synvae_workbench.training.loop import FitConfig, RunOptions, fit
from synvae_workbench.training.waveforms import (
    CoefficientObjective,
    SpectralObjective,
    Windows,
    coefficient_rows,
)

LENGTH, HOP = 4096, 1024


def drum_like(n=3, samples=8192):
    """Bursts of noise that die away, at places of their own, over softer noise."""
    rng = np.random.default_rng(0)
    waveforms = rng.normal(0, 0.02, (n, samples))
    for waveform in waveforms:
        for start in rng.integers(0, samples - 500, 8):
            length = samples - start
            waveform[start:] += rng.normal(0, 0.2, length) * np.exp(-np.arange(length) / 300)
    samples_ = torch.from_numpy((waveforms.clip(-1, 1) * 32_767).astype(np.int16)).flatten()
    lengths = torch.full((n,), samples)
    return Loops(samples_, lengths.cumsum(0) - lengths, lengths, tuple("abc"[:n]), 8_000)


class Same:
    """Gives its input back, half as loud."""

    def __init__(self):
        self.seen = []

    def __call__(self, waveforms, *, generator):
        self.seen.append(waveforms)
        code = torch.ones(len(waveforms), 2)
        return WaveformOutput(waveforms / 2, Posterior(code, torch.zeros_like(code)))


def test_terms_of_the_spectral_objective():
    loops = drum_like()
    objective = SpectralObjective(Windows(loops, LENGTH), HOP, beta=0.1, beta_warmup=10)
    model, generator = Same(), torch.Generator().manual_seed(0)
    losses = objective(model, (window_places(loops, LENGTH, HOP),), 5, generator)
    (windows,) = model.seen
    spectral = multi_scale_spectral(windows / 2, windows)
    kl = normal_kl(torch.ones(len(windows), 2), torch.zeros(len(windows), 2))
    torch.testing.assert_close(losses["spectral_distance"], spectral)
    torch.testing.assert_close(losses["kl_nats"], kl)
    torch.testing.assert_close(losses["loss"], spectral + 0.1 * 0.5 * kl / 2)


def test_windows_start_anywhere_after_their_place():
    loops = drum_like(1)
    objective, model = SpectralObjective(Windows(loops, LENGTH), HOP, beta=0.0), Same()
    places = torch.tensor([[0, 8192, 100]]).repeat(50, 1)
    objective(model, (places,), 0, torch.Generator().manual_seed(0))
    whole = cut(loops.samples, places[:1] * 0 + torch.tensor([0, 8192, 0]), 8192)[0]
    offered = whole.unfold(0, LENGTH, 1)[100 : 100 + HOP, :16]
    same = (model.seen[0][:, None, :16] == offered).all(-1)
    assert same.any(1).all()
    starts = set(same.int().argmax(1).tolist())
    assert len(starts) > 40
    assert places[0].tolist() == [0, 8192, 100]


def test_samples_are_not_copied_to_tell_one_run_from_another():
    loops = drum_like(1)
    objective = SpectralObjective(Windows(loops, LENGTH), HOP, beta=0.0)
    model = ConvolutionalWaveformVae(ConvolutionalConfig(8_000, 16, (8, 8), (4,), 2))
    settings = identity(model, objective, FitConfig(1, 1, 0.1), {})
    assert settings["objective.windows"] == "Windows(1 at 8000 Hz, 4096 samples)"
    assert asdict(objective)["windows"] is objective.windows


def test_a_silent_window_has_a_finite_loss():
    silent = Loops(
        torch.zeros(8192, dtype=torch.int16), torch.tensor([0]), torch.tensor([8192]), ("a",), 8_000
    )
    torch.manual_seed(0)
    model = ConvolutionalWaveformVae(ConvolutionalConfig(8_000, 16, (8, 8), (4,), 2))
    objective = SpectralObjective(Windows(silent, LENGTH), HOP, beta=0.1)
    losses = objective(model, (torch.tensor([[0, 8192, 0]]),), 0, torch.Generator())
    losses["loss"].sum().backward()
    assert losses["loss"].isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.slow
def test_the_dense_model_learns_more_windows_than_it_has_numbers():
    loops = drum_like()
    places = window_places(loops, LENGTH, HOP)
    windows = cut(loops.samples, places, LENGTH)
    torch.manual_seed(0)
    model = DenseWaveformVae(DenseConfig(8_000, LENGTH, 32, 64, 4))
    model.learn_components(windows)
    before = snr_db(windows.numpy(), model(windows, sample=False).reconstruction.numpy(force=True))
    rows = coefficient_rows(model, loops, places, repeats=30)
    assert len(rows[0]) == len(rows[1]) == 30 * len(places)
    objective = CoefficientObjective(beta=1e-5)
    fit(model, objective, rows, FitConfig(60, 64, 3e-3), RunOptions("dense"))
    after = snr_db(windows.numpy(), model(windows, sample=False).reconstruction.numpy(force=True))
    assert before.mean() < 6
    assert after.mean() > 20
    assert after.min() > 12


@pytest.mark.slow
def test_the_convolutional_model_learns_a_few_windows():
    loops = drum_like(1)
    torch.manual_seed(0)
    model = ConvolutionalWaveformVae(ConvolutionalConfig(8_000, 16, (16, 16, 24), (4, 4), 8))
    objective = SpectralObjective(Windows(loops, LENGTH), HOP, beta=0.001)
    rows = (window_places(loops, LENGTH, HOP).repeat(8, 1),)
    config = FitConfig(4, 4, 4e-3, warmup_steps=10)
    history = fit(model, objective, rows, config, RunOptions("convolutional"))
    assert history[-1]["spectral_distance"] < 0.8 * history[0]["spectral_distance"]
