"""The loop: learns, repeats itself from a seed, resumes exactly, and stops when it diverges."""

import dataclasses
import functools
import json
import os
import re

import numpy as np
import pytest
import torch
from filelock import FileLock
from melody_models import melody_model
from peers import tensorboard_scalars
from safetensors.torch import load_file
from torch import nn

from synvae_core.atomic import UnwritableError
from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.melody.recipe import Recipe
from synvae_workbench import locks
from synvae_workbench.training import batches as training_batches
from synvae_workbench.training import collapse as health
from synvae_workbench.training import epochs as training_epochs
from synvae_workbench.training import loop
from synvae_workbench.training.batches import batches
from synvae_workbench.training.loop import DivergedError, FitConfig, RunOptions, fit
from synvae_workbench.training.objectives import MelodyObjective

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


def train(model, **arguments):
    return fit(model, objective, data(), CONFIG, RunOptions("test", **arguments))


def test_it_learns_and_records_every_epoch():
    history = train(linear())
    assert [record["epoch"] for record in history] == [1, 2, 3, 4]
    assert history[-1]["error"] < 0.5 * history[0]["error"]


def test_gradients_that_threads_add_up_come_out_the_same_each_time():
    loop.make_fabric()
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        points = torch.randn(128, 45, generator=torch.Generator().manual_seed(0)).requires_grad_()
        first, second = torch.triu_indices(128, 128, 1)  # each point is in many pairs
        gradients = set()
        for _ in range(20):
            total = (points[first] - points[second]).square().sum(1).pow(0.7).sum()
            gradients.add(torch.autograd.grad(total, points)[0].numpy().tobytes())
    finally:
        torch.set_num_threads(threads)
    assert len(gradients) == 1


def test_the_same_seed_gives_the_same_weights():
    first, second = linear(), linear()
    train(first)
    torch.rand(3)  # whatever else draws random numbers in between
    train(second)
    assert torch.equal(first.weight, second.weight)


def test_a_run_that_is_stopped_and_resumed_ends_with_the_same_weights(tmp_path):
    whole, first, resumed = linear(), linear(), nn.Linear(3, 1)
    whole_history = train(whole)
    epochs = []

    def interrupt(epoch):
        epochs.append(1)
        if len(epochs) == 3:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        train(first, folder=tmp_path, after_epoch=interrupt)
    history = train(resumed, folder=tmp_path)
    assert torch.equal(whole.weight, resumed.weight)
    assert torch.equal(whole.bias, resumed.bias)
    assert history == whole_history


def test_a_run_with_other_settings_is_refused_with_the_difference(tmp_path):
    train(linear(), folder=tmp_path, settings={"data": {"digits": "abc"}})
    other = dataclasses.replace(CONFIG, batch_size=8)
    with pytest.raises(ValueError, match=r"training\.pt.*fit\.batch_size: 16 there, 8 asked for"):
        fit(linear(), objective, data(), other, RunOptions("test", folder=tmp_path))
    with pytest.raises(ValueError, match=r"data\.digits: abc there, abd asked for\)"):
        train(linear(), folder=tmp_path, settings={"data": {"digits": "abd"}})


def test_a_run_in_another_precision_is_refused(tmp_path):
    fabric = loop.make_fabric(precision="bfloat16")
    train(linear(), folder=tmp_path, fabric=fabric)
    with pytest.raises(ValueError, match="precision: bf16-mixed there, 32-true asked for"):
        train(linear(), folder=tmp_path)
    state = torch.load(tmp_path / "training.pt", weights_only=True)
    del state["settings"]["precision"]  # as older runs, which did not say
    torch.save(state, tmp_path / "training.pt")
    assert train(linear(), folder=tmp_path, fabric=fabric) == state["history"]


def test_what_was_held_out_is_what_training_said_and_no_later_call(tmp_path):
    def held_out(*ids):
        return {"folder": tmp_path, "held_out": {"test_recordings.json": ids}}

    train(linear(), **held_out("7_theo_0"))
    train(linear(), **held_out("7_theo_1"))
    with pytest.raises(ValueError, match="asked for"):
        train(linear(), settings={"data": {"digits": "abd"}}, **held_out("7_theo_2"))
    assert json.loads((tmp_path / "test_recordings.json").read_text("utf-8")) == ["7_theo_0"]


def test_nobody_trains_where_another_process_does(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.0)
    with FileLock(tmp_path / ".lock"), pytest.raises(locks.HeldError, match="is being written"):
        train(linear(), folder=tmp_path)
    assert os.listdir(tmp_path) == [".lock"]
    train(linear(), folder=tmp_path)
    with FileLock(tmp_path / ".lock", blocking=False) as lock:
        assert lock.is_locked


