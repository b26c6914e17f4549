"""Search by ear and by latents: time of a query, share found, memory; against exact search.

    python benchmarks/melody_search.py 1000000

Melodies are simulated: windows of the packaged tunes, the same with their two bars exchanged, both
in all keys, and as many draws of language_2bar as a given time allows. Latents are draws of
N(0, I), as those of a language's melodies are. Queries are windows of tunes that the index has not,
and other draws. The index is written to a disk and searched by a process of its own, whose peak of
memory is printed; ratios are of processor time, in one thread.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
import torch
from measuring import own_peak_mib, peak_mib, ratio, seconds

from synvae_core.metrics.melody_distances.roll_tables import roll_norms
from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.storage import PRETRAINED
from synvae_core.music.melody import FIRST_NOTE, ONE_VOICE
from synvae_core.music.rolls import roll_codes
from synvae_workbench.data.registry import CorpusOptions, load_corpus
from synvae_workbench.search.nearest import NEAREST, Search
from synvae_workbench.search.store import DIGEST, About, Index, Melodies, read_index, write_index
from synvae_workbench.search.update import joined, trained

STEPS, LATENTS = 32, 45  # two bars; latents of synvae_mnist
QUERIES = 100
ALONE = "--alone"  # the process that searches
COUNT, DRAW_SECONDS = 200_000, 60.0
KEYS = range(-12, 13)


def main() -> None:
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    if sys.argv[1:2] == [ALONE]:
        search_alone(Path(sys.argv[2]))
        return
    count = int(sys.argv[1]) if sys.argv[1:] else COUNT
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), count)
        # Its ratios go into the same record.
        subprocess.run([sys.executable, __file__, ALONE, folder], check=True)


def build(folder: Path, count: int) -> None:
    """Index of so many melodies, and the queries, in a folder."""
    rng = np.random.default_rng(0)
    corpus = load_corpus("abc", CorpusOptions(seed=0))
    draws = drawn(DRAW_SECONDS * count / 1_000_000)
    tunes = np.unique(np.concatenate([corpus.train, exchanged(corpus.train)]), axis=0)
    tunes = in_all_keys(tunes[rng.permutation(len(tunes))[: count // 15 + 1000]])
    half = QUERIES // 2
    melodies = np.concatenate([draws[half:], tunes[rng.permutation(len(tunes))]])[:count]
    print(f"{len(melodies):,} melodies, {len(draws) - half:,} of them draws of language_2bar")
    queries = np.concatenate([corpus.test[rng.permutation(len(corpus.test))[:half]], draws[:half]])
    np.savez(folder / "queries.npz", events=queries, latents=latents_of(len(queries), seed=1))
    index = Index(About(STEPS), known_melodies(melodies, 0))
    wall, processor = seconds(lambda: write_index(trained(index), folder))
    print(f"lists made and written: {processor:.0f} s of processor time, {wall:.0f} s")
    index = read_index(folder)
    new = known_melodies(ONE_VOICE.canonical(queries[:, ::-1].copy()), count)
    wall, processor = seconds(lambda: write_index(joined(index, [new]), folder))
    print(f"{len(new.ends)} more, and written: {processor:.1f} s of processor time, {wall:.1f} s")
    size = (folder / ".album" / "search.safetensors").stat().st_size
    print(f"{size / len(melodies):.0f} bytes a melody; peak of memory {peak_mib():.0f} MiB")


def search_alone(folder: Path) -> None:
    """Times queries, and compares what is found with exact search."""
    start = time.perf_counter()
    search = Search(read_index(folder))
    with np.load(folder / "queries.npz") as stored:
        events, latents = stored["events"], stored["latents"].astype(np.float32)
    search.by_ear(events[0])
    search.by_latents(latents[0])
    print(f"opened, and a first query: {time.perf_counter() - start:.1f} s")
    count = len(search.index.melodies.ends)
    ours, found = timed(lambda i: search.by_ear(events[i]))
    exact, nearest = timed(lambda i: search.by_ear(events[i], exact=True))
    by_latents, _ = timed(lambda i: search.by_latents(latents[i]))
    among = f"among {count / 1000:,.0f},000 melodies"
    share = np.mean(
        [
            np.mean([each.distance <= last + 1e-3 for each in some])
            for some, last in zip(found, [each[-1].distance for each in nearest], strict=True)
        ]
    )
    for name, times in {"by ear": ours, "exactly": exact, "by latents": by_latents}.items():
        wall, processor = 1000 * np.median(times, 0)
        print(f"a query {name} {among}: {wall:.1f} ms, {processor:.1f} ms of processor time")
    print(f"peak of memory: {own_peak_mib():.0f} MiB")
    ratio(f"a query by ear {among}", np.sum(exact, 0)[1] / np.sum(ours, 0)[1], to="exact search")
    ratio(f"first {NEAREST} by ear {among}", share, to="exact search", kind="share")


def timed(query):
    """Wall-clock and processor time of each query, and what was found."""
    times, found = [], []
    for number in range(QUERIES):
        times.append(seconds(lambda number=number: found.append(query(number))))
    return times, found


def drawn(most_seconds: float) -> np.ndarray:
    """Draws of language_2bar."""
    model = load_melody_model(PRETRAINED / "language_2bar")
    generator, parts = torch.Generator().manual_seed(0), []
    end = time.process_time() + most_seconds
    while not parts or time.process_time() < end:
        parts.append(model.sample(500, generator=generator).numpy())
    different = np.unique(np.concatenate(parts), axis=0)
    return different[np.random.default_rng(0).permutation(len(different))]


def exchanged(events: np.ndarray) -> np.ndarray:
    """Melodies with their two bars exchanged."""
    return ONE_VOICE.canonical(np.roll(events, STEPS // 2, axis=1))


def in_all_keys(events: np.ndarray) -> np.ndarray:
    """Different melodies, moved by each number of semitones that keeps them within range."""
    highest = events.max(1)
    lowest = np.where(events >= FIRST_NOTE, events, ONE_VOICE.size).min(1)
    moved = [
        ONE_VOICE.transpose(
            events[(lowest + by >= FIRST_NOTE) & (highest + by < ONE_VOICE.size)], by
        ).astype(np.uint8)
        for by in KEYS
    ]
    return np.concatenate(moved)


def known_melodies(events: np.ndarray, first: int) -> Melodies:
    """What an index has of melodies in files numbered from `first`."""
    count = len(events)
    names = [f"{number:08d}.mid".encode() for number in range(first, first + count)]
    codes = np.concatenate(
        [roll_codes(part) for part in np.array_split(events, 1 + count // 50_000)]
    )
    return Melodies(
        names=np.frombuffer(b"".join(names), np.uint8),
        ends=np.cumsum([len(name) for name in names]),
        digests=np.zeros((count, DIGEST), np.uint8),
        stamps=np.zeros((count, 2), np.int64),
        codes=codes,
        norms=roll_norms(codes),
        latents=latents_of(count, seed=2).astype(np.float16),
    )


def latents_of(count: int, seed: int) -> np.ndarray:
    """Draws of N(0, I)."""
    return np.random.default_rng(seed).standard_normal((count, LATENTS), np.float32)


if __name__ == "__main__":
    main()
