"""Models by whose latents an index knows melodies."""

import hashlib

import numpy as np
import torch
from jaxtyping import Float32, Integer

from synvae_core.models.storage import CONFIG_FILE, PRETRAINED, WEIGHTS_FILE, model_folder
from synvae_core.models.synvae import load_synvae
from synvae_workbench.search.update import Model

LETTERS = 16  # of a digest


def hearing(name: str) -> tuple[Model, int]:
    """The melody encoder of a SynVAE, given by its folder or a shipped one's name; its sixteenths.

    Raises:
        WeightsError: if there is none that can be used.
    """
    folder = model_folder(PRETRAINED / name if (PRETRAINED / name).is_dir() else name)
    music = load_synvae(folder).music
    digest = hashlib.sha256()
    for file in (CONFIG_FILE, WEIGHTS_FILE):
        digest.update((folder / file).read_bytes())

    @torch.no_grad()
    def latents(events: Integer[np.ndarray, "n t"]) -> Float32[np.ndarray, "n z"]:
        return music.posterior(events).mu.numpy()

    return Model(digest.hexdigest()[:LETTERS], latents), music.config.steps
