import hashlib
import io
import os
import shutil
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from synvae_workbench.data.catalogue import catalogue
from synvae_workbench.data.registry import SpeechOptions, load_speech, speech_waveforms
from synvae_workbench.data.speech import fsdd, spectrograms
from synvae_workbench.data.speech.fsdd import FSDD, NAMES, find_fsdd, fsdd_checksum
from synvae_workbench.data.speech.splits import RecordingFacts, split_recordings

PARTS = ("train", "validation", "test")
FEWER = {name for name in NAMES if int(name[:-4].rpartition("_")[2]) < 10}  # a fifth


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SYNVAE_CACHE", str(cache))
    monkeypatch.delenv("SYNVAE_DATA", raising=False)
    return cache


def tone(seed: int, samples: int = 1200) -> np.ndarray:
    rng, time = np.random.default_rng(seed), np.arange(samples) / 8000
    return 0.4 * np.sin(2 * np.pi * rng.uniform(200, 3000) * time) + rng.normal(0, 0.01, samples)


def fill(folder, digits=range(10), speakers=("anna", "ben"), indices=range(8)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (digit, speaker, index) in enumerate(
        (d, s, i) for d in digits for s in speakers for i in indices
    ):
        soundfile.write(folder / f"{digit}_{speaker}_{index}.wav", tone(seed), 8000)


@pytest.fixture
def folder(tmp_path):
    fill(tmp_path / "spoken")
    return tmp_path / "spoken"


def sizes(spoken) -> list[int]:
    return [len(getattr(spoken, part).ids) for part in PARTS]


def test_a_folder_in_three_parts(folder):
    spoken = load_speech("folder", SpeechOptions(folder=folder))
    assert sizes(spoken) == [130, 10, 20]  # of each digit 2 of 16, and a tenth of 14
    for part in PARTS:
        recordings = getattr(spoken, part)
        assert recordings.spectrograms.shape == (len(recordings.ids), 1, 48, 48)
        assert recordings.spectrograms.dtype == torch.uint8
        named = [name.split("_") for name in recordings.ids]
        assert [int(digit) for digit, _, _ in named] == recordings.labels.tolist()
        assert [speaker for _, speaker, _ in named] == list(recordings.speakers)
        assert recordings.labels.unique().tolist() == list(range(10))
    assert spoken.speakers == ("anna", "ben")
    assert not spoken.synthetic
    assert len({name for part in PARTS for name in getattr(spoken, part).ids}) == 160


def test_a_seed_draws_the_same_recordings_and_another_seed_others(folder):
    first, again = (load_speech("folder", SpeechOptions(folder=folder, seed=3)) for _ in range(2))
    assert first.test.ids == again.test.ids
    assert torch.equal(first.train.spectrograms, again.train.spectrograms)
    assert load_speech("folder", SpeechOptions(folder=folder, seed=4)).test.ids != first.test.ids
    more = load_speech("folder", SpeechOptions(folder=folder, seed=3, validation=0.5))
    assert more.test.ids == first.test.ids
    assert sizes(more) == [70, 70, 20]
    assert sizes(load_speech("folder", SpeechOptions(folder=folder, validation=0))) == [140, 0, 20]


def test_own_and_speaker_splits(folder):
    own = load_speech("folder", SpeechOptions(folder=folder, split="own"))
    assert {int(name[-1]) for name in own.test.ids} == {0, 1, 2, 3, 4}
    assert sizes(own) == [50, 10, 100]
    one = load_speech("folder", SpeechOptions(folder=folder, split="speaker", speaker="ben"))
    assert set(one.test.speakers) == {"ben"}
    assert set(one.train.speakers) == set(one.validation.speakers) == {"anna"}
    assert sizes(one) == [70, 10, 80]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"split": "random"}, "split is 'published'"),
        ({"split": "speaker"}, "split is .*got split 'speaker' and speaker ''"),
        ({"speaker": "ben"}, "split is .*speaker 'ben'"),
        ({"split": "speaker", "speaker": "eve"}, "speaker is one of anna, ben; got 'eve'"),
        ({"validation": 1.0}, "validation is a share"),
        ({"validation": -0.1}, "validation is a share"),
        ({"validation": float("nan")}, "validation is a share"),
        ({"broken": "mend"}, "one of refuse, skip, got 'mend'"),
    ],
)
def test_other_settings_are_refused(settings, reason, folder):
    with pytest.raises(ValueError, match=reason):
        load_speech("folder", SpeechOptions(folder=folder, **settings))


