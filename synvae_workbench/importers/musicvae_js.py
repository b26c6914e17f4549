"""Weights of MusicVAE.js, in both forms that Magenta published for the browser.

Raw: `manifest.json` names one little-endian float32 file per variable. Sharded: the format of
TensorFlow.js, `weights_manifest.json` with groups of variables that lie one behind the other in the
group's files, whole or quantised to fewer bits.
"""

import math
from bisect import bisect_right
from itertools import islice, takewhile
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from synvae_core.models.storage import WeightsError
from synvae_core.small_files import parse_json
from synvae_workbench.importers.named_tensors import (
    MAX_ENTRIES,
    MAX_NAME,
    NamedTensors,
    Part,
    check_total,
    find_file,
    parse_shape,
)

RAW_MANIFEST = "manifest.json"
SHARDED_MANIFEST = "weights_manifest.json"
MAX_FLOAT32 = 3.4e38


def read_musicvae_js(folder: str | Path) -> NamedTensors:
    """Reads the tensors of a MusicVAE.js folder; those whose files are not there are `missing`.

    Raises:
        WeightsError: naming the file, if it has no manifest or one that its files do not bear out.
    """
    folder = Path(folder)
    for name, read in ((SHARDED_MANIFEST, _read_sharded), (RAW_MANIFEST, _read_raw)):
        manifest = find_file(folder, name)
        if manifest is not None:
            return read(folder, _parse_manifest(manifest), manifest.label)
    raise WeightsError(
        f"{folder} holds neither {SHARDED_MANIFEST} nor {RAW_MANIFEST}: expected a folder of "
        "MusicVAE.js weights"
    )


