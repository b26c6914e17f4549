"""TensorFlow checkpoints read without TensorFlow.

The files NAME.data-* hold the bytes of the tensors, and NAME.index says what lies where. Training
checkpoints hold an optimiser's variables beside the weights, so tensors are read by offset.
"""

import gzip
import math
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np

from synvae_core.models.storage import WeightsError
from synvae_workbench.importers.named_tensors import (
    NamedTensors,
    Part,
    check_total,
    find_file,
    parse_shape,
)
from synvae_workbench.importers.tensor_bundle import Entry, checksum, parse_index

MAX_MEMBERS = 1000
PAX_HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE)  # times, owners: passed over
MAX_UNPACKING = 20  # times the size of a gzip file; trained weights hardly shrink at all
EXPECTED = (
    "expected NAME.index with NAME.data-00000-of-00001 beside it (named by NAME, NAME.index or "
    "their folder), or a .tar of them"
)
# tensorflow/core/framework/types.proto
DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 19: "<f2"}

Find = Callable[[str], Part | None]


def read_tensorflow_checkpoint(
    path: str | Path, *, wanted: Callable[[str], bool] = lambda name: True
) -> NamedTensors:
    """Reads the tensors of a checkpoint whose names are `wanted`, and no others.

    Args:
        path: the prefix (`model.ckpt`), its `.index` file, a folder with one checkpoint or with
            TensorFlow's file `checkpoint` that names the latest one, or a `.tar` of a checkpoint.

    Raises:
        WeightsError: naming the file, if it is none, is damaged, or holds a wanted variable in a
            form that is not read: partitioned, big-endian, or of an unusual type.
    """
    try:
        with ExitStack() as cleanup:
            prefix, find = _locate(Path(path), cleanup)
            index = find(f"{prefix}.index")
            if index is None:
                raise WeightsError(f"{path}: {prefix}.index is missing; {EXPECTED}")
            shard_count, entries = _read_index(index)
            chosen = {name: entry for name, entry in entries.items() if wanted(name)}
            shards = cache(lambda shard: find(f"{prefix}.data-{shard:05d}-of-{shard_count:05d}"))
            return _read_tensors(chosen, shard_count, shards, index.label)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error}") from error


def _read_index(index: Part) -> tuple[int, dict[str, Entry]]:
    data = index.read_index()
    try:
        return parse_index(data)
    except (ValueError, IndexError) as error:
        raise WeightsError(
            f"{index.label} is no readable index of a TensorFlow checkpoint ({error}): "
            "get it afresh, or save the model again with tf.compat.v1.train.Saver"
        ) from error


def _read_tensors(
    entries: dict[str, Entry],
    shard_count: int,
    shards: Callable[[int], Part | None],
    label: str,
) -> NamedTensors:
    stored, claimed = NamedTensors({}, {}), Counter()
    for name, entry in entries.items():
        shape, dtype = _shape_and_dtype(entry, f"{label}, {name}")
        if entry.shard >= shard_count:
            raise WeightsError(f"{label}: {name} lies in shard {entry.shard} of {shard_count}")
        part = shards(entry.shard)
        if part is None:
            stored.missing[name] = shape
            continue
        claimed[part.label] += entry.size
        check_total(claimed.total(), label)
        if claimed[part.label] > part.size:
            raise WeightsError(
                f"{part.label} has {part.size} bytes, less than {label} expects in it: get both "
                "afresh"
            )
        data = part.read(entry.offset, entry.size)
        if checksum(data) != entry.checksum:
            raise WeightsError(f"{part.label} is damaged: wrong checksum of {name}; get it afresh")
        stored.tensors[name] = data.view(dtype).reshape(shape)
    return stored


def _shape_and_dtype(entry: Entry, where: str) -> tuple[tuple[int, ...], np.dtype]:
    if entry.is_sliced:
        raise WeightsError(f"{where}: it is partitioned, which is not read; save it in one piece")
    if entry.dtype not in DTYPES:
        raise WeightsError(f"{where}: type {entry.dtype} of TensorFlow is not read")
    shape, dtype = parse_shape(entry.shape, where), np.dtype(DTYPES[entry.dtype])
    if entry.size != math.prod(shape) * dtype.itemsize:
        raise WeightsError(f"{where}: {entry.size} bytes do not make {list(shape)} of {dtype}")
    return shape, dtype


