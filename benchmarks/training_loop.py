"""Overhead of `training.loop.fit` over a bare PyTorch loop.

Both train SynVAE on 28 pixels through the packaged melody model, at batch 64, with the same
weights, batches, fused AdamW, gradient clipping and learning rates; the final weights are checked
to be equal, bit for bit. They alternate in one run, on one thread; ratios are of the fastest
processor times. Set-up is included, and in the second ratio the run folder: checkpoints, history
and TensorBoard events.
"""

import copy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from measuring import ratio
from torch import Tensor, nn

from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.storage import PRETRAINED
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_workbench.training.loop import FitConfig, RunOptions, fit
from synvae_workbench.training.objectives import SynVaeObjective

COUNT, ROUNDS = 4_096, 5
CONFIG = FitConfig(epochs=2, batch_size=64, learning_rate=1e-3, gradient_clip=50.0)
OBJECTIVE = SynVaeObjective(beta=0.15, commitment=0.01)


def bare(model: nn.Module, images: Tensor) -> nn.Module:
    """Bare PyTorch training loop, the reference."""
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, CONFIG.learning_rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True
    )
    total, step = CONFIG.epochs * COUNT // CONFIG.batch_size, 0
    model.train()
    for epoch in range(CONFIG.epochs):
        generator = torch.Generator().manual_seed(epoch)
        for rows in torch.randperm(COUNT, generator=generator).split(CONFIG.batch_size):
            optimizer.param_groups[0]["lr"] = CONFIG.rate(step, total)
            loss = OBJECTIVE(model, (images[rows],), step, generator)["loss"].sum() / len(rows)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained, CONFIG.gradient_clip)
            optimizer.step()
            step += 1
    return model


def ours(model: nn.Module, images: Tensor) -> nn.Module:
    fit(model, OBJECTIVE, (images,), CONFIG, RunOptions("benchmark"))
    return model


def with_run_folder(model: nn.Module, images: Tensor) -> nn.Module:
    with tempfile.TemporaryDirectory() as name:
        fit(model, OBJECTIVE, (images,), CONFIG, RunOptions("benchmark", folder=Path(name)))
    return model


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    music = load_melody_model(PRETRAINED / "melody_2bar")
    model = SynVae(SynVaeConfig(visual_config(28, latent_dim=music.config.latent_dim)), music)
    images = torch.randint(0, 256, (COUNT, 1, 28, 28), dtype=torch.uint8)
    seconds: dict[Callable, list[float]] = {bare: [], ours: [], with_run_folder: []}
    for _ in range(ROUNDS):
        ends = []
        for loop, taken in seconds.items():
            start = time.process_time()
            trained = loop(copy.deepcopy(model), images)
            taken.append(time.process_time() - start)
            ends.append(trained.state_dict())
        for name, weights in ends[0].items():
            assert all(torch.equal(weights, end[name]) for end in ends[1:]), f"{name} differs"
    fastest = {loop: min(taken) for loop, taken in seconds.items()}
    steps = CONFIG.epochs * COUNT // CONFIG.batch_size
    ratio("training loop", fastest[bare] / fastest[ours], to="a bare PyTorch loop")
    inside = fastest[bare] / fastest[with_run_folder]
    ratio("training loop with its run folder", inside, to="a bare PyTorch loop")
    print(f"({1000 * fastest[bare] / steps:.1f} ms a step in the bare loop)")


if __name__ == "__main__":
    main()