class _Weight(NamedTuple):
    """A variable of a sharded group: `size` bytes of numbers q that stand for q * scale + lowest.

    Without a scale they stand for themselves.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    size: int
    scale: float | None
    lowest: float | None


def _read_raw(folder: Path, manifest: Any, where: str) -> NamedTensors:
    stored = NamedTensors({}, {})
    _expect(isinstance(manifest, dict), where, "a JSON object of variables")
    _expect(len(manifest) <= MAX_ENTRIES, where, f"at most {MAX_ENTRIES} variables")
    files: set[str] = set()
    total = 0
    for name, entry in manifest.items():
        _expect(0 < len(name) <= MAX_NAME, where, "names of variables")
        _expect(isinstance(entry, dict), where, f"an object for {name}")
        _expect(entry.get("dtype", "float32") == "float32", where, f"float32 for {name}")
        shape = parse_shape(entry.get("shape"), f"{where}, {name}")
        part = _named_file(folder, entry.get("filename"), files, where)
        if part is None:
            stored.missing[name] = shape
            continue
        size = 4 * math.prod(shape)
        _expect(part.size == size, part.label, f"{size} bytes for the {list(shape)} of {name}")
        total += size
        check_total(total, where)
        stored.tensors[name] = part.read(0, size).view("<f4").reshape(shape)
    return stored


def _read_sharded(folder: Path, manifest: Any, where: str) -> NamedTensors:
    stored = NamedTensors({}, {})
    files: set[str] = set()
    _expect(isinstance(manifest, list), where, "a JSON list of groups")
    total = 0
    for group in manifest:
        _expect(isinstance(group, dict), where, "an object for each group")
        paths, entries = group.get("paths"), group.get("weights")
        for what in (paths, entries):
            _expect(isinstance(what, list), where, "a list of paths and one of weights per group")
            _expect(len(what) <= MAX_ENTRIES, where, f"at most {MAX_ENTRIES} of each in a group")
        weights = [_parse_weight(entry, where) for entry in entries]
        parts = [_named_file(folder, path, files, where) for path in paths]
        total += sum(math.prod(weight.shape) for weight in weights)
        check_total(4 * total, where)  # whole, as they are in memory
        shards = _place_shards(parts, sum(weight.size for weight in weights), where)
        start = 0
        for weight in weights:
            known = weight.name in stored.tensors or weight.name in stored.missing
            _expect(not known, where, f"{weight.name} once")
            found = _read_range(shards, start, weight.size)
            start += weight.size
            if found is None:
                stored.missing[weight.name] = weight.shape
            else:
                stored.tensors[weight.name] = _dequantise(found, weight)
    return stored


def _parse_weight(entry: Any, where: str) -> _Weight:
    _expect(isinstance(entry, dict), where, "an object for each weight")
    name, dtype, scale, lowest = entry.get("name"), entry.get("dtype"), None, None
    _expect(isinstance(name, str) and 0 < len(name) <= MAX_NAME, where, "a name for each weight")
    shape = parse_shape(entry.get("shape"), f"{where}, {name}")
    _expect(dtype in ("float32", "int32"), where, f"float32 or int32 for {name}")
    quantization = entry.get("quantization")
    if quantization is not None:
        _expect(dtype == "float32", where, f"float32 for the quantised {name}")
        _expect(isinstance(quantization, dict), where, f"an object as quantization of {name}")
        original = quantization.get("original_dtype", "float32")
        _expect(original == "float32", where, f"float32 as original_dtype of {name}")
        dtype = quantization.get("dtype")
        _expect(dtype in ("uint8", "uint16", "float16"), where, f"uint8, uint16 or float16: {name}")
        if dtype != "float16":
            scale, lowest = _scale_and_lowest(quantization, f"{where}, {name}")
    size = np.dtype(dtype).itemsize * math.prod(shape)
    return _Weight(name, shape, dtype, size, scale, lowest)


def _scale_and_lowest(quantization: dict, where: str) -> tuple[float, float]:
    scale, lowest = quantization.get("scale"), quantization.get("min")
    for value in (scale, lowest):
        number = isinstance(value, int | float) and abs(value) <= MAX_FLOAT32
        _expect(number, where, "a finite scale and min")
    highest = np.iinfo(quantization["dtype"]).max * scale + lowest
    _expect(abs(highest) <= MAX_FLOAT32, where, "a scale and min within float32")
    return float(scale), float(lowest)


def _place_shards(parts: list[Part | None], total: int, where: str) -> list[tuple[int, Part]]:
    """Places each shard in its group: the byte at which it begins.

    Behind a missing shard, places are counted from the group's end; shards between two missing ones
    could lie anywhere and are left out.
    """
    head = list(takewhile(lambda part: part is not None, parts))
    tail = list(takewhile(lambda part: part is not None, reversed(parts[len(head) :])))[::-1]
    known = sum(part.size for part in parts if part is not None)
    complete = len(head) == len(parts)
    fits = known == total if complete else known <= total
    _expect(fits, where, f"shards of {total} bytes for a group's weights, {known} are there")
    start, shards = 0, []
    for part in head:
        shards.append((start, part))
        start += part.size
    start = total - sum(part.size for part in tail)
    for part in tail:
        shards.append((start, part))
        start += part.size
    return shards


def _read_range(shards: list[tuple[int, Part]], start: int, size: int) -> np.ndarray | None:
    """Reads bytes of a group, which may lie in several shards; None unless all are there."""
    pieces = []
    nearest = max(0, bisect_right(shards, start, key=itemgetter(0)) - 1)
    for at, part in islice(shards, nearest, None):
        if at >= start + size:
            break
        first, last = max(start, at), min(start + size, at + part.size)
        if first < last:
            pieces.append(part.read(first - at, last - first))
    if sum(map(len, pieces)) < size:
        return None
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _dequantise(found: np.ndarray, weight: _Weight) -> np.ndarray:
    values = found.view(np.dtype(weight.dtype).newbyteorder("<"))
    if weight.scale is not None:
        # In float64 and then rounded once, as TensorFlow.js does.
        values = values * weight.scale + weight.lowest
    stored_as_it_is = weight.dtype in ("float32", "int32")
    return (values if stored_as_it_is else values.astype(np.float32)).reshape(weight.shape)


def _named_file(folder: Path, name: Any, known: set[str], where: str) -> Part | None:
    """Finds a file that a manifest names, once: naming it often would multiply what is read."""
    _expect(isinstance(name, str), where, "file names")
    _expect(name not in known, where, f"the file {name[:100]!r} to be named once")
    known.add(name)
    return find_file(folder, name)


def _parse_manifest(manifest: Part) -> Any:
    try:
        return parse_json(manifest.read_index(), object)
    except WeightsError:
        raise
    except ValueError as error:
        raise WeightsError(
            f"{manifest.label} is not a manifest of weights ({error}): expected JSON; get it afresh"
        ) from error


def _expect(condition: bool, where: str, expected: str) -> None:
    if not condition:
        raise WeightsError(f"{where} is not as its format says: expected {expected}")
