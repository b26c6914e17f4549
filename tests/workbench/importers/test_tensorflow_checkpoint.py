"""TensorFlow checkpoints: what TensorFlow wrote comes back, and anything else is refused by name.

The checkpoints in `checkpoints/` were written by TensorFlow (see `make.py` there).
"""

import functools
import gzip
import io
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synvae_core.models.storage import WeightsError
from synvae_workbench.importers.tensorflow_checkpoint import read_tensorflow_checkpoint

FIXTURES = Path(__file__).parent / "checkpoints"
INDEX, SHARD = "m.ckpt.index", "m.ckpt.data-00000-of-00001"
BIAS = "decoder/output_projection/bias"


@pytest.fixture(scope="module")
def truth():
    with np.load(FIXTURES / "truth.npz") as stored:
        return dict(stored)


@pytest.fixture
def refused(refuses):
    return functools.partial(refuses, read_tensorflow_checkpoint)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        assert found[name].shape == value.shape
        np.testing.assert_array_equal(found[name], value)


# What TensorFlow wrote


@pytest.mark.parametrize("name", ["whole.ckpt", "sharded.ckpt", "whole.ckpt.index"])
def test_tensors_are_what_tensorflow_stored(name, truth):
    stored = read_tensorflow_checkpoint(FIXTURES / name)
    assert_same(stored.tensors, truth)
    assert not stored.missing


def test_tensorflow_reads_the_same():
    tf = pytest.importorskip("tensorflow")
    for name in ("whole.ckpt", "sharded.ckpt"):
        reader = tf.train.load_checkpoint(str(FIXTURES / name))
        expected = {v: np.asarray(reader.get_tensor(v)) for v in reader.get_variable_to_shape_map()}
        assert_same(read_tensorflow_checkpoint(FIXTURES / name).tensors, expected)


def test_tensors_of_a_missing_shard_are_named_with_their_shapes(tmp_path, truth):
    whole = read_tensorflow_checkpoint(FIXTURES / "sharded.ckpt").tensors
    for path in FIXTURES.glob("sharded.ckpt*"):
        if not path.name.endswith("data-00002-of-00003"):
            shutil.copy(path, tmp_path)
    stored = read_tensorflow_checkpoint(tmp_path)
    assert 0 < len(stored.missing) < len(whole)
    assert {**stored.missing, **{k: v.shape for k, v in stored.tensors.items()}} == {
        name: value.shape for name, value in truth.items()
    }
    assert_same(stored.tensors, {k: v for k, v in truth.items() if k not in stored.missing})


def test_partitioned_variables_are_refused_by_name(refused):
    refused(FIXTURES / "partitioned.ckpt", "encoder/mu/bias: it is partitioned")


# Damage


@given(at=st.integers(0, 1203), value=st.integers(0, 255))
def test_a_changed_byte_of_the_index_is_refused_or_without_effect(
    at, value, tmp_path_factory, truth
):
    folder = tmp_path_factory.mktemp("changed")
    shutil.copy(FIXTURES / "whole.ckpt.data-00000-of-00001", folder / SHARD)
    content = bytearray((FIXTURES / "whole.ckpt.index").read_bytes())
    assert len(content) == 1204
    content[at] = value
    (folder / INDEX).write_bytes(content)
    try:
        found = read_tensorflow_checkpoint(folder, wanted=BIAS.__eq__)
    except WeightsError as error:
        assert INDEX in str(error)
    else:
        assert_same(found.tensors, {BIAS: truth[BIAS]})


@given(length=st.integers(0, 1203))
def test_an_index_that_is_cut_off_is_refused(length, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cut")
    (folder / INDEX).write_bytes((FIXTURES / "whole.ckpt.index").read_bytes()[:length])
    with pytest.raises(WeightsError, match=r"m\.ckpt\.index is no readable index"):
        read_tensorflow_checkpoint(folder)


def test_changed_and_cut_off_data_is_refused(tmp_path, refused):
    shutil.copy(FIXTURES / "whole.ckpt.index", tmp_path / INDEX)
    content = (FIXTURES / "whole.ckpt.data-00000-of-00001").read_bytes()
    for at in range(0, len(content), 433):
        changed = content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]
        (tmp_path / SHARD).write_bytes(changed)
        refused(tmp_path, r"data-00000-of-00001 is damaged: wrong checksum of \w")
    (tmp_path / SHARD).write_bytes(content[:-1])
    refused(tmp_path, "data-00000-of-00001 has 2163 bytes")


# Folders


def test_a_folder_of_several_checkpoints_needs_the_state_file(tmp_path, truth, refused):
    for path in FIXTURES.glob("whole.ckpt*"):
        shutil.copy(path, tmp_path)
        shutil.copy(path, tmp_path / path.name.replace("whole", "other"))
    refused(tmp_path, "holds 2 checkpoints to choose from; expected NAME.index")
    for named in ("whole.ckpt", "/where/it/was/trained/whole.ckpt"):
        (tmp_path / "checkpoint").write_text(
            f'model_checkpoint_path: "{named}"\nall_model', encoding="utf-8"
        )
        assert_same(read_tensorflow_checkpoint(tmp_path).tensors, truth)
    line = b'\xef\xbb\xbfmodel_checkpoint_path: "whole.ckpt"\r\n'  # as Windows saves it
    (tmp_path / "checkpoint").write_bytes(line)
    assert_same(read_tensorflow_checkpoint(tmp_path).tensors, truth)
    for state in ("", "whole.ckpt", 'model_checkpoint_path: "../../etc/passwd"\n', "\0" * 99):
        (tmp_path / "checkpoint").write_text(state, encoding="utf-8")
        refused(tmp_path, "holds 0 checkpoints|holds 2 checkpoints")
    (tmp_path / "checkpoint").write_bytes(bytes(1 << 21))
    refused(tmp_path, "expected an index of at most")


