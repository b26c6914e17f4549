"""MusicVAE.js weights in both forms: what was written comes back, the rest is refused by name."""

import functools
import json
import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synvae_workbench.importers.musicvae_js import read_musicvae_js

CELL = "encoder/cell_0/bidirectional_rnn/{}/multi_rnn_cell/cell_0/lstm_cell/kernel"


@pytest.fixture
def refused(refuses):
    return functools.partial(refuses, read_musicvae_js)


def write_raw(folder, manifest, **files):
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_sharded(folder, groups, **files):
    (folder / "weights_manifest.json").write_text(json.dumps(groups), encoding="utf-8")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def weight(name="w", shape=(2,), dtype="float32", **more):
    return {"name": name, "shape": list(shape), "dtype": dtype, **more}


@pytest.mark.data
def test_the_published_small_model_lacks_two_kernels(data_folder):
    stored = read_musicvae_js(data_folder / "musicvae" / "mel_2bar_small")
    assert stored.missing == {CELL.format("fw"): (602, 2048), CELL.format("bw"): (602, 2048)}
    assert len(stored.tensors) == 14
    assert stored.tensors["decoder/multi_rnn_cell/cell_1/lstm_cell/kernel"].shape == (512, 1024)
    elements = sum(value.size for value in stored.tensors.values())
    assert elements + 2 * 602 * 2048 == 4_423_770
    assert all(np.abs(value).max() < 20 for value in stored.tensors.values())


def test_raw_tensors_are_little_endian_row_major(tmp_path):
    kernel = np.arange(6, dtype="<f4").reshape(2, 3)
    manifest = {
        "decoder/kernel": {"filename": "decoder_kernel", "shape": [2, 3]},
        "scale": {"filename": "scale.bin", "shape": []},
        "absent": {"filename": "absent", "shape": [4, 5]},
    }
    files = {"decoder_kernel": kernel.tobytes(), "scale.bin": b"\x00\x00\x80\x3f"}
    stored = read_musicvae_js(write_raw(tmp_path, manifest, **files))
    assert stored.missing == {"absent": (4, 5)}
    assert stored.tensors.keys() == {"decoder/kernel", "scale"}
    np.testing.assert_array_equal(stored.tensors["decoder/kernel"], [[0, 1, 2], [3, 4, 5]])
    assert stored.tensors["scale"] == 1.0
    assert all(value.dtype == np.float32 for value in stored.tensors.values())


# The sharded form


@st.composite
def groups_of_weights(draw):
    """A group's manifest, its bytes, and its tensors as TensorFlow.js would decode them."""
    entries, content, expected = [], b"", {}
    random = np.random.default_rng(draw(st.integers(0, 99)))
    for number in range(draw(st.integers(1, 4))):
        shape = draw(st.lists(st.integers(1, 5), max_size=3))
        kind = draw(st.sampled_from(["float32", "int32", "uint8", "uint16", "float16"]))
        entry = weight(f"w{number}", shape)
        if kind in ("float32", "int32"):
            entry["dtype"] = kind
            values = (random.standard_normal(shape) * 99).astype(kind)
            decoded = values
        elif kind == "float16":
            entry["quantization"] = {"dtype": kind, "original_dtype": "float32"}
            values = random.standard_normal(shape).astype(kind)
            decoded = values.astype(np.float32)
        else:
            scale, lowest = draw(st.floats(1e-6, 1)), draw(st.floats(-9, 9))
            entry["quantization"] = {"dtype": kind, "scale": scale, "min": lowest}
            values = random.integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)
            decoded = np.float32(values.astype(float) * scale + lowest)
        entries.append(entry)
        expected[entry["name"]] = decoded
        content += values.tobytes()
    return entries, content, expected


@given(group=groups_of_weights(), cuts=st.lists(st.floats(0, 1), max_size=4), data=st.data())
def test_sharded_weights_come_back(group, cuts, data, tmp_path_factory):
    """However shards are cut; and where some are missing, what is found is right."""
    entries, content, expected = group
    borders = [0, *sorted(int(cut * len(content)) for cut in cuts), len(content)]
    folder, paths = tmp_path_factory.mktemp("js"), []
    for number, (first, last) in enumerate(zip(borders, borders[1:], strict=False), 1):
        paths.append(f"group1-shard{number}of{len(borders) - 1}")
        (folder / paths[-1]).write_bytes(content[first:last])
    write_sharded(folder, [{"paths": paths, "weights": entries}])
    stored = read_musicvae_js(folder)
    assert not stored.missing
    assert stored.tensors.keys() == expected.keys()
    for name, value in stored.tensors.items():
        assert value.dtype == expected[name].dtype
        assert value.shape == expected[name].shape
        np.testing.assert_array_equal(value, expected[name])

    for path in data.draw(st.sets(st.sampled_from(paths), min_size=1)):
        (folder / path).unlink()
    partial = read_musicvae_js(folder)
    assert partial.tensors.keys() | partial.missing.keys() == expected.keys()
    for name, value in partial.tensors.items():
        np.testing.assert_array_equal(value, expected[name])
    for name, shape in partial.missing.items():
        assert shape == expected[name].shape


