"""Folders as they come: what is left out is counted, names of every kind are read and shown."""

import io
import json
import os
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from picture_files import smooth_picture

from synvae_core.music.midi import write_midi
from synvae_workbench import plots
from synvae_workbench.data import registry
from synvae_workbench.data.files import decode_text, describe_left_out, printable, short_names

NAMES = (
    *(b"plain", "café".encode(), unicodedata.normalize("NFD", "naïve").encode(), b"caf\xe9"),
    *(b"\xff\xfe", b"\xed\xa0\x80", "画像 😀".encode(), "\u202egpj.exe".encode(), b"new\nline"),
    *(b"tab\t", b"\x1b[31mred", b"<b onclick=alert(1)>", b"$\\frac$", b"a$b$_{", b"{0} %s %d"),
    *(b'it\'s "quoted"', b"back\\slash", b"-dash", b"trailing. ", b"Mr. Smith", b"x" * 200),
)
BESIDE = {  # what lies beside the files in a folder as it comes, and its reason
    ".DS_Store": "hidden",
    "._plain.png": "hidden",
    "Thumbs.db": ".db",
    "desktop.ini": ".ini",
    "IMG_1.HEIC": ".heic",
    "noending": "without a suffix",
    "St. Mary's church": "without a suffix",
    ".thumbnails/a.png": "hidden",
    "@eaDir/a.png": "folder @eaDir",
    "__MACOSX/._a.png": "folder __MACOSX",
    "$RECYCLE.BIN/a.png": "folder $RECYCLE.BIN",
}


def write_picture(path, seed):
    smooth_picture(8, 8, seed=seed).save(path, format="PNG")


def write_sound(path, seed):
    hertz = 300 + 20 * seed
    tone = 0.5 * np.sin(2 * np.pi * hertz * np.arange(4000) / 8000)
    content = io.BytesIO()
    soundfile.write(content, tone, 8000, format="WAV")
    Path(path).write_bytes(content.getvalue())


def write_melody(path, seed):
    events = np.zeros(64, int)
    events[::4] = np.random.default_rng(seed).integers(30, 60, 16)
    write_midi(events, path)


def write_tune(path, seed):
    notes = "".join(np.random.default_rng(seed).choice([*"CDEFGABcdefg"], 64))
    bars = "|".join(notes[i : i + 8] for i in range(0, 64, 8))
    Path(path).write_text(f"X:{seed + 1}\nT:tune\nM:4/4\nL:1/8\nK:C\n{bars}|\n", encoding="utf-8")


