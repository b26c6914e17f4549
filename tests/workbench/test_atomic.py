"""Atomic writing: all or nothing, and nothing left behind."""

import pytest

from synvae_workbench.atomic import replace_when_written


def test_a_file_is_replaced_when_all_is_written(tmp_path):
    path = tmp_path / "state"
    path.write_text("before", encoding="utf-8")
    with replace_when_written(path) as part:
        part.write_text("after", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "before"
    assert path.read_text(encoding="utf-8") == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_changes_nothing(tmp_path):
    path = tmp_path / "state"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(OSError, match="full"), replace_when_written(path) as part:
        part.write_text("half", encoding="utf-8")
        raise OSError("disk full")
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]