def test_known_quantised_values(tmp_path):
    entries = [
        weight("a", [3], quantization={"dtype": "uint8", "scale": 0.5, "min": -1.0}),
        weight("b", [1], quantization={"dtype": "uint16", "scale": 2, "min": 3}),
        weight("c", [1], quantization={"dtype": "float16", "original_dtype": "float32"}),
    ]
    content = bytes([0, 1, 255]) + (258).to_bytes(2, "little") + b"\x00\x3e"
    write_sharded(tmp_path, [{"paths": ["one"], "weights": entries}], one=content)
    tensors = read_musicvae_js(tmp_path).tensors
    assert {name: value.tolist() for name, value in tensors.items()} == {
        "a": [-1.0, -0.5, 126.5],
        "b": [519.0],
        "c": [1.5],
    }


def test_weights_around_a_missing_shard_are_found(tmp_path):
    entries = [weight(name) for name in "abcd"]
    values = np.arange(8, dtype="<f4").tobytes()
    paths = ["one", "two", "three"]  # 12, 8 and 12 bytes: b and c reach into the second
    write_sharded(tmp_path, [{"paths": paths, "weights": entries}], one=values[:12])
    (tmp_path / "three").write_bytes(values[20:])
    stored = read_musicvae_js(tmp_path)
    assert {name: value.tolist() for name, value in stored.tensors.items()} == {
        "a": [0, 1],
        "d": [6, 7],
    }
    assert stored.missing == {"b": (2,), "c": (2,)}


# Hostile manifests


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1,", "\xff\xfe", "[" * 100_000, '{"a": {}, "a": {}}', "9" * 10_000, "[{}] x"],
)
@pytest.mark.parametrize("name", ["manifest.json", "weights_manifest.json"])
def test_what_is_no_json_is_refused(tmp_path, name, text, refused):
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    refused(tmp_path, f"{name} is not a manifest of weights")


@pytest.mark.parametrize("name", ["manifest.json", "weights_manifest.json"])
def test_a_giant_manifest_is_not_read(tmp_path, name, refused):
    with open(tmp_path / name, "wb") as file:
        file.truncate(1 << 40)
    refused(tmp_path, f"{name} has {1 << 40} bytes: expected an index of at most")


@pytest.mark.parametrize(
    ("manifest", "match"),
    [
        ([], "expected a JSON object of variables"),
        (3, "expected a JSON object of variables"),
        ({"w": []}, "expected an object for w"),
        ({"w": {"filename": "f"}}, "w: None is no shape"),
        ({"w": {"filename": "f", "shape": [-1]}}, "no shape"),
        ({"w": {"filename": "f", "shape": [True]}}, "no shape"),
        ({"w": {"filename": "f", "shape": [2.0]}}, "no shape"),
        ({"w": {"filename": "f", "shape": [0]}}, "no shape"),
        ({"w": {"filename": "f", "shape": [10**30]}}, "no shape"),
        ({"w": {"filename": "f", "shape": [2**20, 2**20]}}, "no shape"),
        ({"w": {"filename": "f", "shape": [1] * 9}}, "no shape"),
        ({"w": {"filename": "f", "shape": [2**30]}}, "f is not as its format says: expected 4294"),
        ({"w": {"filename": "f", "shape": [3]}}, "expected 12 bytes"),
        ({"w": {"filename": "f", "shape": [1]}}, "expected 4 bytes"),
        ({"w": {"filename": "f", "shape": [2], "dtype": "float64"}}, "expected float32 for w"),
        ({"w": {"filename": 3, "shape": [2]}}, "expected file names"),
        ({"w": {"shape": [2]}}, "expected file names"),
        ({"": {"filename": "f", "shape": [2]}}, "expected names of variables"),
        ({"w" * 1001: {"filename": "f", "shape": [2]}}, "expected names of variables"),
        (
            {"v": {"filename": "f", "shape": [2]}, "w": {"filename": "f", "shape": [2]}},
            "expected the file 'f' to be named once",
        ),
        ({str(i): {} for i in range(5001)}, "expected at most 5000 variables"),
    ],
)
def test_hostile_raw_manifests_are_refused(tmp_path, manifest, match, refused):
    refused(write_raw(tmp_path, manifest, f=bytes(8)), match)