@pytest.mark.parametrize("room", [1, 150, 400, 1_000, 2_000, 3_000])
def test_a_full_disk_stops_a_training_that_then_goes_on_from_what_there_is(tmp_path, room):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(UnwritableError, match="cannot be written: files may not be that large"):
            train(linear(), folder=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.rglob("*.part"))
    assert train(linear(), folder=tmp_path) == train(linear())


def test_a_run_whose_settings_had_other_names_is_resumed(tmp_path):
    old, new = ({"objective": {name: True}} for name in ("squashed_twice", "double_softmax"))
    history = train(linear(), folder=tmp_path, settings=old)
    assert train(linear(), folder=tmp_path, settings=new) == history
    other = {"objective": {"double_softmax": False}}
    with pytest.raises(ValueError, match=r"objective\.double_softmax: True there, False asked for"):
        train(linear(), folder=tmp_path, settings=other)


def test_a_run_from_before_the_best_could_be_chosen_is_resumed(tmp_path):
    history = train(linear(), folder=tmp_path)
    state = torch.load(tmp_path / "training.pt", weights_only=True)
    assert set(state) == {"model", "optimizer", "settings", "history"}
    assert set(state["optimizer"]) == {"state", "param_groups"}
    del state["settings"]["best_by"]
    torch.save(state, tmp_path / "training.pt")
    assert train(linear(), folder=tmp_path) == history
    with pytest.raises(ValueError, match="best_by:  there, seen asked for"):
        train(linear(), folder=tmp_path, best_by="seen")


def test_the_best_model_may_be_that_of_a_figure_of_its_own(tmp_path):
    model = melody_model("mixer")
    events = (torch.randint(0, 90, (20, 32), dtype=torch.uint8),)
    kept = []

    def after_epoch(epoch):
        kept.append(model.decoder.output.bias.detach().clone())
        return {"seen": -abs(epoch - 2.0)}

    options = RunOptions("test", folder=tmp_path, after_epoch=after_epoch, best_by="seen")
    config = dataclasses.replace(CONFIG, learning_rate=1e-3)
    fit(model, MelodyObjective(Recipe(beta=0.1)), events, config, options)
    assert torch.equal(load_melody_model(tmp_path / "best").decoder.output.bias, kept[1])
    assert torch.equal(load_melody_model(tmp_path / "latest").decoder.output.bias, kept[3])


def test_a_damaged_state_is_named(tmp_path):
    train(linear(), folder=tmp_path)
    state = tmp_path / "training.pt"
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"training\.pt is damaged"):
        train(linear(), folder=tmp_path)


def test_a_state_with_weights_that_are_no_numbers_is_refused_by_name(tmp_path):
    train(linear(), folder=tmp_path)
    whole = torch.load(tmp_path / "training.pt", weights_only=True)
    name = next(iter(whole["model"]))
    whole["model"][name].flatten()[:1].fill_(float("nan"))
    torch.save(whole, tmp_path / "training.pt")
    with pytest.raises(ValueError, match=rf"training\.pt.*model\.{name} holds values"):
        train(linear(), folder=tmp_path)


@pytest.mark.parametrize("spoil", [{"settings": 3}, {"history": None}, {"model": {}}, {"model": 1}])
def test_a_state_of_something_else_is_refused_by_name(spoil, tmp_path):
    train(linear(), folder=tmp_path)
    whole = torch.load(tmp_path / "training.pt", weights_only=True)
    torch.save(whole | spoil, tmp_path / "training.pt")
    with pytest.raises(ValueError, match=r"training\.pt is (damaged|of another model)"):
        train(linear(), folder=tmp_path)


