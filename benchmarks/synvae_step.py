"""SynVAE training step: copied latent gradient against the softmax gradient through the music.

By turns in one run, on one thread, at batch 64. The reference is `straight_through_softmax`, which
backpropagates through the frozen melody model.
"""

import statistics
import time

import torch
from measuring import ratio

from synvae_core.models.melody.mixer import MixerMelodyConfig
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_workbench.training.objectives import SynVaeObjective

ROUNDS = 15


def stepper(coupling: str):
    """Function that takes a training step and returns its time in seconds."""
    torch.manual_seed(0)
    music = MelodyVae(MixerMelodyConfig())
    config = SynVaeConfig(visual_config(28, latent_dim=music.config.latent_dim), coupling)
    model = SynVae(config, music)
    objective = SynVaeObjective(beta=0.15, commitment=0.01)
    optimizer = torch.optim.AdamW(model.trainable(), 1e-3, fused=True)
    images = torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8)
    generator = torch.Generator().manual_seed(0)

    def step() -> float:
        start = time.perf_counter()
        loss = objective(model, (images,), 0, generator)["loss"].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return time.perf_counter() - start

    return step


def main() -> None:
    torch.set_num_threads(1)
    steps = {name: stepper(name) for name in ("straight_through", "straight_through_softmax")}
    for step in steps.values():
        step()
    seconds = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, step in steps.items():
            seconds[name].append(step())
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    times = medians["straight_through_softmax"] / medians["straight_through"]
    ratio("SynVAE step, copied gradient", times, to="the softmax gradient")


if __name__ == "__main__":
    main()
