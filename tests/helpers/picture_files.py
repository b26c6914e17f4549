"""Folders of pictures that tests make up."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def smooth_picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """A random picture without edges, which JPEG keeps nearly as it is."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def write_bam(
    folder: Path, values: np.ndarray, *, first: int = 100, names: str | None = None, size: int = 64
) -> list[Path]:
    """A folder in the BAM layout, with pictures that are wide, upright and square in turn."""
    (folder / "img").mkdir(parents=True)
    paths = []
    for i in range(len(values)):
        sides = [(size, size + 7 * (i % 9)), (size + 7 * (i % 9), size), (size, size)][i % 3]
        paths.append(folder / "img" / f"{first + i}.jpg")
        smooth_picture(*sides, seed=first + i).save(paths[-1], quality=95)
    np.save(folder / "labels.npy", values)
    if names is not None:
        (folder / "labels.txt").write_text(names, encoding="utf-8")
    return paths


CLASSES = ("cats", "dogs")


def write_folder(folder, n=10, size=(40, 40)):
    for label in CLASSES:
        (folder / label).mkdir(parents=True)
        for i in range(n):
            smooth_picture(*size, seed=i).save(folder / label / f"{label}{i}.png")


def encode_picture(image, kind, **settings):
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()
