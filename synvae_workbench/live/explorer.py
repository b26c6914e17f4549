"""Encoding, playing, changing and interpolating with a SynVAE, without a page.

A picture's z is the best of K posterior samples; sliders and paths move z, and the melody decoded
from z is played. The picture that comes back is drawn from the notes of its MIDI file.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from synvae_core.looks import Look
from synvae_core.metrics.retrieval import nearest_across
from synvae_core.models.melody.vae import latent_path
from synvae_core.models.synvae import SynVae
from synvae_core.music.midi import round_trip
from synvae_core.music.performance import performed_round_trip
from synvae_workbench.evaluation.sliders import sliders_at
from synvae_workbench.live.known_melodies import KnownMelodies

POSITIONS = 21  # on the way from one picture to another, both included
MEASURED = 60  # pictures whose melodies say what each slider does


class LatentMelody(NamedTuple):
    """The melody of a latent point, read from its MIDI file, and the picture drawn from that."""

    events: Int[np.ndarray, " t"]
    rebuilt: UInt8[np.ndarray, "c h w"]
    auditive: Float[Tensor, " z"]


class Explorer:
    """A SynVAE with pictures that it knows by name.

    Args:
        model: in evaluation mode on the CPU.
        images: of the model's size, two or more, in no order of class.
        captions: what each is called, in a few words.
        cache: folder of the pictures' melodies and of what sliders do, as in `KnownMelodies`.

    Attributes:
        sliders: of the melody model, with their effect on the melodies of these pictures.
        melodies: of the pictures, which are not listened to yet unless they were before.

    Raises:
        ValueError: if the pictures do not have the model's size, or not a caption each.
    """

    def __init__(
        self,
        model: SynVae,
        images: UInt8[Tensor, "n c h w"],
        captions: Sequence[str],
        *,
        cache: Path | None = None,
    ) -> None:
        visual = model.config.visual
        expected = (visual.image_channels, visual.image_size, visual.image_size)
        if tuple(images.shape[1:]) != expected or len(captions) != len(images):
            raise ValueError(
                f"the model wants pictures of {expected} with a caption each: got "
                f"{tuple(images.shape)} and {len(captions)} captions"
            )
        self.model, self.images, self.captions = model, images.numpy(), list(captions)
        self._cache = cache
        self.melodies = KnownMelodies(model, images, cache=cache)
        with torch.no_grad():
            parts = [model.image_encoder(part.float() / 255).mu for part in images.split(500)]
        self.means = torch.cat(parts)
        self.sliders = sliders_at(model.music, self.means[:MEASURED], cache=cache)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a picture."""
        return self.images.shape[1:]

    def with_model(self, model: SynVae) -> "Explorer":
        """The same pictures, explored by another model of pictures of their size."""
        return Explorer(model, torch.from_numpy(self.images), self.captions, cache=self._cache)

    @torch.no_grad()
    def encode(self, picture: UInt8[np.ndarray, "c h w"]) -> Float[Tensor, " z"]:
        """The latent point of a picture: the best of K samples, by rate-distortion cost."""
        pixels = torch.from_numpy(picture)[None].float() / 255
        looks = self.model.looks(pixels)
        return self.model.best_take(pixels, self.model.image_encoder(pixels), looks)[0]

    def play(
        self,
        z: Float[Tensor, " z"],
        *,
        look: Look | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> LatentMelody:
        """Decodes a latent point to its melody, and draws the picture of the notes.

        Args:
            look: which the melody is performed to carry; read from its MIDI file to draw with.
            temperature: as in `models.music.MelodyVae.decode`.
            seed: of the draw that a temperature above 0 makes.
        """
        generator = torch.Generator().manual_seed(seed)
        played = self.model.music.decode(z[None], temperature=temperature, generator=generator)
        looks, coding = None, self.model.music.coding
        if look is None:
            events = round_trip(played.numpy(), coding=coding)
        else:
            events, read = performed_round_trip(played.numpy(), np.array([look]), coding=coding)
            looks = torch.from_numpy(read)
        auditive, rebuilt = self.model.hear(torch.from_numpy(events), looks)
        pixels = (255 * rebuilt[0].clamp(0, 1)).round().to(torch.uint8).numpy()
        return LatentMelody(events[0], pixels, auditive.mu[0])

    def with_values(
        self, z: Float[Tensor, " z"], changes: Mapping[int, float]
    ) -> Float[Tensor, " z"]:
        """The point with some of the sliders, by number, at other values."""
        for number, value in changes.items():
            z = self.sliders[number].move(z, value)
        return z

    def interpolate(
        self, first: Float[Tensor, " z"], second: Float[Tensor, " z"], position: int
    ) -> Float[Tensor, " z"]:
        """The point at 0 .. `POSITIONS` - 1 on the great circle from one to another.

        Straight lines between points of N(0, I) lead through its middle, where no melody lies.
        """
        return latent_path(first, second, n=POSITIONS, path="spherical")[position]

    def nearest(
        self, auditive: Float[Tensor, " z"], *, k: int, without: int | None = None
    ) -> list[int]:
        """Indices of the k known pictures nearest by latents, one of them left out.

        What the model finds near: `melodies` has those that sound alike.
        """
        count = min(k + 1, len(self.means))
        nearest = nearest_across(auditive[None], self.means, k=count)[0].tolist()
        return [index for index in nearest if index != without][:k]
