"""A small training run in a process of its own, alone, with others, or killed on the way.

`python small_run.py FOLDER [STEP]` trains into the folder and, at that step, kills itself.
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn

from synvae_workbench.training.loop import FitConfig, RunOptions, fit, make_fabric

CONFIG = FitConfig(epochs=3, batch_size=16, learning_rate=0.1, warmup_steps=2)
EPOCH_STEPS = 4


def train(folder: Path, *, kill_at: int = -1, noise: float = 0.0) -> None:
    """Writes the run into the folder, and what came out to its `result.json`."""

    def objective(model, batch, step, generator):
        if step == kill_at and model.training:
            os.kill(os.getpid(), signal.SIGKILL)
        x = batch[0] + noise * torch.randn(batch[0].shape, generator=generator)
        error = (model(x) - batch[1]).square().sum(-1)
        return {"loss": error, "error": error}

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
    x = torch.randn(51, 3, generator=torch.Generator().manual_seed(1))  # the last batch is odd
    data = (x, x @ torch.tensor([[1.0], [-2.0], [0.5]]))
    fabric = make_fabric()
    options = RunOptions("t", folder=folder, fabric=fabric, validation=data)
    history = fit(model, objective, data, CONFIG, options)
    if fabric.is_global_zero:
        weights = torch.cat([p.detach().flatten() for p in model.parameters()]).tolist()
        result = {"history": history, "weights": weights, "world": fabric.world_size}
        (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    if torch.distributed.is_initialized():  # its threads would end the process with an abort
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        train(Path(sys.argv[1]), kill_at=int(sys.argv[2]), noise=0.1)
    else:
        train(Path(sys.argv[1]))