def test_what_is_no_folder_of_recordings_is_refused(tmp_path):
    with pytest.raises(ValueError, match="leave it out"):
        load_speech("espeak", SpeechOptions(folder=tmp_path))
    with pytest.raises(ValueError, match="is no folder"):
        load_speech("folder", SpeechOptions(folder=tmp_path / "no"))
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".0_anna_0.wav").touch()
    said = r"has no recordings \(left out: 1 hidden, 1 .txt\); expected {digit}_{speaker}_{index}"
    with pytest.raises(ValueError, match=said):
        load_speech("folder", SpeechOptions(folder=str(tmp_path)))


def test_a_split_that_leaves_nothing_is_refused(tmp_path):
    fill(tmp_path / "one", speakers=("anna",), indices=range(3))
    for settings in ({"split": "own"}, {"split": "speaker", "speaker": "anna"}):
        with pytest.raises(ValueError, match="leaves nothing to train on of 0, 1, 2, 3"):
            load_speech("folder", SpeechOptions(folder=tmp_path / "one", **settings))
    fill(tmp_path / "late", indices=(7, 8))
    with pytest.raises(ValueError, match="leaves no recording to test on"):
        load_speech("folder", SpeechOptions(folder=tmp_path / "late", split="own"))


@st.composite
def recordings(draw):
    """Digits, speakers, indices and contents, of which many are copies."""
    n = draw(st.integers(1, 40))
    lists = [st.integers(0, 9), st.sampled_from("ab"), st.integers(0, 8), st.sampled_from("pqrstu")]
    return [draw(st.lists(each, min_size=n, max_size=n)) for each in lists]


@given(
    recordings(),
    st.sampled_from([("published", ""), ("own", ""), ("speaker", "a")]),
    st.floats(0, 0.99),
    st.integers(0, 9),
)
def test_never_a_copy_of_a_test_recording_in_training(found, split, validation, seed):
    digits, speakers, indices, contents = found
    ids = [f"{place}" for place in range(len(digits))]
    try:
        part = split_recordings(
            RecordingFacts(ids, np.array(digits), speakers, indices, contents),
            SpeechOptions(split=split[0], speaker=split[1], validation=validation, seed=seed),
        )
    except ValueError as error:
        assert "leaves" in str(error) or "speaker is one of" in str(error)
        return
    assert (part == 2).any()
    assert set(np.array(digits)[part == 0]) == set(digits)
    held = [{contents[i] for i in np.flatnonzero(part == number)} for number in range(3)]
    assert not held[0] & held[1] | held[1] & held[2] | held[0] & held[2]
    if split[0] == "speaker":
        assert all(part[i] == 2 for i, name in enumerate(speakers) if name == "a")
    if split[0] == "own":
        assert all(part[i] == 2 for i, index in enumerate(indices) if index < 5)


@pytest.mark.parametrize("split", [{}, {"split": "own"}, {"split": "speaker", "speaker": "ben"}])
def test_a_copy_follows_its_recording_whatever_it_is_called(split, folder):
    for digit in range(10):
        shutil.copy(folder / f"{digit}_ben_0.wav", folder / f"{digit}_anna_{90 + digit}.wav")
        samples, rate = soundfile.read(folder / f"{digit}_anna_1.wav")
        soundfile.write(folder / f"{digit}_ben_70.flac", samples, rate)
    spoken = load_speech("folder", SpeechOptions(folder=folder, validation=0.3, **split))
    seen = [
        {each.numpy().tobytes() for each in getattr(spoken, part).spectrograms} for part in PARTS
    ]
    assert not seen[0] & seen[1] | seen[1] & seen[2] | seen[0] & seen[2]
    assert sum(sizes(spoken)) == 180


def test_sub_folders_hold_digits(tmp_path):
    for digit in (0, 7):
        for index in range(12):
            (tmp_path / str(digit)).mkdir(exist_ok=True)
            name = f"take{index}" if index < 6 else f"{digit}_anna_{index}"
            name = f"{digit}/{name}.{('wav', 'FLAC', 'ogg')[index % 3]}"
            soundfile.write(tmp_path / name, tone(100 * digit + index), 16_000)
    spoken = load_speech("folder", SpeechOptions(folder=tmp_path))
    assert sum(sizes(spoken)) == 24
    assert spoken.speakers == ("anna", "unknown")
    assert sorted(spoken.train.labels.unique().tolist()) == [0, 7]
    assert all(name.partition("/")[0] in "07" for name in spoken.train.ids)  # stems repeat
    with pytest.raises(ValueError, match="0/take0 has no index in its name"):
        load_speech("folder", SpeechOptions(folder=tmp_path, split="own"))
    (wave,) = speech_waveforms("folder", [spoken.test.ids[0]], SpeechOptions(folder=tmp_path))
    assert len(wave) == 600