def test_a_run_folder_holds_metrics_events_and_the_latest_and_best_model(tmp_path):
    def validate_by(model, batch, step, generator):  # best after the second epoch
        return {"loss": torch.full((len(batch[0]),), abs(step / 4 - 2.0))}

    model = melody_model("mixer")
    events = (torch.randint(0, 90, (50, 32), dtype=torch.uint8),)
    kept = []

    def after_epoch(epoch):
        kept.append(model.decoder.output.bias.detach().clone())
        return {"seen": float(epoch)}

    history = fit(
        model,
        MelodyObjective(Recipe(beta=0.1)),
        events,
        dataclasses.replace(CONFIG, learning_rate=1e-3),
        RunOptions(
            "test",
            folder=tmp_path,
            validation=events,
            validate_by=validate_by,
            after_epoch=after_epoch,
        ),
    )
    assert [record["validation_loss"] for record in history] == [1.0, 0.0, 1.0, 2.0]
    records = [
        json.loads(line)
        for line in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert records == history
    (file,) = (tmp_path / "events").glob("events.out.tfevents*")
    curves = tensorboard_scalars(file)
    assert curves.keys() == records[0].keys() - {"epoch"}
    for name, curve in curves.items():
        assert curve == [(record["epoch"], np.float32(record[name])) for record in records]
    for name, expected in (("best", kept[1]), ("latest", kept[3])):
        assert torch.equal(load_melody_model(tmp_path / name).decoder.output.bias, expected)


def test_frozen_parameters_stay_as_they_are():
    model = linear()
    model.bias.requires_grad_(False)
    before = model.bias.clone()
    train(model)
    assert torch.equal(model.bias, before)


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_what_is_not_finite_stops_the_run_and_keeps_and_names_the_batch(where, tmp_path):
    seen = []

    def diverge(model, batch, step, generator):
        seen.append(batch[0][:, 0])
        loss = objective(model, batch, step, generator)["loss"]
        if step == 5 and where == "gradient":  # the root's gradient at 0 is infinite
            loss = loss + (model.weight.sum() * 0).sqrt()
        return {"loss": loss * (float("nan") if step == 5 and where == "loss" else 1.0)}

    with pytest.raises(DivergedError, match=r"nan at step 5 \(epoch 2, batch 2\), rows") as caught:
        fit(linear(), diverge, data(), CONFIG, RunOptions("test", folder=tmp_path))
    rows = re.search(r"rows ([\d, ]+) and 8 more", str(caught.value))[1]
    named = data()[0][[int(row) for row in rows.split(",")], 0]
    assert torch.equal(named, seen[-1][:8])
    saved = load_file(tmp_path / "diverged.safetensors")
    assert torch.equal(saved["batch_0"][:, 0], seen[-1])
    assert torch.equal(data()[0][saved["rows"]], saved["batch_0"])


def drawn(n, length, batch_size, seed=0):
    return list(batches(n, length, batch_size, torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("small_blocks", [False, True])
def test_every_row_is_in_one_batch_and_the_last_batch_is_kept(small_blocks, monkeypatch):
    if small_blocks:  # as for a corpus too large to be shuffled as a whole
        monkeypatch.setattr(training_batches, "BLOCK", 3)
        monkeypatch.setattr(training_batches, "GROUP", 4)
    seen = drawn(50, 50, 16)
    assert [len(rows) for rows in seen] == [16, 16, 16, 2]
    assert torch.cat(seen).sort().values.tolist() == list(range(50))
    assert torch.cat(seen).tolist() != list(range(50))
    assert not torch.equal(torch.cat(seen), torch.cat(drawn(50, 50, 16, seed=1)))


def test_an_epoch_of_fewer_examples_takes_as_many_and_others_each_time():
    assert [len(rows) for rows in drawn(50, 20, 16)] == [16, 4]
    assert len(torch.cat(drawn(50, 20, 16)).unique()) == 20
    config = dataclasses.replace(CONFIG, epoch_examples=20)
    history = fit(linear(), objective, data(), config, RunOptions("test"))
    assert [record["epoch"] for record in history] == [1, 2, 3, 4]


def test_the_rate_falls_along_a_cosine_or_by_a_factor_at_every_step():
    cosine = dataclasses.replace(CONFIG, learning_rate=2.0, warmup_steps=4)
    assert cosine.rate(0, 104) == pytest.approx(0.5)
    assert cosine.rate(54, 104) == pytest.approx(2 * 0.505)
    falling = dataclasses.replace(cosine, decay_rate=0.9)
    assert falling.rate(1, 104) == pytest.approx(2 * 0.5 * 0.9)
    assert falling.rate(10, 104) == pytest.approx(2 * 0.9**10)
    assert falling.rate(10_000, 104) == pytest.approx(0.02)


def test_rows_of_a_mapped_file_are_read_as_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(training_epochs, "RESIDENT_BYTES", 0)
    mapped = []
    for index, part in enumerate(data()):
        np.save(tmp_path / f"{index}.npy", part.numpy())
        mapped.append(torch.from_numpy(np.load(tmp_path / f"{index}.npy", mmap_mode="c")))
    first, second = linear(), linear()
    train(first)
    fit(second, objective, tuple(mapped), CONFIG, RunOptions("test"))
    assert torch.equal(first.weight, second.weight)


def test_a_posterior_that_collapses_is_warned_of_while_it_trains(monkeypatch):
    def empty(model, batch, step, generator):
        losses = objective(model, batch, step, generator)
        return losses | {"kl_nats": torch.zeros(len(batch[0]))}

    eager = functools.partial(health.PosteriorWatch, after=2, patience=1)
    monkeypatch.setattr(loop, "PosteriorWatch", eager)
    with pytest.warns(health.PosteriorCollapseWarning, match=r"at step 10 \(epoch 3\)"):
        fit(linear(), empty, data(), CONFIG, RunOptions("test"))


def test_another_seed_gives_other_weights():
    first, second = linear(), linear()
    train(first)
    config = dataclasses.replace(CONFIG, seed=1)
    fit(second, objective, data(), config, RunOptions("test"))
    assert not torch.equal(first.weight, second.weight)
