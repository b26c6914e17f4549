"""Small files that ask for much memory or time, made by code: each a reader, and what it reads."""

import gzip
import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

from synvae_core.music.soundfont_cut import cut_instrument
from synvae_core.music.soundfont_files import TYPES, read_font
from synvae_core.small_files import read_json
from synvae_workbench.batch.yaml_file import read_yaml
from synvae_workbench.data.audio_files import open_sound, sound_blocks
from synvae_workbench.data.cache import read_arrays
from synvae_workbench.data.pickles import read_pickle
from synvae_workbench.data.pictures.cifar import read_cifar10
from synvae_workbench.data.pictures.files import decode_strip
from synvae_workbench.data.pictures.idx import read_idx
from synvae_workbench.data.pictures.mnist import read_mnist_pickle
from synvae_workbench.data.pictures.mnist_5k import read_mnist_csv
from synvae_workbench.importers import open_melody_model

MB = 1_000_000


def put(number: int) -> bytes:
    return b"r" + struct.pack("<I", number)


def get(number: int) -> bytes:
    return b"j" + struct.pack("<I", number)


def array_of_megabytes(megabytes: int) -> bytes:
    return pickle.dumps(np.zeros(megabytes * MB, np.uint8), 2)[:-1]


def pickles() -> dict[str, bytes]:
    """Pickles that unfold to gigabytes, or take hours."""
    one_list = b"(" + b"K\x01" * 9000 + b"l" + put(1)
    sets = b"".join(b"c__builtin__\nset\n" + get(1) + b"\x85R" for _ in range(9000))
    numbers = b"\x8b" + struct.pack("<I", 900) + b"\x7f" * 900 + put(1)
    shape = b"(" + get(1) * 30 + b"t"
    array = pickle.dumps(np.zeros(0, np.uint8), 2).replace(b"K\x00\x85", shape)
    doubled = b"".join(put(n) + b"(" + get(n) * 2 + b"l" for n in range(60))
    return {
        "sets of one list": b"\x80\x02" + one_list + b"(" + sets + b"l.",
        "empty sets": b"\x80\x04(" + b"\x8f" * (2 * MB) + b"l.",
        "shape of large numbers": b"\x80\x02" + numbers + b"0" + array[2:],
        "references to one array": array_of_megabytes(3) + put(1) + b"(" + get(1) * 2000 + b"l.",
        "doubled lists": b"\x80\x02]" + doubled + b".",
        "a list that holds itself": b"\x80\x02]" + put(1) + get(1) + b"a.",
        "deep": b"\x80\x02)" + b"\x85" * (MB // 4) + b".",
    }


def npz(**arrays: bytes) -> bytes:
    """A compressed npz file of these bytes of npy files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in arrays.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def npy(shape: str, content: bytes = b"", kind: str = "|u1") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def wide_png(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


def font_of_one_sample(path: Path, regions: int) -> Path:
    """A sound font of a megabyte, whose one sample so many headers refer to."""
    samples = bytes(MB)
    tables = {name: np.zeros(2, kind) for name, kind in TYPES.items()}
    tables["phdr"]["first"] = [0, 1]
    tables["pbag"]["first"] = [0, 1]
    tables["pgen"] = np.array([(41, 0), (0, 0)], TYPES["pgen"])
    tables["inst"]["first"] = [0, regions]
    tables["ibag"] = np.zeros(regions + 1, TYPES["ibag"])
    tables["ibag"]["first"] = np.arange(regions + 1)
    tables["igen"] = np.array([*((53, n) for n in range(regions)), (0, 0)], TYPES["igen"])
    tables["shdr"] = np.zeros(regions + 1, TYPES["shdr"])
    tables["shdr"]["end"], tables["shdr"]["rate"] = MB // 2 - 46, 22050
    rows = b"".join(chunk(name.encode(), table.tobytes()) for name, table in tables.items())
    body = chunk(b"LIST", b"sdta" + chunk(b"smpl", samples)) + chunk(b"LIST", b"pdta" + rows)
    path.write_bytes(chunk(b"RIFF", b"sfbk" + body))
    return path


def deep_font(path: Path) -> Path:
    content = b""
    for _ in range(3000):
        content = chunk(b"LIST", b"xxxx" + content)
    path.write_bytes(chunk(b"RIFF", b"sfbk" + content))
    return path


def model_folder(folder: Path, config: object) -> Path:
    folder.mkdir()
    weights = {"w": np.zeros(3, np.float32)}
    save_file(weights, folder / "model.safetensors")
    content = {"format": 1, "model": "MelodyVae", "config_class": "LstmMelodyConfig"}
    (folder / "config.json").write_text(json.dumps(content | {"config": config}), encoding="utf-8")
    return folder


def manifest_folder(folder: Path) -> Path:
    """MusicVAE.js weights whose sizes are only claimed."""
    folder.mkdir()
    names = ("encoder/mu/bias", "decoder/multi_rnn_cell/cell_0/lstm_cell/bias")
    cell = "encoder/cell_0/bidirectional_rnn/fw/multi_rnn_cell/cell_0/lstm_cell/bias"
    entries = {name: {"shape": [1 << 20], "filename": f"x{len(name)}"} for name in (*names, cell)}
    (folder / "manifest.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


def sound(content: bytes) -> int:
    with open_sound(content) as file:
        return sum(map(len, sound_blocks(file)))


def play(path: Path) -> bytes:
    return cut_instrument(read_font(path), 0, 0, [(60, 100)])


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def cases(folder: Path):
    """Name, reader and file of every case; a file is made when its turn comes."""

    def file(name: str, content: bytes) -> Path:
        return written(folder / name, content)

    for name, content in pickles().items():
        yield f"pickle: {name}", read_pickle, file("p.pkl", content)
        if "one" in name:
            yield f"MNIST: {name}", read_mnist_pickle, file("m.pkl.gz", gzip.compress(content, 1))
    zeros = struct.pack(">HBB3I", 0, 8, 3, 500_000, 28, 28) + bytes(100 * MB)
    yield "idx.gz", lambda p: read_idx(p, dimensions=3), file("i.gz", gzip.compress(zeros, 1))
    del zeros
    lines = gzip.compress(b"\n" * (50 * MB), 1)
    yield "lines", read_mnist_csv, file("lines.csv.gz", lines)
    for name, arrays in {
        "bytes": {"a": npy("(100000000,)", bytes(100 * MB))},
        "claimed": {"a": npy("(99999999999,)")},
        "many numbers": {"a": npy(f"({'9' * 4000}, {'9' * 4000})")},
        "deep header": {"a": npy("(" * 5000)},
        "objects": {"a": npy("(1,)", bytes(8), "|O")},
    }.items():
        path = file("cifar10_jpg.npz", npz(**arrays))
        yield f"npz: {name}", lambda p: read_cifar10([p]), path
        yield f"cache: {name}", lambda p: read_arrays(p, ["a"]), path
    for name, text in {
        "base 60": b"a: " + b"1:" * 45_000 + b"1",
        "base 60, a megabyte": b"a: " + b"1:" * (MB // 2) + b"1",
        "tagged": b"a: !!int " + b"1:" * 45_000 + b"1",
        "digits": b"a: 0x" + b"f" * 90_000,
        "deep": b"a: " + b"[" * 90_000,
        "flat": b"a: [" + b"{}," * 30_000 + b"]",
    }.items():
        yield f"YAML: {name}", read_yaml, file("s.yaml", text)
    for name, text in {
        "deep": b"[" * (9 * MB),
        "objects": b'{"a": [' + b'{"":0},' * (9 * MB // 8) + b"{}]}",
        "lists": b'{"a": [' + b"[]," * MB + b"[]]}",
    }.items():
        yield f"JSON: {name}", read_json, file("j.json", text)
    for number, config in enumerate(
        (
            {"latent_dim": 1 << 20, "encoder_units": [1 << 20] * 60},
            {"decoder_units": [1 << 20] * 64},
            {"steps": 10**18, "latent_dim": 10**18},
            {"encoder_units": [1] * 300_000},
        )
    ):
        yield f"weights {number}", open_melody_model, model_folder(folder / f"w{number}", config)
    yield "manifest", open_melody_model, manifest_folder(folder / "manifest")
    header = struct.pack("<Q", 90 * MB) + b"{" + b" " * 1000
    path = model_folder(folder / "header", {})
    (path / "model.safetensors").write_bytes(header)
    yield "safetensors", open_melody_model, path
    for side in (9_000, 13_000):
        png = file("w.png", wide_png(side))
        yield f"png {side}", lambda p: decode_strip(p.read_bytes(), size=64, channels=3), png
    yield "regions", play, font_of_one_sample(folder / "f.sf2", 20_000)
    yield "lists", play, deep_font(folder / "d.sf2")