@pytest.fixture
def with_broken(folder, tmp_path):
    (folder / "4_anna_99.wav").write_text("four", encoding="utf-8")
    soundfile.write(folder / "5_anna_99.wav", np.zeros(4000), 8000)
    (folder / "noise.wav").write_bytes((folder / "0_anna_0.wav").read_bytes())
    (folder / "6_anna_99.wav").touch()
    (tmp_path / "outside.wav").write_bytes((folder / "0_anna_0.wav").read_bytes())
    (folder / "7_anna_99.wav").symlink_to(tmp_path / "outside.wav")
    (folder / "8_anna_99.wav").mkdir()
    with (folder / "9_anna_99.wav").open("wb") as file:
        file.truncate(1 << 31)
    return folder


def test_broken_recordings_are_refused_by_the_first_names(with_broken):
    for _ in range(2):  # computed, then from the cache
        with pytest.raises(ValueError, match="7 of 167 recordings in .*spoken cannot be") as error:
            load_speech("folder", SpeechOptions(folder=with_broken))
        sentence = str(error.value)
        assert "4_anna_99.wav cannot be read as sound" in sentence
        assert "5_anna_99.wav is silent" in sentence
        assert "6_anna_99.wav is empty" in sentence
        assert "7_anna_99.wav is a link that leads out of the folder" in sentence
        assert "8_anna_99.wav is a folder; and 2 more" in sentence
        assert 'broken="skip"' in sentence


def test_broken_recordings_are_skipped_where_one_asks_for_it(with_broken, tmp_path):
    spoken = load_speech("folder", SpeechOptions(folder=with_broken, broken="skip"))
    assert sum(sizes(spoken)) == 160
    assert spoken.skipped == (*(f"{digit}_anna_99.wav" for digit in range(4, 10)), "noise.wav")
    only = tmp_path / "only"
    only.mkdir()
    (only / "3_anna_0.wav").write_text("three", encoding="utf-8")
    with pytest.raises(ValueError, match="1 of 1 recordings"):
        load_speech("folder", SpeechOptions(folder=only, broken="skip"))


def test_a_file_in_the_folder_of_another_digit_is_broken(folder):
    (folder / "3").mkdir()
    shutil.copy(folder / "4_anna_0.wav", folder / "3" / "4_anna_0.wav")
    with pytest.raises(ValueError, match="3/4_anna_0.wav lies in the folder of 3 and is named as"):
        load_speech("folder", SpeechOptions(folder=folder))


def test_the_cache_goes_by_content(folder, own_cache, tmp_path, monkeypatch):
    first = load_speech("folder", SpeechOptions(folder=folder))
    (stored,) = own_cache.iterdir()
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)

    def computed(*_):
        raise AssertionError("computed again")

    with monkeypatch.context() as patch:
        patch.setattr(spectrograms, "log_mel", computed)
        again = load_speech("folder", SpeechOptions(folder=moved))
    assert torch.equal(again.test.spectrograms, first.test.spectrograms)
    status = os.stat(moved / "0_anna_0.wav")
    soundfile.write(moved / "0_anna_0.wav", tone(12345), 8000)  # of the same size
    os.utime(moved / "0_anna_0.wav", ns=(status.st_atime_ns, status.st_mtime_ns))
    changed = load_speech("folder", SpeechOptions(folder=moved))
    assert changed.checksums != first.checksums
    assert len(list(own_cache.iterdir())) == 2
    stored.write_bytes(stored.read_bytes()[:-5000])
    mended = load_speech("folder", SpeechOptions(folder=folder))
    assert torch.equal(mended.train.spectrograms, first.train.spectrograms)


def test_several_that_compute_at_once_leave_one_whole_cache(folder, own_cache):
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda _: load_speech("folder", SpeechOptions(folder=folder)), range(4))
        )
    assert all(torch.equal(each.test.spectrograms, found[0].test.spectrograms) for each in found)
    assert len(list(own_cache.iterdir())) == 1


def test_the_stand_in_says_that_it_is_one():
    spoken = load_speech("espeak", SpeechOptions(takes=2))
    assert spoken.synthetic
    assert "synthetic" in spoken.title
    assert len(spoken.speakers) == 12
    assert sizes(spoken) == [200, 20, 20]
    (waveform,) = speech_waveforms("espeak", spoken.test.ids[:1], SpeechOptions(takes=2))
    assert 0.1 < len(waveform) / 8000 < 1.2
    with pytest.raises(ValueError, match="no recording '0_eve_0'"):
        speech_waveforms("espeak", ["0_eve_0"], SpeechOptions(takes=2))


