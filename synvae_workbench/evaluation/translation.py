"""Translation of pictures to melodies in MIDI files and back, and its metrics."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from synvae_core.losses import melody_vae_loss, normal_kl, squared_error
from synvae_core.metrics.retrieval import precision_at_ks
from synvae_core.models.synvae import SynVae
from synvae_core.music.midi import round_trip
from synvae_core.music.performance import performed_round_trip
from synvae_core.types import Posterior
from synvae_workbench.data.cache import cache_folder, cached_arrays, digest_of, weights_of
from synvae_workbench.evaluation.few import ranks_within

CHUNK = 500  # pictures worked on at once; bounds the memory
TAKES_VERSION = 1  # to be raised when a model chooses other takes: then the cache's are not used
RANKS = (1, 5, 10)


class Translation(NamedTuple):
    """Melodies, reconstructions and latents of pictures through MIDI files; latents are means.

    `rebuilt` is what is drawn from the notes in the files, `coupled` what is drawn from what the
    coupling passes on in training. Of the log variances, evaluations draw samples. `looks` are what
    the performances in the files carry, if the melodies are performed.
    """

    heard: Int[np.ndarray, "n t"]
    visual: Float[Tensor, "n z"]
    auditive: Float[Tensor, "n z"]
    rebuilt: Float[Tensor, "n c h w"]
    coupled: Float[Tensor, "n c h w"]
    coupled_auditive: Float[Tensor, "n z"]
    visual_logvar: Float[Tensor, "n z"]
    auditive_logvar: Float[Tensor, "n z"]
    looks: Int[Tensor, "n 4"] | None = None


@torch.no_grad()
def translate(
    model: SynVae,
    images: UInt8[Tensor, "n c h w"],
    *,
    performed: bool = True,
    folder: Path | None = None,
    cached: bool = False,
) -> Translation:
    """Translates pictures to melodies, to MIDI files, back to events, and back to pictures.

    Args:
        performed: as the look of each picture wants it, where the model has a performance.
        folder: keeps the MIDI files here; by default they are only bytes in memory.
        cached: keeps the best takes in the cache, by the model's weights and the pictures: for
            pictures that several notebooks ask a trained model about.
    """
    device = next(model.parameters()).device
    parts = []
    for index, part in enumerate(images.split(CHUNK)):
        pixels = part.to(device).float() / 255
        visual = model.image_encoder(pixels)
        looks = model.looks(pixels) if performed else None
        choose = partial(model.best_take, pixels, visual, looks)
        z = _cached_take(model, part, looks is not None, choose) if cached else choose()
        output = model.through_music(visual, z, looks)
        played = model.music.decode(output.z).cpu().numpy()
        within = None if folder is None else folder / f"{index * CHUNK:06d}"
        files = {"folder": within, "coding": model.music.coding}
        if looks is None:
            heard = round_trip(played, **files)
        else:
            heard, read = performed_round_trip(played, looks.cpu().numpy(), **files)
            looks = torch.from_numpy(read).to(device)
        auditive, rebuilt = model.hear(torch.from_numpy(heard).to(device), looks)
        found = (output.visual.mu, auditive.mu, rebuilt, output.reconstruction, output.auditive.mu)
        found += (output.visual.logvar, auditive.logvar) + (() if looks is None else (looks,))
        parts.append((torch.from_numpy(heard), *(tensor.cpu() for tensor in found)))
    heard, *latents = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    return Translation(heard.numpy(), *latents)


def _cached_take(
    model: SynVae,
    images: UInt8[Tensor, "b c h w"],
    performed: bool,
    choose: Callable[[], Float[Tensor, "b z"]],
) -> Float[Tensor, "b z"]:
    """What `choose` gives, from the cache if it is there: K takes of a picture cost K times one."""
    if model.config.takes == 1:
        return choose()
    device = next(model.parameters()).device
    settings = (TAKES_VERSION, repr(model.config), device.type, performed, tuple(images.shape))
    digest = digest_of(settings, weights_of(model) | {"pictures": images.cpu().numpy().tobytes()})

    def build() -> dict[str, np.ndarray]:
        return {"z": choose().cpu().numpy()}

    found = cached_arrays(cache_folder() / f"takes-{digest}.npz", ("z",), build)["z"]
    shape = (len(images), model.config.visual.latent_dim)
    if found.shape != shape or found.dtype != np.float32:  # anybody may have written there
        return choose()
    return torch.from_numpy(found).to(device)


def error_metrics(
    translation: Translation, images: UInt8[Tensor, "n c h w"], mean: Float[Tensor, "c h w"]
) -> dict[str, float]:
    """Squared error of the pictures from the notes, from the coupling, and of a mean picture."""
    truth = images.float() / 255
    pairs = {"notes": translation.rebuilt, "coupling": translation.coupled}
    pairs["floor"] = mean[None].expand_as(truth)
    return {
        f"{where}/squared_error": squared_error(found, truth).mean().item()
        for where, found in pairs.items()
    }


@torch.no_grad()
def rate_metrics(model: SynVae, translation: Translation) -> dict[str, float]:
    """Bits that are spent on a picture, in the mean.

    `visual/kl_bits` is the KL of its posterior from the prior: what a sample tells of the picture.
    `notes/bits` is -log2 p(notes) under the language model that plays, so of these alone: what its
    melody holds, as tunes are likely, of the picture or not.
    """
    kl = normal_kl(translation.visual, translation.visual_logvar).mean().item()
    device, nats = next(model.parameters()).device, []
    for events in torch.from_numpy(translation.heard).to(device).split(CHUNK):
        told = model.music.decoder.likelihood_and_posterior(events)
        if told is not None:  # a language
            likely, posterior = told
            losses = melody_vae_loss(
                likely.logits, posterior, events.long(), beta=0, plan_nats=likely.plan_nats
            )
            nats.append(losses["cross_entropy_nats"])
    bits = {"notes/bits": torch.cat(nats).mean().item() / math.log(2)} if nats else {}
    return {"visual/kl_bits": kl / math.log(2), **bits}


def neighbour_metrics(
    translation: Translation, images: UInt8[Tensor, "n c h w"], labels: Int[Tensor, " n"]
) -> dict[str, dict[int, float]]:
    """Precision at 1, 5 and 10 in each space: visual, of the notes, of the coupling, raw pixels.

    Raises:
        TooFewError: of one picture; of 10 or fewer, those that are not defined are left out.
    """
    spaces = {
        "visual": translation.visual,
        "notes": translation.auditive,
        "coupling": translation.coupled_auditive,
        "floor": images.float().flatten(1),
    }
    ks = ranks_within(RANKS, len(labels))
    return {where: precision_at_ks(latents, labels, ks=ks) for where, latents in spaces.items()}


@torch.no_grad()
def latent_samples(
    model: SynVae, images: UInt8[Tensor, "n c h w"], *, generator: torch.Generator
) -> tuple[Float[Tensor, "n z"], Float[Tensor, "n z"]]:
    """Samples each picture's visual posterior, and the auditive posterior of the melody decoded.

    The notes are those of the drawn latent, not of the mean.

    Args:
        generator: on the CPU.

    Raises:
        ValueError: if there is no picture.
    """
    if not len(images):
        raise ValueError("latents are drawn of pictures: got none")
    device = next(model.parameters()).device
    drawn = []
    for part in images.split(CHUNK):
        seen = model.image_encoder(part.to(device).float() / 255)
        visual = Posterior(seen.mu.cpu(), seen.logvar.cpu()).sample(generator)
        heard = model.music.encoder(model.music.decode(visual.to(device)))
        auditive = Posterior(heard.mu.cpu(), heard.logvar.cpu()).sample(generator)
        drawn.append((visual, auditive))
    visual, auditive = (torch.cat(parts) for parts in zip(*drawn, strict=True))
    return visual, auditive
