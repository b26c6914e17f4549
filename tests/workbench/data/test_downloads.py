"""Downloads against a server on this machine that behaves as badly as servers do."""

import dataclasses
import gzip
import hashlib
import io
import pickle
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from synvae_workbench.data import downloads
from synvae_workbench.data.downloads import download, extract
from synvae_workbench.data.pictures import cifar, mnist
from synvae_workbench.data.pictures.cifar import CIFAR10
from synvae_workbench.data.pictures.mnist import MNIST
from synvae_workbench.data.registry import PictureOptions, load_pictures
from synvae_workbench.data.sources import Published, RemoteFile

BIG = np.random.default_rng(0).bytes(300_000)


class FileServer(ThreadingHTTPServer):
    """Serves `files` by path; the next requests misbehave as `tricks` say, one each."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.tricks, self.ranges = {}, [], []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        trick = self.server.tricks.pop(0) if self.server.tricks else ""
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        content = self.server.files.get(self.path)
        if content is None or trick.isdigit():
            self.send_error(int(trick or 404))
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if trick == "ignore range":
            start = 0
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            said = start + 1 if trick == "another range" else start
            self.send_header("Content-Range", f"bytes {said}-{len(content) - 1}/{len(content)}")
        if trick not in ("no length", "endless"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if trick == "cut" else body)
        if trick == "endless":
            self.wfile.write(bytes(100_000))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(downloads, "PAUSE", 0)
    monkeypatch.delenv("SYNVAE_DATA", raising=False)
    server = FileServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def source_of(server, **contents: bytes) -> Published:
    files = []
    for name, content in contents.items():
        server.files[f"/{name}"] = content
        digest = f"md5:{hashlib.md5(content).hexdigest()}"
        files.append(RemoteFile(server.url + name, len(content), digest))

    def find(folder):
        paths = [folder / name for name in contents]
        whole = all(path.is_file() and path.read_bytes() == contents[path.name] for path in paths)
        return paths if whole else []

    facts = ("tiny", "Tiny", "HOME", "none", "small", "tiny.bin")
    return Published(*facts, find=find, files=tuple(files))


def listing(folder) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def test_a_file_is_downloaded_once(server, tmp_path):
    source = source_of(server, big=BIG, small=b"abc")
    big, small = download(source, tmp_path / "new" / "tiny")
    assert (big.read_bytes(), small.read_bytes()) == (BIG, b"abc")
    assert listing(big.parent) == {"big", "small"}
    download(source, big.parent)
    assert server.ranges == [None, None]
    big.write_bytes(b"broken")
    assert download(source, big.parent)[0].read_bytes() == BIG


def test_a_cut_connection_is_resumed_where_it_was_cut(server, tmp_path):
    server.tricks = ["cut", "cut", "503", "cut"]
    (path,) = download(source_of(server, big=BIG), tmp_path)
    assert path.read_bytes() == BIG
    half = len(BIG) // 2
    quarter = half + half // 2
    assert server.ranges[:3] == [None, f"bytes={half}-", f"bytes={quarter}-"]
    assert listing(tmp_path) == {"big"}


def test_what_arrived_is_kept_for_the_next_call(server, tmp_path):
    server.tricks = ["cut", *["500"] * downloads.ATTEMPTS]
    source = source_of(server, big=BIG)
    with pytest.raises(ValueError, match="try again"):
        download(source, tmp_path)
    assert listing(tmp_path) == {"big.part"}
    (path,) = download(source, tmp_path)
    assert server.ranges[-1] == f"bytes={len(BIG) // 2}-"
    assert path.read_bytes() == BIG


@pytest.mark.parametrize("trick", ["ignore range", "another range", "416", "no length"])
def test_a_server_without_ranges_sends_all_of_it(trick, server, tmp_path):
    (tmp_path / "big.part").write_bytes(BIG[:1000])
    server.tricks = [trick]
    (path,) = download(source_of(server, big=BIG), tmp_path)
    assert path.read_bytes() == BIG
    assert server.ranges[0] == "bytes=1000-"
    assert listing(tmp_path) == {"big"}


WRONG = {
    "as long": (BIG[:-1] + b"?", [], "md5:"),
    "longer": (BIG + b"?", [], "300,001 bytes, not 300,000"),
    "an error page": (b"<html></html>", [], "13 bytes, not 300,000"),
    "endless": (BIG, ["endless"], "more bytes, not 300,000"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_removed_and_named(name, server, tmp_path):
    content, server.tricks, reason = WRONG[name]
    source = source_of(server, big=BIG)
    server.files["/big"] = content
    with pytest.raises(ValueError, match=reason) as error:
        download(source, tmp_path)
    assert f"{server.url}big gave another file" in str(error.value)
    assert "it was removed" in str(error.value)
    assert listing(tmp_path) == set()


def test_a_wrong_beginning_is_removed(server, tmp_path):
    (tmp_path / "big.part").write_bytes(b"?" * 1000)
    source = source_of(server, big=BIG)
    with pytest.raises(ValueError, match="it was removed"):
        download(source, tmp_path)
    assert listing(tmp_path) == set()
    assert download(source, tmp_path)[0].read_bytes() == BIG


def test_a_missing_file_is_asked_for_once(server, tmp_path):
    source = source_of(server, big=BIG)
    server.files.clear()
    with pytest.raises(ValueError, match=r"404.*put tiny.bin into \$SYNVAE_DATA/tiny"):
        download(source, tmp_path)
    assert len(server.ranges) == 1


def test_several_that_ask_at_once_download_once(server, tmp_path):
    source = source_of(server, big=BIG)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: download(source, tmp_path), range(4)))
    assert all(paths[0].read_bytes() == BIG for paths in found)
    assert len(server.ranges) == 1


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"file/tiny.*put tiny.bin"):
        download(source_of(server, big=BIG), tmp_path / "file" / "tiny")


def archive_of(*entries: tuple[str, bytes | str]) -> bytes:
    """A tar.gz of files, or with text in place of bytes, of links to it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def test_only_the_named_members_leave_an_archive(tmp_path):
    folder = tmp_path / "inside"
    folder.mkdir()
    archive = folder / "x.tar.gz"
    hostile = [("../outside", b"1"), ("/tmp/../x/outside", b"2"), ("set/../../outside", b"3")]
    hostile += [("set", "/tmp"), ("set/readme", b"4")]
    archive.write_bytes(archive_of(*hostile, ("set/a", b"A"), ("set/b", b"B")))
    extract(archive, members=["set/a", "set/b"])
    assert {path.name for path in tmp_path.rglob("*")} == {"inside", "set", "a", "b"}
    assert (folder / "set" / "a").read_bytes() == b"A"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(archive_of(("set/a", b"A")), "set/b is missing", id="missing"),
        pytest.param(archive_of(("set/a", b"A"), ("set/b", "/etc/passwd")), "no file", id="link"),
        pytest.param(archive_of(("set/a", b"A"), ("set/b", bytes(2000))), "1,000 bytes", id="bomb"),
        pytest.param(
            archive_of(("set/a", b"A"), ("set/b", b"B"))[:-30], "unpacked", id="truncated"
        ),
        pytest.param(b"no archive", "cannot be unpacked", id="no archive"),
        pytest.param(b"", "cannot be unpacked", id="empty"),
    ],
)
def test_a_bad_archive_leaves_nothing(content, reason, tmp_path):
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as error:
        extract(archive, members=["set/a", "set/b"], max_bytes=1000)
    assert str(archive) in str(error.value)
    assert listing(tmp_path) == {"x.tar.gz"}


