"""Drawing of tunes: from the bytes of MIDI files to the pictures that a SynVAE draws of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, UInt8

from synvae_core.looks import Look
from synvae_core.models.storage import PRETRAINED
from synvae_core.models.synvae import SynVae, load_synvae
from synvae_core.music.midi_files import MAX_BYTES
from synvae_core.music.reading import read_windows
from synvae_workbench.album.layout import own_suffixes
from synvae_workbench.album.playing import BATCH, STANDARD, Made, Source, one_thread
from synvae_workbench.data.pictures.files import png_of

TUNES = (".mid", ".midi")


@dataclass(frozen=True)
class Drawing:
    """Options of drawing tunes: the folder of a SynVAE, or the name of a shipped one.

    Without it a tune is drawn by the model that played it, if that is known, else by `STANDARD`.
    """

    model: str = ""


class Drawer:
    """Draws tunes by one model, or each by the model that played it.

    Raises:
        ValueError: if the model that is named cannot be used.
    """

    suffix, most_bytes = ".png", MAX_BYTES

    def __init__(self, options: Drawing) -> None:
        self.options = options
        self._models: dict[str, SynVae] = {}
        if options.model:
            self.model(options.model)

    def make(self, tunes: Iterable[Source]) -> Iterator[Made]:
        """Files of tunes, in their order."""
        for key, content, played_by in tunes:
            name = self.options.model or played_by or STANDARD
            try:
                pictures = self.pictures(content, name)
            except ValueError as error:
                yield Made(key, {}, {}, str(error).removeprefix("the MIDI data "))
                continue
            facts: dict[str, Any] = {"model": name, "windows": len(pictures)}
            suffixes = own_suffixes(facts, [self.suffix])
            files = dict(zip(suffixes, map(png_of, pictures), strict=True))
            yield Made(key, dict(reversed(files.items())), facts)

    def pictures(self, tune: bytes, model: str) -> UInt8[np.ndarray, "n c h w"]:
        """Pictures of a tune's windows, each as long as the melodies of that model.

        Raises:
            ValueError: if it is no MIDI file, truncated, too large, or has no notes; or if the
                model cannot be used.
        """
        synvae = self.model(model)
        steps, coding = synvae.config.music.steps, synvae.music.coding
        windows, look = read_windows(tune, steps=steps, coding=coding)
        look = look if synvae.config.performance else None
        parts = [windows[i : i + BATCH] for i in range(0, len(windows), BATCH)]
        return np.concatenate([_drawn(synvae, part, look) for part in parts])

    def model(self, name: str) -> SynVae:
        """The SynVAE of a folder or a shipped one's name, opened when it is first asked for."""
        if name not in self._models:
            device = "cuda" if torch.cuda.is_available() else "cpu"
            folder = PRETRAINED / name if (PRETRAINED / name).is_dir() else name
            self._models[name] = load_synvae(folder).to(device)
        return self._models[name]


def _drawn(
    model: SynVae, windows: Int[np.ndarray, "n t"], look: Look | None
) -> UInt8[np.ndarray, "n c h w"]:
    """Pictures of up to `BATCH` windows, none of which depends on the others."""
    device = next(model.parameters()).device
    events = np.zeros((BATCH, windows.shape[1]), np.int64)
    events[: len(windows)] = windows
    with one_thread(), torch.no_grad():
        looks = None if look is None else torch.tensor([look] * BATCH, device=device)
        _, drawn = model.hear(torch.from_numpy(events).to(device), looks)
    pixels = (255 * drawn[: len(windows)].clamp(0, 1)).round().to(torch.uint8)
    return pixels.cpu().numpy()
