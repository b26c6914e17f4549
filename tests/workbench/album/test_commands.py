"""`synvae listen` and `synvae draw`: folders, streams, exit codes and what is told."""

import io
import sys

import pytest
from albums import files_below, write_pictures
from privileges import permissions_hold

from synvae_workbench.__main__ import main
from synvae_workbench.album import draw, listen
from synvae_workbench.album.playing import Listener, Playing, Source


@pytest.fixture
def stream(monkeypatch):
    """A function that gives standard input, and the standard output in bytes."""

    def give(content):
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
        monkeypatch.setattr(sys, "stdout", out)
        return out.buffer

    return give


def test_a_folder_is_listened_to_and_drawn_again(model, pictures, tmp_path, capsys):
    tunes, back = tmp_path / "tunes", tmp_path / "back"
    listen = ["listen", str(pictures), "--to", str(tunes), "--model", model]
    assert main(listen) == 0
    assert capsys.readouterr() == (f"{tunes}\n", "7 done\n")
    assert main(["draw", str(tunes), "--to", str(back), "--model", model]) == 0
    assert files_below(back, ".png").keys() == files_below(pictures, ".png").keys()
    (pictures / "bad\n.png").write_bytes(b"x")
    (pictures / "text.txt").touch()
    assert main(listen) == 1
    _out, said = capsys.readouterr()
    assert said.endswith(
        "left out: 1 .txt\nbad\\x0a.png is not in a picture format that Pillow reads\n"
        "7 done, 1 failed\n"
    )


def test_one_file_goes_from_stream_to_stream(model, pictures, stream):
    content = (pictures / "000.png").read_bytes()
    (made,) = Listener(Playing(model=model, also=("wav",))).make([Source(0, content)])
    for source in ("-", str(pictures / "000.png")):
        out = stream(content)
        assert main(["listen", source, "--to", "-", "--model", model]) == 0
        assert out.getvalue() == made.files[".mid"]
    out = stream(content)
    assert main(["listen", "-", "--to", "-", "--model", model, "--also", "wav"]) == 0
    assert out.getvalue() == made.files[".wav"]
    out = stream(made.files[".mid"])
    assert main(["draw", "-", "--to", "-", "--model", model]) == 0
    assert out.getvalue().startswith(b"\x89PNG")
    stream(b"x")
    assert main(["listen", "-", "--to", "-", "--model", model]) == 1


def test_a_stream_of_paths_is_listened_to(model, pictures, tmp_path, stream, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stream(b"pictures/000.png\npictures/none.png\n")
    assert main(["listen", "--list", "-", "--to", "album", "--model", model]) == 1
    assert list(files_below(tmp_path / "album", ".mid")) == ["pictures/000.mid"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "a"], "nothing is named"),
        (["-", "--to", "a"], "- is one file"),
        (["a", "b", "--to", "-"], "- is one file"),
        (["none", "--to", "a"], "none is not there"),
        ([".", "--to", "a", "--also", "flac"], "expected formats"),
        ([".", "--to", "file/album"], "one of the folders in its path is a file"),
        (["empty", "--to", "a"], "nothing was found there"),
        ([".", "--to", "a", "--needs", "GPU=1"], "needs are of a scheduler's workers"),
    ],
)
def test_usage_that_makes_no_sense_ends_with_2(
    arguments, words, model, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert main(["listen", *arguments, "--model", model]) == 2
    assert words in capsys.readouterr().err


def test_an_interruption_says_that_the_same_command_goes_on(
    model, pictures, tmp_path, capsys, monkeypatch
):
    def interrupted(*_given):
        raise KeyboardInterrupt

    listen = ["listen", str(pictures), "--to", str(tmp_path / "album"), "--model", model]
    with monkeypatch.context() as patch:
        patch.setattr("synvae_workbench.album.making.run_chunk", interrupted)
        assert main(listen) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert main(listen) == 0


def test_what_lost_its_picture_is_told_and_leaves_when_asked_to(model, pictures, tmp_path, capsys):
    album = tmp_path / "album"
    listen = ["listen", str(pictures), "--to", str(album), "--model", model]
    main(listen)
    (pictures / "000.png").unlink()
    assert main(listen) == 0
    assert "7 done\n1 kept, though what they were made of is gone" in capsys.readouterr().err
    assert main([*listen, "--prune"]) == 0
    assert capsys.readouterr().err == "6 done\n1 removed: what they were made of is gone\n"
    assert not (album / "000.mid").exists()
    assert main(["draw", str(pictures), "--to", str(album), "--model", model]) == 2
    assert "is an album of melodies, not of pictures" in capsys.readouterr().err


def test_what_may_not_be_written_or_read_is_told(model, tmp_path, capsys):
    pictures = write_pictures(tmp_path / "pictures", 2)
    (pictures / "001.png").chmod(0)
    (tmp_path / "fixed").mkdir(mode=0o500)
    listen = ["listen", str(pictures), "--model", model, "--to"]
    with permissions_hold():
        assert main([*listen, str(tmp_path / "fixed" / "album")]) == 2
        assert "you may not write there" in capsys.readouterr().err
        assert main([*listen, str(tmp_path / "album")]) == 1
        assert "001.png cannot be opened (Permission denied)" in capsys.readouterr().err


def test_functions_make_what_the_commands_do(model, pictures, tmp_path):
    tunes, back = tmp_path / "tunes", tmp_path / "back"
    made = listen([pictures], to=tunes, model=model, also=("wav",))
    assert (made.folder, made.done, made.failed) == (tunes, 7, 0)
    assert draw([str(tunes)], to=back, model=model).done == 7
    arguments = [str(pictures), "--to", str(tmp_path / "typed"), "--model", model, "--also", "wav"]
    assert main(["listen", *arguments]) == 0
    for suffix in (".mid", ".wav"):
        assert files_below(tunes, suffix) == files_below(tmp_path / "typed", suffix)