# Finding the files


def _locate(path: Path, cleanup: ExitStack) -> tuple[str, Find]:
    """Locates a checkpoint: the prefix of its file names, and a function that finds its files."""
    if path.is_dir():
        return _latest_in(path), partial(find_file, path)
    name = path.name.removesuffix(".index")
    if find_file(path.parent, f"{name}.index") is not None:
        return name, partial(find_file, path.parent)
    if not path.is_file():
        raise WeightsError(f"{path} is missing; {EXPECTED}")
    members = _archive_members(path, cleanup)
    found = [name.removesuffix(".index") for name in members if name.endswith(".index")]
    if len(found) != 1:
        raise WeightsError(f"{path} holds {len(found)} files *.index: expected one checkpoint")
    return found[0], members.get


def _latest_in(folder: Path) -> str:
    """The only checkpoint of a folder, or the one that TensorFlow's file `checkpoint` names."""
    found = sorted(path.name.removesuffix(".index") for path in folder.glob("[!.]*.index"))
    state = find_file(folder, "checkpoint")
    if len(found) > 1 and state is not None:
        text = state.read_index().decode("utf-8-sig", errors="replace")
        line = re.match(r'model_checkpoint_path: "([^"\\\n]+)"\r?\n', text)
        # The folder may have moved since the line was written: only the name in it counts.
        latest = line[1].rpartition("/")[2] if line else None
        found = [name for name in found if name == latest]
    if len(found) != 1:
        raise WeightsError(f"{folder} holds {len(found)} checkpoints to choose from; {EXPECTED}")
    return found[0]


def _archive_members(path: Path, cleanup: ExitStack) -> dict[str, Part]:
    """Lists the regular files in an archive, by name, to be read in place and never extracted.

    The headers are walked here because tarfile follows whatever extensions they announce.
    """
    members: dict[str, Part] = {}
    plain = _decompress(path, cleanup)
    total = plain.stat().st_size
    with plain.open("rb") as file:
        for _ in range(MAX_MEMBERS):
            header = file.read(tarfile.BLOCKSIZE)
            if not header.strip(b"\0"):
                return members
            try:
                member = tarfile.TarInfo.frombuf(header, "utf-8", "replace")
            except (tarfile.TarError, ValueError) as error:
                raise WeightsError(f"{path} is no checkpoint ({error}); {EXPECTED}") from error
            name, start = PurePosixPath(member.name), file.tell()
            is_file = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
            is_known = is_file or member.type in (tarfile.DIRTYPE, *PAX_HEADERS)
            is_odd = not is_known or name.is_absolute() or ".." in name.parts
            is_odd |= is_file and str(name) in members
            if is_odd or not 0 <= member.size <= total - start:
                raise WeightsError(f"{path}: the member {member.name!r} is refused; {EXPECTED}")
            if is_file and not name.name.startswith("."):
                members[str(name)] = Part(plain, start, member.size, f"{path}:{name}")
            file.seek(start + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE)
    raise WeightsError(f"{path} has more than {MAX_MEMBERS} members: expected one checkpoint")


def _decompress(path: Path, cleanup: ExitStack) -> Path:
    """Decompresses a gzipped archive to a temporary copy; any other is returned as it is."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path
    plain = Path(cleanup.enter_context(TemporaryDirectory())) / "checkpoint.tar"
    limit = MAX_UNPACKING * path.stat().st_size
    try:
        with gzip.open(path) as packed, plain.open("wb") as target:
            while target.tell() <= limit and (chunk := packed.read(1 << 20)):
                target.write(chunk)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise WeightsError(f"{path} cannot be decompressed: {error}; get it afresh") from error
    if plain.stat().st_size > limit:
        raise WeightsError(f"{path} grows without bounds when decompressed; {EXPECTED}")
    return plain
