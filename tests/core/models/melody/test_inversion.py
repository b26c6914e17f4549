import copy
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from real_tunes import real_windows
from torch import nn

from synvae_core.metrics.melody import exact_windows, step_accuracy
from synvae_core.models.melody.interfaces import MelodyDecoder, Played
from synvae_core.models.melody.inversion import fit_latents
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.importers import open_melody_model

TINY = 6  # steps


@dataclass(frozen=True)
class LinearConfig:
    """A decoder whose logits are a linear function of z, one entry of z for each."""

    steps: int = TINY
    latent_dim: int = TINY * 90

    def build(self):
        return nn.Linear(1, 1), LinearDecoder()


class LinearDecoder(MelodyDecoder):
    steps, coding = TINY, ONE_VOICE

    def __init__(self):
        super().__init__()
        self.output = nn.Linear(TINY * 90, TINY * 90)
        nn.init.eye_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def teacher_forced(self, z, events):
        return self.output(z).unflatten(-1, (TINY, 90))

    def play(self, z, playing=None):
        logits = self.teacher_forced(z, None).detach()
        return Played(logits.argmax(-1), logits)


@pytest.fixture
def model():
    return MelodyVae(LinearConfig())


def melodies(count: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(0).integers(90, size=(count, TINY)))


def test_plays_the_melodies(model):
    events = melodies(5)
    z = fit_latents(model, events, learning_rate=0.5)
    assert model.decoder.play(z).events.tolist() == events.tolist()
    assert not z.requires_grad


def test_stops_once_each_event_has_half_of_the_probability(model):
    events = melodies(2)
    z = fit_latents(model, events, learning_rate=0.01)
    share = model.decoder.teacher_forced(z, events).softmax(-1).gather(-1, events[..., None])
    assert 0.5 < share.min() <= share.max() < 0.52


@torch.no_grad()
def test_a_melody_does_not_depend_on_the_others(model):
    """Each takes its own time, as long as its slowest event needs."""
    model.decoder.output.weight *= torch.arange(1, 91).repeat(TINY) / 30
    events = melodies(4)
    together = fit_latents(model, events)
    alone = torch.cat([fit_latents(model, one[None]) for one in events])
    assert torch.allclose(together, alone, atol=1e-6)


@torch.no_grad()
def test_returns_the_best_point_where_time_runs_out(model):
    """Three steps that always play alike and should play a, a, b: large steps of Adam overshoot."""
    model.decoder.output.weight[:180] = model.decoder.output.weight[180:270].repeat(2, 1)
    events = torch.tensor([[5, 5, 7, 0, 0, 0]])
    losses = []
    for steps in range(1, 12):
        z = fit_latents(model, events, steps=steps, learning_rate=3)
        logits = model.decoder.teacher_forced(z, events)
        losses.append(F.cross_entropy(logits[0], events[0], reduction="sum").item())
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > losses[-1]


def test_leaves_the_model_as_it_is(model):
    model.decoder.output.weight.requires_grad_(False)
    model.decoder.output.bias.grad = torch.ones_like(model.decoder.output.bias)
    before = copy.deepcopy(model.state_dict())
    fit_latents(model, melodies(2))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.decoder.output.weight.requires_grad
    assert (model.decoder.output.bias.grad == 1).all()


@torch.no_grad()
def test_works_where_gradients_are_off_and_in_double(model):
    events = melodies(2)
    z = fit_latents(model.double(), events)
    assert z.dtype == torch.float64
    assert model.decoder.play(z).events.tolist() == events.tolist()


def test_refuses_no_steps(model):
    with pytest.raises(ValueError, match="at least 1 step"):
        fit_latents(model, melodies(1), steps=0)


@pytest.mark.data
@pytest.mark.slow
def test_published_decoder_can_play_real_melodies(data_folder):
    """The published small decoder reproduces most real melodies note for note."""
    events = real_windows(2, most=16)
    model = open_melody_model(data_folder / "musicvae" / "mel_2bar_small")
    played = model.decode(fit_latents(model, events)).numpy()
    assert step_accuracy(events.numpy(), played).mean() > 0.99
    assert exact_windows(events.numpy(), played).sum() >= 15
