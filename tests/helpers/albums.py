"""A small untrained SynVAE of coloured pictures, and folders of pictures to listen to."""

from pathlib import Path

import torch
from melody_models import melody_model
from picture_files import smooth_picture

from synvae_core.models.storage import save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config


def stored_model(folder: Path) -> Path:
    """The folder of a SynVAE of pictures of 32 pixels, with takes and a performance."""
    torch.manual_seed(0)
    config = SynVaeConfig(visual_config(32, latent_dim=8), takes=3, performance=True)
    save_model(SynVae(config, melody_model("mixer")).eval(), folder)
    return folder


def write_pictures(folder: Path, count: int) -> Path:
    """A folder with so many pictures, some of them in a folder below."""
    (folder / "below").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        place = folder / "below" if number % 3 == 2 else folder
        smooth_picture(40, 36, seed=number).save(place / f"{number:03d}.png")
    return folder


def files_below(folder: Path, suffix: str) -> dict[str, bytes]:
    """Contents of the files below a folder that end so, by their relative paths."""
    found = sorted(folder.rglob(f"*{suffix}"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
