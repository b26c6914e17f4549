"""The page of what a million pictures cost, calculated from what one of everything costs."""

from collections.abc import Mapping, Sequence

PER = {"million": 10**6, "billion": 10**9}
LATENTS = 2 * 45  # bytes of the latents of a melody: two each
BLOCK = 4096  # bytes that most file systems take for a small file
UNITS = ((365.25 * 86400, "years"), (86400, "days"), (3600, "hours"), (60, "minutes"))
PREFIXES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"))

HEAD = """# What a million pictures cost, and a billion

Calculated from what one of everything costs, by `python benchmarks costs --keep`, which writes this
page. Measured on one core, by processor time, with `synvae_photos` (two bars, 16 takes) on parts of
photographs of 128 pixels in JPEG (`benchmarks/costs.py`).

| one | costs |
|---|---:|
"""
BETWEEN = """
Time is the number of pictures times seconds, by cores; each core is a worker of `--workers`, or of
a `--scheduler`. That holds as long as pictures are read as fast as they are played: a core plays
{rate:.0f} a second, 1,000 cores {many:,.0f}, of pictures of 500 KB {read:.1f} GB a second.

| | a million | a billion |
|---|---:|---:|
"""
TAIL = """
- **Cards.** None was at hand. A card that plays R pictures a second takes 1,000,000 / R seconds, as
  `time synvae listen FOLDER --to ALBUM --gpus 0` says of 1,000 pictures and of 2,000: the
  difference, by 1,000. Decoding stays on the cores.
- **A billion files** in one folder are slow on every file system: sources in folders of some
  thousands give albums in such folders. An index of a billion does not fit: it is read into memory
  as a whole. It is made for albums of some millions, one index each.
- **One page** was tried with 2,000 entries ([search and pages](search.md)).
"""


def costs_page(rows: Sequence[Mapping], machine: str, date: str) -> str:
    """The page in Markdown, of rows of kind "cost"."""
    costs = {str(row["what"]): float(row["value"]) for row in rows}
    lines = [f"| {row['to']} | {one(str(row['what']), float(row['value']))} |" for row in rows]
    lines += ["| its 45 latents in the index | 90 bytes |", ""]
    rate = 1 / costs["picture"]
    between = BETWEEN.format(rate=rate, many=1000 * rate, read=1000 * rate * 500e3 / 1e9)
    table = [f"| {name} | {' | '.join(map(said, PER.values()))} |" for name, said in sums(costs)]
    measured = f"Measured on {machine}, {date}."
    return HEAD + "\n".join(lines) + between + "\n".join(table) + "\n" + TAIL + f"\n{measured}\n"


def sums(costs: Mapping[str, float]):
    """What is calculated: its name, and a function of the number of pictures that says it."""
    sound = costs["picture"] + costs["sound"] + costs["mp3"]
    for cores in (1, 16, 1000):
        name = "MIDI files, one core" if cores == 1 else f"{cores:,} cores"
        yield name, lambda n, cores=cores: duration(n * costs["picture"] / cores)
    yield "with MP3 files, 16 cores", lambda n: duration(n * sound / 16)
    yield "index, one core", lambda n: duration(n * costs["index"])
    files = costs["midi"] + costs["ledger_bytes"]
    yield "disk: MIDI files and ledger", lambda n: size(n * files)
    yield "the same in blocks of 4 KB", lambda n: size(n * (BLOCK + costs["ledger_bytes"]))
    yield "disk: MP3 files", lambda n: size(n * costs["mp3_bytes"])
    yield "disk: index by ear", lambda n: size(n * costs["index_bytes"])
    yield "disk: index with latents", lambda n: size(n * (costs["index_bytes"] + LATENTS))


def one(what: str, value: float) -> str:
    is_size = what == "midi" or what.endswith("_bytes")
    return f"{value:,.0f} bytes" if is_size else f"{value:.4f} s"


def duration(seconds: float) -> str:
    for unit, name in UNITS:
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.1f} seconds"


def size(count: float) -> str:
    for unit, name in PREFIXES:
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count:.0f} bytes"
