import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures.reconstructions import export_pictures, load_reconstructions
from synvae_workbench.data.pictures.types import Split

CLASSES = ("calm", "wild")


def made_up(n=12, channels=3, size=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, channels, size, size), generator=generator)
    labels = torch.randint(0, 2, (n,), generator=generator)
    return images.to(torch.uint8), labels, [f"{100 + i}" for i in range(n)]


def check(folder, images, labels, ids, classes=CLASSES, split="test"):
    found = load_reconstructions(PictureOptions(folder=folder, cache=False))
    part = getattr(found, split)
    assert torch.equal(part.images, images)
    assert torch.equal(part.labels, labels)
    assert part.labels.dtype == labels.dtype
    assert part.ids == list(ids)
    assert found.classes == tuple(classes)
    assert part.strips is None


@pytest.mark.parametrize("channels", [1, 3])
def test_they_come_back_as_they_were(tmp_path, channels):
    parts = {"train": made_up(20, channels), "test": made_up(7, channels, seed=1)}
    for split, (images, labels, ids) in parts.items():
        export_pictures(tmp_path, Split(images, labels, ids), CLASSES, split=split)
    for split, part in parts.items():
        check(tmp_path, *part, split=split)
    empty = load_reconstructions(PictureOptions(folder=tmp_path, cache=False)).validation
    assert empty.images.shape == (0, channels, 16, 16)
    assert empty.labels.shape == (0,)
    images, labels, ids = parts["test"]
    first = tmp_path / "test" / CLASSES[labels[0]] / f"{ids[0]}.png"
    assert Image.open(first).size == (16, 16)


def test_several_labels_come_back(tmp_path):
    images, _, ids = made_up(4)
    labels = torch.tensor([[1, 0], [0, 1], [1, 1], [0, 0]], dtype=torch.bool)
    export_pictures(tmp_path, Split(images, labels, ids), CLASSES)
    check(tmp_path, images, labels, ids)
    assert {path.parent.name for path in (tmp_path / "test").rglob("*.png")} == {
        *CLASSES,
        "none",
    }


HOSTILE = [
    "../../up",
    "/etc/passwd",
    "a/b",
    "..",
    ".",
    "",
    "a\0b",
    "CON",
    "con.x",
    "é",
    "a b",
    "x" * 300,
]
HOSTILE += ["case", "CASE", "a~0", "-rf", "line\nbreak", "end."]


def test_names_never_lead_elsewhere(tmp_path):
    folder = tmp_path / "in" / "export"
    images, labels, _ = made_up(len(HOSTILE))
    classes = tuple(HOSTILE)
    labels = torch.arange(len(HOSTILE))
    export_pictures(folder, Split(images, labels, HOSTILE), classes)
    check(folder, images, labels, HOSTILE, classes)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(path.is_relative_to(folder) for path in written)
    pictures = [path for path in written if path.suffix == ".png"]
    assert all(len(path.relative_to(folder).parts) == 3 for path in pictures)
    assert len({str(path).casefold() for path in pictures}) == len(HOSTILE)


@given(st.lists(st.text(max_size=12), min_size=1, max_size=6, unique=True))
def test_any_ids_come_back(tmp_path_factory, ids):
    folder = tmp_path_factory.mktemp("export")
    images, labels, _ = made_up(len(ids), size=2)
    export_pictures(folder, Split(images, labels, ids), CLASSES)
    check(folder, images, labels, ids)


def test_an_index_cannot_lead_elsewhere(tmp_path):
    images, labels, ids = made_up(3)
    export_pictures(tmp_path / "export", Split(images, labels, ids), CLASSES)
    images[0].permute(1, 2, 0)
    Image.fromarray(images[0].permute(1, 2, 0).numpy()).save(tmp_path / "secret.png")
    path = tmp_path / "export" / "index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    index["splits"]["test"]["ids"][0] = "../../../secret"
    path.write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be found"):
        load_reconstructions(PictureOptions(folder=tmp_path / "export", cache=False))