def tiny_mnist(server) -> Published:
    """MNIST with 12 and 6 black digits, on the server."""
    files = []
    for file, count in zip(MNIST.files, (12, 12, 6, 6), strict=True):
        shape = (count, 28, 28) if "images" in file.name else (count,)
        header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
        content = header + bytes(np.prod(shape))
        zipped = gzip.compress(content, mtime=0)
        server.files[f"/mnist/{file.name}"] = zipped
        digest = f"md5:{hashlib.md5(zipped).hexdigest()}"
        url, sha256 = f"{server.url}mnist/{file.name}", hashlib.sha256(content).hexdigest()
        files.append(RemoteFile(url, len(zipped), digest, sha256))
    return dataclasses.replace(MNIST, files=tuple(files))


def test_mnist_comes_from_its_home_once(server, tmp_path, monkeypatch):
    source = tiny_mnist(server)
    monkeypatch.setattr(mnist, "MNIST", source)
    digits = load_pictures("mnist", PictureOptions(cache=tmp_path))
    assert [len(split.ids) for split in (digits.train, digits.validation, digits.test)] == [
        10,
        2,
        6,
    ]
    assert len(server.ranges) == 4
    server.files.clear()
    again = load_pictures("mnist", PictureOptions(cache=tmp_path))
    assert again.checksums == digits.checksums
    with pytest.raises(ValueError, match="does not hold the four idx files"):
        load_pictures("mnist", PictureOptions(cache=tmp_path, folder=tmp_path))


def test_offline_says_what_to_put_where(server, tmp_path, monkeypatch):
    source = tiny_mnist(server)
    monkeypatch.setattr(mnist, "MNIST", source)
    server.tricks = ["503"] * 99
    with pytest.raises(
        ValueError, match=r"four idx files.*\$SYNVAE_DATA/mnist, or name its folder"
    ):
        load_pictures("mnist", PictureOptions(cache=tmp_path))


def test_cifar10_is_unpacked_from_the_archive(server, tmp_path, monkeypatch):
    pickles = {
        name: {b"data": np.full((5, 3072), at, np.uint8), b"labels": [at] * 5}
        for at, name in enumerate(CIFAR10.members)
    }
    pickles[CIFAR10.members[-1]] = {b"label_names": [b"x"] * 10}
    entries = [(name, pickle.dumps(content, protocol=2)) for name, content in pickles.items()]
    archive = archive_of(*entries, ("../outside", b"1"), ("cifar-10-batches-py/readme.html", b"2"))
    tiny = source_of(server, **{"cifar-10-python.tar.gz": archive})
    monkeypatch.setattr(cifar, "CIFAR10", dataclasses.replace(CIFAR10, files=tiny.files))
    data = load_pictures("cifar10", PictureOptions(cache=tmp_path / "cache"))
    assert data.train.images.shape == (20, 3, 32, 32)
    assert data.validation.labels.tolist() == [4] * 5
    assert data.test.images.unique().tolist() == [5]
    assert listing(tmp_path / "cache" / "cifar10") == {"cifar-10-batches-py"}
    assert listing(tmp_path) == {"cache"}
    load_pictures("cifar10", PictureOptions(cache=tmp_path / "cache"))
    assert len(server.ranges) == 1
