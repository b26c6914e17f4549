"""One instrument of a sound font as a small SoundFont 2 of its own, with samples decoded.

It loads in milliseconds, where a whole font of compressed samples takes seconds and half a
gigabyte. The player behind tinysoundfont trusts every index that it finds; what is written here is
within bounds as that player adds them up.
"""

import io
import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

import numpy as np
import soundfile
from jaxtyping import Int, Int16

from synvae_core.music.soundfont_files import TYPES, WITHIN, FontFile, Table

MAX_POINTS = 1 << 26  # sample points of one instrument: 128 MiB of 16 bits
MAX_COMPRESSED = 1 << 22  # sample points of a compressed sample, of which some stay in memory
SILENCE_POINTS = 46  # that the specification wants after each sample
COMPRESSED = 0x10  # bit of a sample's type
INSTRUMENT, SAMPLE = 41, 53  # the generators that name one
KEYS, VELOCITIES = 43, 44  # the generators of ranges: lowest and highest, a byte each
# Generators that move a sample's start, end, loop start and loop end: in points, in 32,768 points
MOVES = ((0, 4), (1, 12), (2, 45), (3, 50))
MOVED = tuple(generator for pair in MOVES for generator in pair)
MOST_REGIONS = 1 << 16  # of an instrument: zones of all its parts

Ranges = dict[int, tuple[int, int]]  # of KEYS and VELOCITIES, first and last


def cut_instrument(
    font: FontFile, bank: int, preset: int, played: Sequence[tuple[int, int]]
) -> bytes:
    """A SoundFont 2 of one instrument alone, its samples decoded; without modulators.

    Args:
        bank: 0, or 128 of drum kits.
        preset: number of the instrument in its bank, from 0.
        played: pitch and velocity of some notes; what sounds at none between them is left out.

    Raises:
        ValueError: if the font has no such instrument, or it has samples outside of the file, that
            cannot be decoded, or of more than 67 million points.
    """
    headers = font.tables["phdr"][:-1]
    (found,) = np.nonzero((headers["bank"] == bank) & (headers["preset"] == preset))
    if not len(found):
        wanted = f"drum kit {preset}" if bank == 128 else f"program {preset}"
        raise ValueError(f"{font.name} has no {wanted}; choose another program or sound font")
    try:
        pitches, velocities = zip(*played, strict=True)
        ranges = {KEYS: pitches, VELOCITIES: velocities}
        limits = {kind: (min(values), max(values)) for kind, values in ranges.items()}
        return _written(_Cut(font, int(found[0]), limits))
    except ValueError as error:
        raise ValueError(
            f"{font.name}: instrument {preset} of bank {bank} is corrupt: {error}; "
            "install the font again, or choose another"
        ) from error


class _Cut:
    """Tables and samples of one instrument, counted anew from 0."""

    def __init__(self, font: FontFile, row: int, ranges: Ranges) -> None:
        self.font, self.ranges = font, ranges
        self.headers = [font.tables["phdr"][row].copy()]
        self.instruments: dict[int, int] = {}  # new numbers by old
        self.samples: dict[int, int] = {}
        self.headers[0]["first"] = 0
        zones = self._zones("phdr", row)
        self.preset_zones = [self._renumber(zone, INSTRUMENT, self.instruments) for zone in zones]
        self.instrument_zones = [
            [self._renumber(zone, SAMPLE, self.samples) for zone in self._zones("inst", old)]
            for old in list(self.instruments)
        ]
        regions = sum(len(self.instrument_zones[part]) for part in self._named(self.preset_zones))
        if regions > MOST_REGIONS:
            raise ValueError(f"{regions:,} regions")
        self.points, left = [], MAX_POINTS
        for old in self.samples:  # of which thousands may be the same bytes of the file
            self.points.append(_points(font, old))
            left -= len(self.points[-1])
            if left < 0:
                raise ValueError(f"more than {MAX_POINTS:,} sample points")
        self._check_moves()

    def _zones(self, table: str, row: int) -> list[Table]:
        """The generators of each zone of a preset or an instrument."""
        tables, bags = self.font.tables, WITHIN[table]
        first, last = (int(tables[table][row + i]["first"]) for i in (0, 1))
        limits = tables[bags]["first"]
        generators = tables[WITHIN[bags]]
        zones = [generators[limits[i] : limits[i + 1]].copy() for i in range(first, last)]
        names = INSTRUMENT if table == "phdr" else SAMPLE
        # The first zone holds for all others, if it names nothing; another such means nothing.
        return [
            zone
            for place, zone in enumerate(zones)
            if (self._sounds(zone) if names in zone["generator"] else place == 0)
        ]

    def _sounds(self, zone: Table) -> bool:
        """Whether a zone is for some of the keys and velocities that are wanted."""
        for kind, amount in zip(zone["generator"].tolist(), zone["amount"].tolist(), strict=True):
            first, last = amount & 0xFF, amount >> 8 & 0xFF
            if kind in self.ranges:
                lowest, highest = self.ranges[kind]
                if last < lowest or highest < first:
                    return False
        return True

    def _renumber(self, zone: Table, kind: int, numbers: dict[int, int]) -> Table:
        """The generators of a zone that its last one, which names its content, ends."""
        named = np.flatnonzero(zone["generator"] == kind)
        zone = zone[: named[0] + 1] if len(named) else zone
        if kind == INSTRUMENT:  # only instruments may move a sample's points
            zone = zone[~np.isin(zone["generator"], MOVED)]
        if len(named):
            old = int(zone["amount"][-1]) & 0xFFFF
            count = len(self.font.tables["inst" if kind == INSTRUMENT else "shdr"]) - 1
            if old >= count:
                raise ValueError(f"it names part {old} of {count}")
            zone["amount"][-1] = numbers.setdefault(old, len(numbers))
        return zone

    @staticmethod
    def _named(zones: list[Table]) -> list[int]:
        """New numbers of what the zones of a preset name."""
        return [int(zone["amount"][-1]) for zone in zones if INSTRUMENT in zone["generator"]]

    def _check_moves(self) -> None:
        """Refuses zones that play what is outside of their sample; moves add up in the player."""
        headers = self.font.tables["shdr"][list(self.samples)]
        for zones in self.instrument_zones:
            common = np.zeros(4, np.int64)
            for zone in zones:
                moves = common + _moves(zone)
                if SAMPLE not in zone["generator"]:
                    common = moves
                    continue
                sample = int(zone["amount"][-1])
                length = len(self.points[sample])
                places = _places(headers[sample], length) + moves
                if not (0 <= places.min() and places.max() <= length - 2):
                    raise ValueError(f"it plays points {places.tolist()} of {length}")