# By kind: suffix, folder within the folder, writer, loader, and the names that are shown.
KINDS = {
    "pictures": (".png", "class", write_picture, registry.load_pictures, "folder"),
    "faces": (".png", "", write_picture, registry.load_faces, "folder"),
    "loops": (".wav", "", write_sound, registry.load_loops, "folder"),
    "speech": (".wav", "7", write_sound, registry.load_speech, "folder"),
    "midi": (".mid", "", write_melody, registry.load_corpus, "midi"),
    "abc": (".abc", "oneills1850", write_tune, registry.load_corpus, "abc"),
}
OPTIONS = {
    "pictures": registry.PictureOptions,
    "faces": registry.FaceOptions,
    "loops": registry.LoopOptions,
    "speech": registry.SpeechOptions,
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def folder_of(kind, root, names=NAMES):
    suffix, below, write, *_ = KINDS[kind]
    folder = root / "set" / below
    folder.mkdir(parents=True)
    for seed, name in enumerate(names):
        path = os.fsdecode(os.fsencode(folder) + b"/" + name + suffix.encode())
        try:
            write(path, seed)
        except OSError:
            pytest.skip("this disk takes names in UTF-8 only")
    return folder


def load(kind, root):
    options = OPTIONS.get(kind, registry.CorpusOptions)
    load_set, name = KINDS[kind][3:]
    return load_set(name, options(folder=root / "set", cache=root / "cache"))


def names_of(kind, found):
    if kind in ("midi", "abc"):
        return list(found.tunes)
    if kind == "loops":
        return [*found.train.names, *found.held_out.names]
    return [name for split in (found.train, found.validation, found.test) for name in split.ids]


def test_names_of_every_kind_are_read_and_can_be_shown(kind, tmp_path):
    folder_of(kind, tmp_path)
    for _ in range(2):  # read, then from the cache
        found = load(kind, tmp_path)
        names = names_of(kind, found)
        assert len(set(names)) == len(names) == len(NAMES)
        assert not found.left_out
        for name in names:
            assert not any(ord(letter) < 32 for letter in name.encode().decode())
    if kind == "speech":
        assert {speaker.encode() for speaker in found.speakers}


@pytest.mark.slow
def test_classes_of_every_name_are_drawn(tmp_path):
    for name in NAMES:
        folder = os.fsdecode(os.fsencode(tmp_path) + b"/set/" + name)
        try:
            os.makedirs(folder)
        except OSError:
            pytest.skip("this disk takes names in UTF-8 only")
        for seed in range(3):
            write_picture(f"{folder}/{seed}.png", seed)
    options = registry.PictureOptions(folder=tmp_path / "set", size=8, cache=False)
    found = registry.load_pictures("folder", options)
    assert len(found.classes) == len(NAMES)
    json.dumps(found.classes, ensure_ascii=False).encode()
    pictures = found.train.images[:1] / 255
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        rows = {label[:24]: pictures for label in found.classes if {"$", "\\"} & {*label}}
        plots.picture_grid(rows).savefig(io.BytesIO())


def test_what_is_left_out_is_counted_by_reason_and_said(kind, tmp_path):
    folder = folder_of(kind, tmp_path, names=[b"%d" % i for i in range(12)])
    expected = {}
    for name, reason in BESIDE.items():
        (folder / name).parent.mkdir(exist_ok=True)
        write_picture(folder / name, 0)
        expected[reason] = expected.get(reason, 0) + 1
    if kind == "speech":  # which goes into no folder within
        for reason in [reason for reason in expected if reason.startswith("folder ")]:
            expected["without a suffix" if "." not in reason else ".bin"] = expected.get(
                "without a suffix" if "." not in reason else ".bin", 0
            ) + expected.pop(reason)
    with pytest.warns(registry.LeftOutWarning, match=r"left out of .*set: .*3 hidden"):
        found = load(kind, tmp_path)
    assert dict(found.left_out) == expected
    assert len(names_of(kind, found)) == 12
    if kind in ("pictures", "faces"):
        assert found.classes in (("class",), ("all",))


def test_a_folder_without_any_says_what_else_is_there(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "IMG_1.HEIC").touch()
    for kind in ("pictures", "faces", "loops", "speech"):
        with pytest.raises(ValueError, match=r"left out: 1 \.heic"):
            load(kind, tmp_path)


def test_a_folder_that_cannot_be_opened_is_counted(kind, tmp_path, monkeypatch):
    folder = folder_of(kind, tmp_path, names=[b"%d" % i for i in range(12)])
    if kind == "speech":
        folder = folder.parent
    (folder / "3").mkdir()
    for name in ("scandir", "listdir"):
        real = getattr(os, name)

        def locked(path, real=real):
            if str(path) == str(folder / "3"):
                raise PermissionError(13, "Permission denied", path)
            return real(path)

        monkeypatch.setattr(os, name, locked)
    with pytest.warns(registry.LeftOutWarning, match="1 folder that cannot be opened"):
        load(kind, tmp_path)


def test_a_sentence_about_many_reasons_is_short():
    reasons = {f".{i}": i for i in range(1, 9)} | {"caf\udce9": 20}
    assert describe_left_out(reasons) == r"20 caf\xe9, 8 .8, 7 .7, 6 .6, 5 .5, 10 others"
    assert describe_left_out({}) == "nothing"


def test_ids_that_would_be_printed_alike_are_refused():
    assert short_names(["a/x.png", "b/x.png"]) == ["a/x", "b/x"]
    assert printable("caf\udce9\n") == r"caf\xe9\x0a"
    assert printable("a\u202egnp.exe\u2028") == r"a\u202egnp.exe\u2028"
    with pytest.raises(ValueError, match=r"printed alike, caf\\xe9.png: rename one"):
        short_names(["caf\udce9.png", r"caf\xe9.png"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_is_read_with_and_without_a_byte_order_mark(encoding):
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    assert decode_text(f"{mark}Ölbild\n".encode(encoding)) == "Ölbild\n"
