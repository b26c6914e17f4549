"""A place for sockets, however long the names of folders are."""

import os
import socket
import stat
import tempfile

import pytest

from synvae_workbench import sockets
from synvae_workbench.live.server.voila import LONGEST_SOCKET as OF_A_PAGE
from synvae_workbench.reports.run import LONGEST_SOCKET as OF_A_RUN

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kernels there speak through ports")


@pytest.mark.parametrize("name", [OF_A_RUN, OF_A_PAGE], ids=["run", "page"])
@pytest.mark.parametrize("letters", [1, 40, 55, 70, 80, 100, 200])
def test_a_socket_can_be_made(name, letters, tmp_path_factory, monkeypatch):
    usual = tmp_path_factory.mktemp("t") / ("x" * letters)
    usual.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(usual))
    with sockets.socket_folder(name) as folder:
        (folder / name).parent.mkdir(exist_ok=True)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(folder / name))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_the_usual_place_is_kept_where_it_can_be(tmp_path, monkeypatch):
    monkeypatch.setattr(sockets, "MOST_BYTES", 1000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with sockets.socket_folder("a") as folder:
        assert folder.parent == tmp_path


def test_without_a_place_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(sockets, "MOST_BYTES", 10)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with (
        pytest.raises(ValueError, match=f"{tmp_path}, the folder .* set TMPDIR"),
        sockets.socket_folder("a"),
    ):
        pass
