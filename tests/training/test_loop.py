"""The loop: learns, repeats itself from a seed, resumes exactly, and stops when it diverges."""

import dataclasses

import pytest
import torch
from torch import nn

from synvae_core.training.loop import DivergedError, FitConfig, batches, fit

CONFIG = FitConfig(epochs=4, batch_size=16, learning_rate=0.3, warmup_steps=2)


def data():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(50, 3, generator=generator)
    return x, x @ torch.tensor([[1.0], [-2.0], [0.5]])


def objective(model, batch, step, generator):
    noise = 0.01 * torch.randn(batch[0].shape, generator=generator)
    error = (model(batch[0] + noise) - batch[1]).square().sum(-1)
    return {"loss": error, "error": error}


def linear():
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def run(model, **arguments):
    return fit(model, objective, data(), CONFIG, description="test", **arguments)


def test_it_learns_and_records_every_epoch():
    history = run(linear())
    assert [record["epoch"] for record in history] == [1, 2, 3, 4]
    assert history[-1]["error"] < 0.5 * history[0]["error"]


def test_the_same_seed_gives_the_same_weights():
    first, second = linear(), linear()
    run(first)
    torch.rand(3)  # whatever else draws random numbers in between
    run(second)
    assert torch.equal(first.weight, second.weight)


def test_a_run_that_is_stopped_and_resumed_ends_with_the_same_weights(tmp_path):
    whole, first, resumed = linear(), linear(), nn.Linear(3, 1)
    whole_history = run(whole)
    epochs = []

    def interrupt():
        epochs.append(1)
        if len(epochs) == 3:
            raise KeyboardInterrupt
        return {}

    checkpoint = tmp_path / "training.pt"
    with pytest.raises(KeyboardInterrupt):
        run(first, checkpoint=checkpoint, after_epoch=interrupt)
    history = run(resumed, checkpoint=checkpoint)
    assert torch.equal(whole.weight, resumed.weight)
    assert torch.equal(whole.bias, resumed.bias)
    assert history == whole_history


def test_a_checkpoint_of_another_configuration_is_refused_with_the_difference(tmp_path):
    checkpoint = tmp_path / "training.pt"
    run(linear(), checkpoint=checkpoint)
    other = dataclasses.replace(CONFIG, batch_size=8)
    with pytest.raises(ValueError, match=r"training\.pt.*batch_size: 16 there, 8 asked for"):
        fit(linear(), objective, data(), other, description="test", checkpoint=checkpoint)


def test_a_damaged_checkpoint_is_named(tmp_path):
    checkpoint = tmp_path / "training.pt"
    run(linear(), checkpoint=checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"training\.pt is damaged"):
        run(linear(), checkpoint=checkpoint)


def test_frozen_parameters_stay_as_they_are():
    model = linear()
    model.bias.requires_grad_(False)
    before = model.bias.clone()
    run(model)
    assert torch.equal(model.bias, before)


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step():
    def diverge(model, batch, step, generator):
        loss = objective(model, batch, step, generator)["loss"]
        return {"loss": loss * (float("nan") if step == 5 else 1.0)}

    with pytest.raises(DivergedError, match="nan at step 5"):
        fit(linear(), diverge, data(), CONFIG, description="test")


def test_every_row_is_in_one_batch_and_the_last_batch_is_kept():
    rows = torch.arange(50)
    seen = [batch for (batch,) in batches((rows,), 16, torch.Generator().manual_seed(0))]
    assert [len(batch) for batch in seen] == [16, 16, 16, 2]
    assert torch.cat(seen).sort().values.tolist() == rows.tolist()


def test_another_seed_gives_other_weights():
    first, second = linear(), linear()
    run(first)
    config = dataclasses.replace(CONFIG, seed=1)
    fit(second, objective, data(), config, description="test")
    assert not torch.equal(first.weight, second.weight)
