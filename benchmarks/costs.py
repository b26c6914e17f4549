"""What one picture of an album costs in time and on the disk; docs/costs.md is calculated from it.

Pictures are parts of photographs of 128 pixels in JPEG, played by `synvae_photos`: two bars, 16
takes. Times are the processor's, in one thread, with the model opened before.
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from measuring import cost, seconds
from PIL import Image

from synvae_core.music.reading import read_opening
from synvae_core.music.sound import Sound
from synvae_workbench.album import listen
from synvae_workbench.album.formats import encode
from synvae_workbench.album.layout import hidden_folder, ledger_file
from synvae_workbench.album.ledger import Found, Outcome, reading, writing
from synvae_workbench.album_page.cards import BESIDE
from synvae_workbench.album_page.write import write_album_page
from synvae_workbench.data.pictures.example_photographs import example_photographs
from synvae_workbench.search.store import index_file
from synvae_workbench.search.update import DIMENSIONS, update_index

PICTURES, SIDE = 48, 128
SOUNDS, ENTRIES = 12, 2000
STEPS = 32  # two bars


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        album = pictures(folder)
        sounds(album)
        index(folder, sorted(album.glob("*.mid")))
        ledger(folder / "ledger", album)
        page(album)


def pictures(folder: Path) -> Path:
    """An album of parts of photographs."""
    rng, photographs = np.random.default_rng(0), [pixels for _, pixels in example_photographs()]
    for place, count in (("first", 1), ("pictures", PICTURES)):
        (folder / place).mkdir()
        for i in range(count):
            whole = photographs[i % len(photographs)]
            top, left = (int(rng.integers(0, 1 + side - SIDE)) for side in whole.shape[:2])
            part = Image.fromarray(whole[top : top + SIDE, left : left + SIDE])
            part.save(folder / place / f"{i:04d}.jpg", quality=90)
    listen([folder / "first"], to=folder / "opened", model="synvae_photos")
    album = folder / "album"
    work = seconds(lambda: listen([folder / "pictures"], to=album, model="synvae_photos"))
    cost("picture", work[1] / PICTURES, of="picture to MIDI file")
    cost("midi", mean_size(album.glob("*.mid")), of="MIDI file")
    return album


def sounds(album: Path) -> None:
    """Costs of rendering and encoding."""
    files = sorted(album.glob("*.mid"))[:SOUNDS]
    events = [read_opening(path.read_bytes(), steps=STEPS, name=path.name) for path in files]
    sound, waves, coded = Sound(), [], []
    sound.perform(events[0])
    rendered = seconds(lambda: waves.extend(map(sound.perform, events)))
    cost("sound", rendered[1] / SOUNDS, of="its sound rendered, for a page or `--also wav`")
    encoded = seconds(lambda: coded.extend(encode(wave, "mp3") for wave in waves))
    cost("mp3", encoded[1] / SOUNDS, of="and encoded, for a page or `--also mp3`")
    cost("mp3_bytes", np.mean([len(each) for each in coded]), of="MP3 of two bars")
    wav = [len(encode(wave, "wav")) for wave in waves]
    cost("wav_bytes", np.mean(wav), of="WAV of two bars, 16 bits")


def index(folder: Path, tunes: list[Path]) -> None:
    """Costs of an index by ear."""
    (place := folder / "tunes").mkdir()
    for i in range(ENTRIES):
        shutil.copyfile(tunes[i % len(tunes)], place / f"{i:08d}.mid")
    work = seconds(lambda: update_index(place, steps=STEPS))
    cost("index", work[1] / ENTRIES, of="melody read into an index")
    lists = DIMENSIONS + np.dtype(np.int32).itemsize  # of a large one: vector and list of each
    size = index_file(place).stat().st_size / ENTRIES + lists
    cost("index_bytes", size, of="melody in the index, without latents")


def ledger(place: Path, album: Path) -> None:
    """Cost of an entry in the ledger."""
    with reading(album) as known:
        entry = next(known.entries())
    found = (Found(n, entry.source.parent / n, entry.size, entry.mtime_ns) for n in names())
    with writing(place, {}) as own:
        own.add(found, [".mid"])
        own.record(Outcome(number + 1, entry.facts) for number in range(ENTRIES))
    cost("ledger_bytes", ledger_file(place).stat().st_size / ENTRIES, of="line of the ledger")


def names():
    return (f"2020/{number:08d}.jpg" for number in range(ENTRIES))


def page(album: Path) -> None:
    """Costs of an entry of a page whose files lie beside it."""
    work = seconds(lambda: write_album_page(album, embedded=0))
    cost("page", work[1] / PICTURES, of="entry of a page, with its sound and what comes back")
    beside = hidden_folder(album) / BESIDE
    size = sum(path.stat().st_size for path in beside.glob("*")) / PICTURES
    cost("page_bytes", size, of="entry of a page, its MP3 included")


def mean_size(files) -> float:
    return float(np.mean([path.stat().st_size for path in files]))


if __name__ == "__main__":
    main()