def _moves(zone: Table) -> Int[np.ndarray, "4"]:
    """How far a zone moves start, end, loop start and loop end of its sample."""
    kinds, amounts = zone["generator"], zone["amount"].astype(np.int64)
    return np.array(
        [amounts[kinds == fine].sum() + 32_768 * amounts[kinds == far].sum() for fine, far in MOVES]
    )


def _places(header: np.void, length: int) -> Int[np.ndarray, "4"]:
    """Start, end, loop start and loop end of a sample, counted from its start."""
    before = 0 if header["type"] & COMPRESSED else int(header["start"])
    end = length - SILENCE_POINTS
    loop = [int(header[name]) - before for name in ("loop_start", "loop_end")]
    # A sample that is not looped may have any loop.
    return np.array([0, end, *(min(max(place, 0), end) for place in loop)])


def _points(font: FontFile, row: int) -> Int16[np.ndarray, " n"]:
    """The sample points of a sample, and the silence after it."""
    header, samples = font.tables["shdr"][row], font.samples
    start, end = int(header["start"]), int(header["end"])
    compressed = bool(header["type"] & COMPRESSED)
    length = len(samples) if compressed else len(samples) // 2
    if end - start > MAX_POINTS:
        raise ValueError(f"a sample of more than {MAX_POINTS:,} points")
    if not (start <= end <= length and 100 <= header["rate"] <= 400_000):
        raise ValueError(f"a sample from {start} to {end} of {length} at {header['rate']} Hz")
    if not compressed:
        points = samples[2 * start : 2 * min(end + SILENCE_POINTS, length)].view("<i2")
        return np.concatenate([points, np.zeros(end - start + SILENCE_POINTS - len(points), "i2")])
    return _decoded(samples[start:end].tobytes())


@lru_cache(maxsize=256)  # one instrument of many samples
def _decoded(data: bytes) -> Int16[np.ndarray, " n"]:
    """The sample points of an Ogg Vorbis file, and the silence after them."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.channels != 1 or file.frames > MAX_COMPRESSED:
                raise ValueError(f"a sample of {file.channels} channels and {file.frames} points")
            points = file.read(dtype="int16")
    except (soundfile.SoundFileError, TypeError) as error:
        raise ValueError(f"a sample that is no Ogg Vorbis ({error})") from error
    return np.concatenate([points, np.zeros(SILENCE_POINTS, np.int16)])


def _written(cut: _Cut) -> bytes:
    headers = cut.font.tables["shdr"][list(cut.samples)].copy()
    first = 0
    for header, points in zip(headers, cut.points, strict=True):
        places = first + _places(header, len(points))
        for name, place in zip(("start", "end", "loop_start", "loop_end"), places, strict=True):
            header[name] = place
        header["type"], header["link"] = 1, 0
        first += len(points)
    instruments = cut.font.tables["inst"][list(cut.instruments)].copy()
    counts = [0, *accumulate(map(len, cut.instrument_zones))]
    instruments["first"] = counts[:-1]
    inner = [zone for zones in cut.instrument_zones for zone in zones]
    tables = {
        "phdr": _ended("phdr", cut.headers, len(cut.preset_zones)),
        **_bags("p", cut.preset_zones),
        "inst": _ended("inst", instruments, counts[-1]),
        **_bags("i", inner),
        "shdr": _ended("shdr", headers),
    }
    info = _chunk("LIST", b"INFO" + _chunk("ifil", struct.pack("<HH", 2, 1)))
    points = np.concatenate([*cut.points, np.zeros(SILENCE_POINTS, np.int16)]).astype("<i2")
    data = _chunk("LIST", b"sdta" + _chunk("smpl", points.tobytes()))
    rows = b"".join(_chunk(name, table) for name, table in tables.items())
    return _chunk("RIFF", b"sfbk" + info + data + _chunk("LIST", b"pdta" + rows))


def _bags(kind: str, zones: list[Table]) -> dict[str, bytes]:
    """The tables of zones, of their generators, and of no modulators."""
    bags = np.zeros(len(zones), TYPES["pbag"])
    counts = [0, *accumulate(map(len, zones))]
    bags["first"] = counts[:-1]
    generators = np.concatenate([*zones, np.zeros(0, TYPES["pgen"])])
    return {
        f"{kind}bag": _ended("pbag", bags, counts[-1]),
        f"{kind}mod": bytes(10),
        f"{kind}gen": _ended("pgen", generators),
    }


def _ended(name: str, rows: list[np.void] | Table, first: int = 0) -> bytes:
    """The bytes of a table, with the row that ends it."""
    table = np.zeros(len(rows) + 1, TYPES[name])
    table[:-1] = rows
    if name in WITHIN:
        table["first"][-1] = first
    return table.tobytes()


def _chunk(name: str, content: bytes) -> bytes:
    return name.encode() + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
