"""`training.loop.fit` against pythae's trainer: the same VAE, the same pictures, the same epochs.

pythae (Chadebec et al. 2022, arXiv 2206.08309) is the reference library of VAEs in PyTorch. The
published model for 28 pixels is trained at batch 64 by both, with the same encoder and decoder.
Both save the best model and checkpoints, ours an event file as well. Processor times are compared,
after a warm-up round. Without pythae installed nothing is measured.
"""

import contextlib
import copy
import importlib.util
import io
import logging
import tempfile
from pathlib import Path

import torch
from measuring import ratio, seconds
from torch import nn

from synvae_core.models.visual import VisualVae, visual_config
from synvae_workbench.training.loop import FitConfig, RunOptions, fit
from synvae_workbench.training.objectives import VisualObjective

COUNT, EPOCHS, BATCH, ROUNDS, RATE = 2_048, 2, 64, 3, 1e-3


def by_pythae(model: VisualVae, images: torch.Tensor) -> None:
    """Trains the model's encoder and decoder as pythae's VAE."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    class Encoder(BaseEncoder):
        def __init__(self, inner: nn.Module):
            super().__init__()
            self.inner = inner

        def forward(self, x: torch.Tensor) -> ModelOutput:
            mu, logvar = self.inner(x)
            return ModelOutput(embedding=mu, log_covariance=logvar)

    class Decoder(BaseDecoder):
        def __init__(self, inner: nn.Module):
            super().__init__()
            self.inner = inner

        def forward(self, z: torch.Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.inner(z))

    config = VAEConfig((1, 28, 28), model.config.latent_dim, reconstruction_loss="mse")
    vae = VAE(config, Encoder(model.image_encoder), Decoder(model.image_decoder))
    data = BaseDataset(images.float() / 255, torch.zeros(len(images)))
    with tempfile.TemporaryDirectory() as folder:
        settings = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            num_epochs=EPOCHS,
            learning_rate=RATE,
            optimizer_cls="AdamW",
            no_cuda=True,
        )
        BaseTrainer(vae, data, None, settings).train()


def by_us(model: VisualVae, images: torch.Tensor) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = FitConfig(EPOCHS, BATCH, RATE)
        objective = VisualObjective(beta=1.0)
        options = RunOptions("benchmark", folder=Path(folder))
        fit(model, objective, (images,), config, options)


def main() -> None:
    if importlib.util.find_spec("pythae") is None:
        print("pythae is not installed: its trainer is left out (`pip install pythae`)")
        return
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    torch.manual_seed(0)
    model = VisualVae(visual_config(28, latent_dim=32))
    images = torch.randint(0, 256, (COUNT, 1, 28, 28), dtype=torch.uint8)
    taken = {by_pythae: [], by_us: []}
    for _ in range(ROUNDS + 1):
        for train, times in taken.items():
            again = copy.deepcopy(model)
            with contextlib.redirect_stderr(io.StringIO()):  # progress bars
                times.append(seconds(lambda train=train, again=again: train(again, images))[1])
    theirs, ours = (min(times[1:]) for times in taken.values())
    ratio("training a VAE of 28 pixels", theirs / ours, to="pythae's trainer")


if __name__ == "__main__":
    main()
