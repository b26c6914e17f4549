"""Refusal of sets that are too small."""

import pytest
from small_sets import pictures

from synvae_workbench.data.enough import check_enough, check_pictures
from synvae_workbench.data.registry import PictureOptions, load_pictures


def test_what_is_short_and_what_would_do_is_said():
    check_enough("songs", {"train": 3, "test": 1}, {"train": 3}, remedy="add songs")
    with pytest.raises(ValueError, match="songs: expected 4 or more for train, got 3; add songs"):
        check_enough("songs", {"train": 3, "test": 9}, {"train": 4, "test": 9}, remedy="add songs")


@pytest.mark.parametrize("needed", [(1, 1, 1), (4, 1, 1), (1, 1, 2), (2, 2, 2), (1, 1, 5)])
def test_so_many_pictures_as_are_asked_for_are_enough(needed, tmp_path):
    needed = dict(zip(("train", "validation", "test"), needed, strict=True))
    with pytest.raises(ValueError, match="a folder of") as refused:
        check_pictures(loaded(tmp_path / "few", 3), **needed | {"train": 3})
    if needed["train"] == 1:
        total = int(str(refused.value).split("a folder of ")[1].split()[0])
        check_pictures(loaded(tmp_path / "enough", total), **needed)


def loaded(folder, count):
    return load_pictures(
        "folder", PictureOptions(folder=pictures(folder, {"a": count}), cache=False)
    )


@pytest.mark.parametrize("count", range(3, 40))
def test_no_part_of_three_pictures_or_more_is_empty(count, tmp_path):
    found = loaded(tmp_path / "own", count)
    assert [len(part.ids) > 0 for part in found[3:6]] == [True] * 3
    assert sum(len(part.ids) for part in found[3:6]) == count
