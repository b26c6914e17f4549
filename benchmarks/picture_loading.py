"""Loading of 10,000 JPEGs in the BAM layout: `load_bam` against sequential decoding by Pillow.

Without the cache, by turns in one run. The ratio is of the fastest wall-clock times, which other
load affects least; that of processor times is printed. `load_bam` also crops and hashes every file;
the reference decodes each to an array and keeps it. The pictures are those of
$SYNVAE_DATA/paintings, repeated, or synthetic. Memory is the rise of the process' peak in the first
load.
"""

import os
import shutil
import tempfile
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from measuring import peak_mib, ratio, seconds
from PIL import Image

from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures.bam import load_bam
from synvae_workbench.data.pictures.types import PictureSet

COUNT, CLASSES = 10_000, 7
ROUNDS = 6


def fill(folder: Path) -> None:
    """Writes pictures and labels into a folder."""
    images = folder / "img"
    images.mkdir()
    data = os.environ.get("SYNVAE_DATA")
    real = sorted(Path(data, "paintings").glob("*/img/*.jpg")) if data else []
    for i, source in enumerate(islice(cycle(real), COUNT)):
        shutil.copyfile(source, images / f"{i}.jpg")
    rng = np.random.default_rng(0)
    for i in range(0 if real else COUNT):
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
        width, height = 64, int(rng.integers(64, 141))
        sides = (width, height) if i % 2 else (height, width)
        coarse.resize(sides, Image.Resampling.BICUBIC).save(images / f"{i}.jpg", quality=90)
    np.save(folder / "labels.npy", np.eye(CLASSES, dtype=np.float32)[np.arange(COUNT) % CLASSES])
    (folder / "labels.txt").write_text(
        "".join(f"class {i}\n" for i in range(CLASSES)), encoding="utf-8"
    )


def one_after_another(folder: Path) -> list[np.ndarray]:
    """Decodes all pictures sequentially by Pillow, the reference."""
    arrays = []
    for i in range(COUNT):
        with Image.open(folder / "img" / f"{i}.jpg") as image:
            arrays.append(np.asarray(image.convert("RGB")))
    return arrays


def mebibytes(pictures: PictureSet) -> float:
    strips = pictures.train.strips.pixels
    splits = (pictures.train, pictures.validation, pictures.test)
    return (strips.nbytes + sum(split.images.nbytes for split in splits)) / (1 << 20)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder)
        before, options = peak_mib(), PictureOptions(folder=folder, cache=False)
        size = mebibytes(load_bam(options))
        peak = peak_mib() - before
        reference, ours = [], []
        for _ in range(ROUNDS):
            # Each twice: the first time, a virtual machine may have to allocate memory.
            reference += [seconds(lambda: one_after_another(folder)) for _ in range(2)]
            ours += [seconds(lambda: load_bam(options)) for _ in range(2)]
        fastest, fastest_ours = (
            [min(times) for times in zip(*each, strict=True)] for each in (reference, ours)
        )
        clock, processor = (a / b for a, b in zip(fastest, fastest_ours, strict=True))
        ratio(f"{COUNT:,} pictures", clock, to="Pillow, one after another")
        print(f"by processor time: {processor:.2f} times")
        with tempfile.TemporaryDirectory() as cache:
            cached = PictureOptions(folder=folder, cache=cache)
            load_bam(cached)
            again = seconds(lambda: load_bam(cached))[0]
        ratio("the same pictures again, from the cache", fastest[0] / again, to="Pillow")
        ratio(f"{COUNT:,} pictures, at most", peak / size, to="their arrays", kind="memory")


if __name__ == "__main__":
    main()