@pytest.mark.parametrize("name", ["", "absent", "absent.index", "no\0name", "x" * 5000])
def test_what_is_not_there_is_said(tmp_path, name, refused):
    refused(tmp_path / name, "expected NAME.index|no plain file name|cannot be read")


def test_links_out_of_the_folder_and_odd_files_are_refused(tmp_path, refused):
    shutil.copy(FIXTURES / "whole.ckpt.index", tmp_path / INDEX)
    (tmp_path / SHARD).symlink_to(FIXTURES / "whole.ckpt.data-00000-of-00001")
    refused(tmp_path, "must be a regular file")
    (tmp_path / SHARD).unlink()
    os.mkfifo(tmp_path / SHARD)
    refused(tmp_path, "must be a regular file")


# Archives


def archive(folder: Path, members, mode="w", **options) -> Path:
    """A tar of the fixture's files under the names given, or of anything else that is given."""
    path = folder / "m.tar"
    with tarfile.open(path, mode, **options) as tar:
        for name, content in members:
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                tar.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 0.5  # half a second needs a pax header
            tar.addfile(info, io.BytesIO(content))
    return path


def member(kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo("odd")
    info.type, info.linkname = kind, target
    return info


WHOLE = [
    (name, (FIXTURES / name.rpartition("/")[2].replace("m.", "whole.")).read_bytes())
    for name in (f"m/{INDEX}", f"m/{SHARD}")
]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_an_archive_is_read(tmp_path, truth, mode, kind):
    members = [("m", member(tarfile.DIRTYPE)), ("m/._m.ckpt.index", b"of a Mac"), *WHOLE]
    path = archive(tmp_path, members, mode, format=kind)
    stored = read_tensorflow_checkpoint(path)
    assert_same(stored.tensors, truth)
    assert list(tmp_path.iterdir()) == [path]


def test_an_archive_without_its_data_is_partial(tmp_path, truth):
    stored = read_tensorflow_checkpoint(archive(tmp_path, WHOLE[:1]))
    assert stored.missing == {name: value.shape for name, value in truth.items()}


@pytest.mark.parametrize(
    ("members", "match"),
    [
        ([("../m.ckpt.index", b"x")], "member '../m.ckpt.index' is refused"),
        ([("/m.ckpt.index", b"x")], "member '/m.ckpt.index' is refused"),
        ([*WHOLE, WHOLE[0]], "is refused"),
        ([*WHOLE, ("link", member(tarfile.SYMTYPE, "/etc/passwd"))], "member 'link' is refused"),
        ([*WHOLE, ("link", member(tarfile.LNKTYPE, WHOLE[0][0]))], "member 'link' is refused"),
        ([*WHOLE, ("pipe", member(tarfile.FIFOTYPE))], "member 'pipe' is refused"),
        ([*WHOLE, ("holes", member(tarfile.GNUTYPE_SPARSE))], "member 'holes' is refused"),
        ([*WHOLE, ("n.ckpt.index", b"x")], r"holds 2 files \*.index"),
        ([("readme", b"x")], r"holds 0 files \*.index"),
        ([(str(i), b"") for i in range(1001)], "more than 1000 members"),
    ],
)
def test_odd_archives_are_refused(tmp_path, members, match, refused):
    refused(archive(tmp_path, members, format=tarfile.USTAR_FORMAT), match)


def test_damaged_archives_are_refused(tmp_path, refused):
    path = archive(tmp_path, WHOLE, format=tarfile.USTAR_FORMAT)
    content = path.read_bytes()
    for changed, match in (
        (content[:700], "is refused"),
        (content[:300], "is no checkpoint"),
        (b"x" + content, "is no checkpoint"),
        (os.urandom(5000), "is no checkpoint"),
        (b"", r"holds 0 files \*.index"),
        (gzip.compress(content)[:-20], "cannot be decompressed"),
        (b"\x1f\x8b" + content, "cannot be decompressed"),
        (gzip.compress(bytes(50 << 20), 1), "grows without bounds"),
    ):
        path.write_bytes(changed)
        refused(path, rf"m\.tar.*{match}")


def test_a_negative_size_in_an_archive_is_refused(tmp_path, refused):
    """It would send the reader back to headers that it has read already."""
    path = archive(tmp_path, WHOLE, format=tarfile.USTAR_FORMAT)
    first = tarfile.TarInfo("m/m.ckpt.index")
    first.size = -512
    path.write_bytes(first.tobuf(tarfile.GNU_FORMAT) + path.read_bytes()[512:])
    refused(path, "is refused")