@pytest.mark.parametrize(
    "name", ["../f", "/etc/passwd", "sub/f", "..", ".", "", "a\0b", "\ud800", "f/", "f\n"]
)
def test_names_that_leave_the_folder_are_refused(tmp_path, name, refused):
    (tmp_path / "f").write_bytes(bytes(8))
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "f").write_bytes(bytes(8))
    write_raw(folder, {"w": {"filename": name, "shape": [2]}})
    refused(folder, "is no plain file name in this folder")
    write_sharded(folder, [{"paths": [name], "weights": [weight()]}])
    refused(folder, "is no plain file name in this folder")


def test_links_out_of_the_folder_and_odd_files_are_refused(tmp_path, refused):
    (tmp_path / "outside").write_bytes(bytes(8))
    folder = tmp_path / "model"
    folder.mkdir()
    write_raw(folder, {"w": {"filename": "f", "shape": [2]}})
    (folder / "f").symlink_to(tmp_path / "outside")
    refused(folder, "model/f must be a regular file")
    (folder / "f").unlink()
    os.mkfifo(folder / "f")
    refused(folder, "model/f must be a regular file")
    (folder / "f").unlink()
    (folder / "f").mkdir()
    refused(folder, "model/f must be a regular file")
    (folder / "f").rmdir()
    (folder / "f").symlink_to(folder / "f")
    assert read_musicvae_js(folder).missing == {"w": (2,)}  # a circle leads to no file


@pytest.mark.parametrize(
    ("groups", "match"),
    [
        ({}, "expected a JSON list of groups"),
        ([3], "expected an object for each group"),
        ([{"weights": []}], "expected a list of paths"),
        ([{"paths": ["f"]}], "one of weights"),
        ([{"paths": "f", "weights": []}], "expected a list of paths"),
        ([{"paths": [3], "weights": []}], "expected file names"),
        ([{"paths": ["f"], "weights": [3]}], "expected an object for each weight"),
        ([{"paths": ["f"], "weights": [{}]}], "expected a name"),
        ([{"paths": ["f", "f"], "weights": [weight()]}], "'f' to be named once"),
        ([{"paths": ["f"], "weights": [weight(shape=[1]), weight(shape=[1])]}], "expected w once"),
        ([{"paths": ["f"], "weights": [weight()]}] * 2, "'f' to be named once"),
        ([{"paths": ["f"], "weights": [weight(shape=[3])]}], "expected shards of 12 bytes"),
        ([{"paths": ["f"], "weights": [weight(shape=[1])]}], "expected shards of 4 bytes"),
        ([{"paths": ["f", "g"], "weights": [weight(shape=[1])]}], "expected shards of 4 bytes"),
        ([{"paths": [], "weights": [weight()]}], "expected shards of 8 bytes"),
        ([{"paths": ["f"], "weights": [weight(shape=[2**31 + 1])]}], "no shape"),
        ([{"paths": ["f"], "weights": [weight(dtype="string")]}], "expected float32 or int32"),
        ([{"paths": ["f"], "weights": [weight(dtype=["float32"])]}], "expected float32 or int32"),
        ([{"paths": [str(i) for i in range(5001)], "weights": []}], "expected at most 5000"),
        ([{"paths": ["f"], "weights": [{}] * 5001}], "expected at most 5000"),
    ],
)
def test_hostile_groups_are_refused(tmp_path, groups, match, refused):
    refused(write_sharded(tmp_path, groups, f=bytes(8)), match)


@pytest.mark.parametrize(
    ("quantization", "match"),
    [
        (3, "expected an object as quantization of w"),
        ({}, "expected uint8, uint16 or float16"),
        ({"dtype": "uint4"}, "expected uint8, uint16 or float16"),
        ({"dtype": "uint8"}, "expected a finite scale and min"),
        ({"dtype": "uint8", "scale": math.nan, "min": 0}, "expected a finite scale and min"),
        ({"dtype": "uint8", "scale": 1, "min": -math.inf}, "expected a finite scale and min"),
        ({"dtype": "uint8", "scale": "1", "min": 0}, "expected a finite scale and min"),
        ({"dtype": "uint8", "scale": 10**400, "min": 0}, "expected a finite scale and min"),
        ({"dtype": "uint8", "scale": 3e38, "min": 0}, "a scale and min within float32"),
        ({"dtype": "uint8", "scale": 1, "min": 0, "original_dtype": "int32"}, "original_dtype"),
    ],
)
def test_hostile_quantisation_is_refused(tmp_path, quantization, match, refused):
    groups = [{"paths": ["f"], "weights": [weight(quantization=quantization)]}]
    refused(write_sharded(tmp_path, groups, f=bytes(2)), match)


def test_a_folder_without_a_manifest_is_refused(tmp_path, refused):
    refused(tmp_path, "holds neither weights_manifest.json nor manifest.json")
    refused(tmp_path / "absent", "absent holds neither")
