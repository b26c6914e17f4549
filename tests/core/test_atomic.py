"""Atomic writing: all or nothing, nothing left behind, and a sentence that says why."""

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from synvae_core.atomic import (
    UnwritableError,
    make_folder,
    remove_leftovers,
    replace_when_written,
    write_bytes,
)
from synvae_core.models.classifiers import LeNet5, LeNet5Config
from synvae_core.models.storage import save_model


def test_a_file_is_replaced_when_all_is_written(tmp_path):
    path = tmp_path / "state"
    path.write_text("before", encoding="utf-8")
    with replace_when_written(path) as part:
        part.write_text("after", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "before"
    assert path.read_text(encoding="utf-8") == "after"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_a_failure_changes_nothing_and_is_told(tmp_path, code):
    path = tmp_path / "state"
    path.write_text("before", encoding="utf-8")
    told = pytest.raises(UnwritableError, match=r"state cannot be written: .*: \w+")
    with told, replace_when_written(path) as part:
        part.write_text("half", encoding="utf-8")
        raise OSError(code, os.strerror(code))
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_errors_of_other_files_are_their_own(tmp_path):
    with pytest.raises(FileNotFoundError), replace_when_written(tmp_path / "out"):
        (tmp_path / "source").read_text(encoding="utf-8")
    elsewhere = PermissionError(errno.EACCES, "Permission denied", "/somewhere/source")
    with pytest.raises(PermissionError) as raised, replace_when_written(tmp_path / "out"):
        raise elsewhere
    assert raised.value is elsewhere


@pytest.mark.parametrize("name", ["file", "file/in/it", "n" * 300])
def test_a_folder_that_cannot_be_is_told(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(UnwritableError, match="cannot be written: "):
        make_folder(tmp_path / name)
    with pytest.raises(UnwritableError, match="cannot be written: "):
        write_bytes(tmp_path / name / "state", b"")


def test_a_name_as_long_as_names_may_be_can_be_written(tmp_path):
    path = tmp_path / ("é" * 127)
    write_bytes(path, b"content")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_many_may_save_at_once(tmp_path):
    torch.manual_seed(0)
    model = LeNet5(LeNet5Config())
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda _: save_model(model, tmp_path), range(48)))
    assert sorted(os.listdir(tmp_path)) == ["config.json", "model.safetensors"]


def test_what_a_killed_writer_left_goes_and_nothing_else(tmp_path):
    (tmp_path / "best").mkdir()
    parts = []
    for path in (tmp_path / "a.json", tmp_path / "b.json", tmp_path / "best" / "model"):
        with replace_when_written(path) as part:
            parts.append(part)
            part.write_text("", encoding="utf-8")
    for part in parts:
        part.write_text("half", encoding="utf-8")
    other = tmp_path / "download.part"
    other.touch()
    remove_leftovers(tmp_path, older_than=60)
    assert all(part.exists() for part in parts)
    os.utime(parts[0], (time.time() - 99,) * 2)
    remove_leftovers(tmp_path, "a.json", older_than=60)
    assert [part.exists() for part in parts] == [False, True, True]
    remove_leftovers(tmp_path)
    assert not any(part.exists() for part in parts)
    assert other.exists()
