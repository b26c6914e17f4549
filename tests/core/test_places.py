"""Paths as people write them."""

import pytest

from synvae_core.places import whole_path


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A home and a current folder, which are links: folders are not called as they were entered."""
    for name in ("home", "here"):
        (tmp_path / f"real_{name}" / "deep").mkdir(parents=True)
        (tmp_path / name).symlink_to(tmp_path / f"real_{name}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here" / "deep")
    return tmp_path


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("~", "{home}"),
        ("~/a b/é.mid", "{home}/a b/é.mid"),
        ("~nobody_of_that_name/x", "{here}/~nobody_of_that_name/x"),
        ("a~b", "{here}/a~b"),
        ("x", "{here}/x"),
        ("./x", "{here}/x"),
        (".", "{here}"),
        ("..", "{above}"),
        ("../../x", "{top}/x"),
        ("x/../y", "{here}/x/../y"),  # x may be a link
        ("{home}/x", "{home}/x"),
    ],
)
def test_a_path_is_whole(places, written, whole):
    top = places.resolve()
    names = {"home": places / "home", "top": top, "above": top / "real_here"}
    names["here"] = names["above"] / "deep"
    assert str(whole_path(written.format(**names))) == whole.format(**names)


@pytest.mark.parametrize("written", ["a" * 300, "~/" + "b" * 300, "c/" * 3000, "d\0e", "/f\0"])
def test_what_no_file_is_called_is_refused_in_a_sentence(places, written):
    with pytest.raises(ValueError, match="cannot be the path of a file: (File name|embedded)"):
        whole_path(written)


def test_what_cannot_be_looked_at_is_left_to_who_opens_it(places):
    (places / "file").touch()
    assert whole_path(places / "file" / "x") == places / "file" / "x"
