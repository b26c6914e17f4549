"""Albums of pictures, from disk to disk: throughput, two workers against one, and memory.

    python benchmarks/album.py 100000

Pictures are MNIST's digits, each moved by up to two pixels, in PNG. Throughput is that of
`synvae_mnist`, found by the kind of picture; the reference is that model alone, on the same
pictures decoded before. Memory does not depend on the model's work: it is that of albums made by a
small untrained model, each by a process of its own, whose peak is compared with that of 1,000
pictures. Beside two workers stand two processes of the model alone, which share no work at all.
Printed is also how long it takes to go on with an album that is complete. A number of pictures as
an argument measures memory alone.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measuring import own_peak_mib, ratio, seconds
from PIL import Image

from synvae_core.models.melody.mixer import MixerMelodyConfig
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_workbench.album import listen
from synvae_workbench.album.crew import ALONE, Crew
from synvae_workbench.album.playing import Listener, Playing, Source
from synvae_workbench.data.registry import load_pictures

IN_A_FOLDER = 1000
PICTURES, ROUNDS = 128, 2
FEWER, MORE = 64, 320  # pictures whose difference in time is that of workers at full work
SMALL, LARGE = 1000, 10_000
MAKE = "--make"  # the process whose memory is measured
PLAY = "--play"  # one in which the model alone plays


def main() -> None:
    torch.set_num_threads(1)
    if sys.argv[1:2] == [MAKE]:
        make_alone(*sys.argv[2:])
        return
    if sys.argv[1:2] == [PLAY]:
        play = model_alone(Path(sys.argv[2]))
        print(seconds(lambda: [play() for _ in range(ROUNDS)])[0])
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if sys.argv[1:]:
            measure_memory(folder, int(sys.argv[1]))
            return
        throughput(folder)
        workers(folder)
        processes(folder)
        small, large = (measure_memory(folder, count) for count in (SMALL, LARGE))
        what = f"an album of {LARGE:,} pictures, at most"
        ratio(what, large / small, to=f"one of {SMALL:,}", kind="memory")


def write_digits(folder: Path, count: int) -> Path:
    """Folder of so many different digits, in folders of a thousand."""
    digits = load_pictures("mnist_5k").train.images[:, 0].numpy()
    for i in range(count):
        place = folder / f"{i // IN_A_FOLDER:04d}"
        place.mkdir(parents=True, exist_ok=True)
        moved, number = divmod(i, len(digits))
        by = moved % 5 - 2, moved // 5 % 5 - 2
        Image.fromarray(np.roll(digits[number], by, (0, 1))).save(place / f"{i:07d}.png")
    return folder


def throughput(folder: Path) -> None:
    """Pictures a second, end to end, as a share of those of the model alone."""
    digits = write_digits(folder / "digits", PICTURES)
    play = model_alone(digits)
    whole, alone = [], []
    for number in range(ROUNDS):
        to = folder / f"whole_{number}"
        whole.append(seconds(lambda to=to: listen([digits], to=to)))
        alone.append(seconds(play))
    (wall, processor), (wall_alone, processor_alone) = (
        [min(times) for times in zip(*each, strict=True)] for each in (whole, alone)
    )
    each = f"{1000 * wall / PICTURES:.1f} ms a picture"
    print(f"{each}, {1000 * processor / PICTURES:.1f} ms of processor time")
    what = "pictures to MIDI files"
    ratio(what, wall_alone / wall, to="synvae_mnist alone")
    ratio(f"{what}, by processor time", processor_alone / processor, to="synvae_mnist alone")


def model_alone(digits: Path):
    """A function that has the model play all pictures, which are decoded already."""
    listener = Listener(Playing())
    paths = sorted(digits.rglob("*.png"))
    groups, melodies = {}, listener.melodies

    def keep(number, pictures):
        groups.setdefault(number, []).append(pictures)
        return melodies(number, pictures)

    listener.melodies = keep
    list(listener.make(Source(i, path.read_bytes()) for i, path in enumerate(paths)))

    def play():
        for number, batches in groups.items():
            for pictures in batches:
                melodies(number, pictures)

    return play


def workers(folder: Path) -> None:
    """Two workers here against this process alone, at full work: starts do not count."""
    folders = [write_digits(folder / f"of_{count}", count) for count in (FEWER, MORE)]
    found = {}
    for crew in (ALONE, Crew(workers=2)):
        times = [
            all_seconds(lambda each=each, crew=crew: made(folder, each, crew)) for each in folders
        ]
        found[crew.workers] = np.subtract(times[1], times[0]) / (MORE - FEWER)
        wall, processor = 1000 * found[crew.workers]
        print(f"{crew.workers} workers: {wall:.1f} ms a picture, {processor:.1f} of processor time")
    one, two = found[1], found[2]
    print(f"by processor time, with two cores for them alone: at most {2 * one[1] / two[1]:.2f}")
    ratio("pictures by two workers", one[0] / two[0], to="one")


def processes(folder: Path) -> None:
    """The model alone in two processes against one: what two cores of this machine can give."""
    command = [sys.executable, __file__, PLAY, str(write_digits(folder / "played", PICTURES))]
    times = []
    for count in (1, 2):
        started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(count)]
        times.append(max(float(each.communicate()[0]) for each in started))
    ratio("synvae_mnist alone in two processes", 2 * times[0] / times[1], to="in one")


def made(folder: Path, digits: Path, crew: Crew) -> None:
    listen([digits], to=folder / f"{digits.name}_by_{crew.workers}", crew=crew)


def all_seconds(work) -> tuple[float, float]:
    """Wall-clock time, and processor time of this process and of those that ended meanwhile."""
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall, processor = seconds(work)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, processor + end.ru_utime - start.ru_utime + end.ru_stime - start.ru_stime


def measure_memory(folder: Path, count: int) -> float:
    """Peak memory in MiB of making an album of so many pictures."""
    model = small_model(folder / "model")
    digits = write_digits(folder / f"digits_{count}", count)
    command = [sys.executable, __file__, MAKE, str(digits), str(folder / f"album_{count}"), model]
    said = [subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout for _ in range(2)]
    (peak, processor, wall), (again, _, wall_again) = ([float(x) for x in s.split()] for s in said)
    print(
        f"{count:,} pictures: {peak:.0f} MiB at most, {processor:.0f} s of processor time, "
        f"{wall:.0f} s; gone on with when complete: {again:.0f} MiB, {wall_again:.1f} s",
        flush=True,
    )
    return max(peak, again)


def make_alone(digits: str, album: str, model: str) -> None:
    """Makes an album, and prints peak memory in MiB, processor time and time in seconds."""
    start = time.perf_counter()
    before = time.process_time()
    listen([digits], to=album, model=model)
    print(own_peak_mib(), time.process_time() - before, time.perf_counter() - start)


def small_model(folder: Path) -> str:
    """Folder of a small untrained SynVAE of digits."""
    torch.manual_seed(0)
    sizes = {"channels": 16, "hidden_channels": 16, "hidden_patches": 8}
    blocks = {"encoder_blocks": 1, "decoder_blocks": 1}
    music = MelodyVae(MixerMelodyConfig(latent_dim=8, **sizes, **blocks))
    save_model(SynVae(SynVaeConfig(visual_config(28, latent_dim=8)), music).eval(), folder)
    return str(folder)


if __name__ == "__main__":
    main()