class Handler(BaseHTTPRequestHandler):
    """As GitHub: an archive in one piece, of which no length is said."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.content
        if content is None:
            self.send_error(503)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.content = [], None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Recordings named as a fifth of the published ones, much shorter, and their archive."""
    folder = tmp_path_factory.mktemp("tiny") / "recordings"
    folder.mkdir()
    header = io.BytesIO()
    soundfile.write(header, tone(0, 400), 8000, format="WAV")
    for seed, name in enumerate(sorted(FEWER)):
        samples = np.random.default_rng(seed).integers(-9000, 9000, 400).astype("<i2")
        (folder / name).write_bytes(header.getvalue()[:44] + samples.tobytes())
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as tar:
        top = "free-spoken-digit-dataset-26eb9aa"
        for name, content in (("README.md", b"read me"), ("../../outside.wav", b"out")):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        tar.add(folder, f"{top}/recordings")
    return folder, archive.getvalue()


@pytest.fixture
def published(tiny, server, monkeypatch):
    """The server has the recordings, and they are the published ones."""
    folder, server.content = tiny
    file = replace(
        FSDD.files[0],
        url=f"http://127.0.0.1:{server.server_port}/tar.gz/26eb9aa",
        sha256=fsdd_checksum([*folder.iterdir()]),
    )
    monkeypatch.setattr(fsdd, "NAMES", FEWER)
    source = replace(FSDD, files=(file,))
    monkeypatch.setattr(fsdd, "FSDD", source)
    return source


def test_fsdd_comes_from_its_home_once(published, server, own_cache):
    assert not catalogue()["fsdd"].place
    assert catalogue()["fsdd"].can_download
    spoken = load_speech("fsdd")
    assert sizes(spoken) == [490, 50, 60]
    assert spoken.checksums == {"fsdd": published.files[0].sha256}
    assert {path.name for path in (own_cache / "fsdd").iterdir()} <= {"recordings", ".lock"}
    assert not list(own_cache.rglob("outside*"))
    assert catalogue()["fsdd"].place == str(own_cache / "fsdd")
    load_speech("fsdd", SpeechOptions(split="own"))
    assert len(server.asked) == 1


def test_what_is_not_the_published_set_is_not_kept(published, server, own_cache, monkeypatch):
    content = server.content
    cases = [
        (content[: len(content) // 2], "no whole archive"),
        (b"<html>", "no whole archive"),
        (None, "503"),
    ]
    for server.content, reason in cases:
        with pytest.raises(ValueError, match=rf"{reason}.*\$SYNVAE_DATA/fsdd, or name its folder"):
            load_speech("fsdd")
        assert find_fsdd(own_cache / "fsdd") == []
    server.content = content
    other = replace(FSDD, files=(replace(published.files[0], sha256="0" * 64),))
    monkeypatch.setattr(fsdd, "FSDD", other)
    with pytest.raises(ValueError, match="other recordings than the published ones"):
        load_speech("fsdd")
    assert {path.name for path in (own_cache / "fsdd").iterdir()} <= {".lock"}


def test_fsdd_is_found_in_the_data_folder_and_checked(published, tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNVAE_DATA", str(tmp_path))
    shutil.copytree(tiny[0], tmp_path / "fsdd" / "recordings")
    assert sizes(load_speech("fsdd")) == [490, 50, 60]
    assert (
        sizes(load_speech("fsdd", SpeechOptions(folder=tmp_path / "fsdd" / "recordings")))[2] == 60
    )
    changed = tmp_path / "fsdd" / "recordings" / "3_theo_7.wav"
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match=r"other recordings than the published.*\"folder\""):
        load_speech("fsdd")
    changed.unlink()
    with pytest.raises(ValueError, match=r"does not hold recordings/ .*SYNVAE_DATA/fsdd"):
        load_speech("fsdd", SpeechOptions(folder=tmp_path / "fsdd"))


@pytest.mark.data
def test_the_published_recordings(data_folder, monkeypatch):
    monkeypatch.setenv("SYNVAE_DATA", str(data_folder))
    spoken = load_speech("fsdd")
    assert spoken.checksums == {"fsdd": FSDD.files[0].sha256}
    assert sizes(spoken) == [2430, 270, 300]
    assert torch.bincount(spoken.test.labels).tolist() == [30] * 10
    assert spoken.speakers == ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    digests = [
        {hashlib.sha256(each.numpy()).digest() for each in getattr(spoken, part).spectrograms}
        for part in PARTS
    ]
    assert sum(map(len, digests)) == len(set.union(*digests)) == 3000
    own = load_speech("fsdd", SpeechOptions(split="own"))
    assert {name.rpartition("_")[2] for name in own.test.ids} == set("01234")
    one = load_speech("fsdd", SpeechOptions(split="speaker", speaker="theo", validation=0))
    assert sizes(one) == [2500, 0, 500]