def test_an_export_is_replaced_and_others_stay(tmp_path):
    train, first, second = made_up(5), made_up(9, seed=1), made_up(4, seed=2)
    export_pictures(tmp_path, Split(*train), CLASSES, split="train")
    export_pictures(tmp_path, Split(*first), CLASSES)
    export_pictures(tmp_path, Split(*second), CLASSES)
    check(tmp_path, *train, split="train")
    check(tmp_path, *second)
    assert len(list((tmp_path / "test").rglob("*.png"))) == 4
    with pytest.raises(ValueError, match="of pictures with classes"):
        export_pictures(tmp_path, Split(*first), ("other", "names"))
    with pytest.raises(ValueError, match="of pictures with shape"):
        export_pictures(tmp_path, Split(*made_up(3, size=8)), CLASSES)
    check(tmp_path, *second)


def test_foreign_folders_are_left_alone(tmp_path):
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(ValueError, match="no export"):
        export_pictures(tmp_path, Split(*made_up()), CLASSES)
    assert (tmp_path / "test" / "mine.txt").read_text(encoding="utf-8") == "precious"


def test_a_link_is_not_emptied(tmp_path):
    folder, precious = tmp_path / "export", tmp_path / "precious"
    export_pictures(folder, Split(*made_up()), CLASSES)
    (folder / "test").rename(precious)
    (folder / "test").symlink_to(precious)
    with pytest.raises(ValueError, match="no export"):
        export_pictures(folder, Split(*made_up()), CLASSES)
    assert len(list(precious.rglob("*.png"))) == 12


def test_what_was_touched_is_refused(tmp_path):
    images, labels, ids = made_up()
    export_pictures(tmp_path, Split(images, labels, ids), CLASSES)
    path = tmp_path / "test" / CLASSES[labels[3]] / f"{ids[3]}.png"
    content = path.read_bytes()
    Image.new("RGB", (16, 16)).save(path)
    with pytest.raises(ValueError, match="other pictures than were exported"):
        load_reconstructions(PictureOptions(folder=tmp_path, cache=False))
    path.write_bytes(content[:-30])
    with pytest.raises(ValueError, match=rf"{ids[3]}\.png"):
        load_reconstructions(PictureOptions(folder=tmp_path, cache=False))
    path.unlink()
    with pytest.raises(ValueError, match=rf"{ids[3]}\.png cannot be found"):
        load_reconstructions(PictureOptions(folder=tmp_path, cache=False))


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index.pop("shape"),
        lambda index: index.update(shape=[3, 10**9, 10**9]),
        lambda index: index.update(shape=[3, 16, 17]),
        lambda index: index.update(classes=[["x"], "y"]),
        lambda index: index.update(multi_label=1),
        lambda index: index.update(splits=[1]),
        lambda index: index["splits"].update(other=index["splits"]["test"]),
        lambda index: index["splits"]["test"].update(labels=[0]),
        lambda index: index["splits"]["test"]["labels"].__setitem__(0, 2),
        lambda index: index["splits"]["test"]["labels"].__setitem__(0, 10**40),
        lambda index: index["splits"]["test"]["ids"].__setitem__(0, 7),
        lambda index: index["splits"]["test"]["ids"].__setitem__(0, "101"),
    ],
)
def test_a_spoilt_index_is_refused(tmp_path, change):
    export_pictures(tmp_path, Split(*made_up()), CLASSES)
    index = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    change(index)
    (tmp_path / "index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ValueError, match=r"index\.json is no index of exported pictures"):
        load_reconstructions(PictureOptions(folder=tmp_path, cache=False))


def test_no_export_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"index\.json is missing"):
        load_reconstructions(PictureOptions(folder=tmp_path))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"split": "../out"}, "split is one of"),
        ({"ids": ["1"] * 12}, "stands twice"),
        ({"ids": ["1"]}, "1 ids"),
        ({"classes": ("calm",)}, "not of 1 classes"),
        ({"classes": ("calm", "calm")}, "stands twice"),
        ({"images": torch.zeros(12, 2, 4, 4, dtype=torch.uint8)}, "2 channels"),
    ],
)
def test_arguments_must_fit(tmp_path, change, expected):
    images, labels, ids = made_up()
    pictures = {"images": images, "labels": labels, "ids": ids}
    arguments = {"classes": CLASSES} | {
        name: value for name, value in change.items() if name not in pictures
    }
    pictures |= {name: value for name, value in change.items() if name in pictures}
    with pytest.raises(ValueError, match=expected):
        export_pictures(tmp_path / "export", Split(**pictures), **arguments)
    assert not (tmp_path / "export").exists()
