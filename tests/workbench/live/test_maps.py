import base64
import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from scipy.signal import resample_poly

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.render import AUDIO_RATE, SAMPLE_RATE, decode_audio
from synvae_core.music.sound import PIANO, Sound
from synvae_workbench.live.maps import MapItems, melody_map

RNG = np.random.default_rng(0)
COUNT = 7
PLACES = RNG.normal(size=(COUNT, 2)).astype(np.float32)
PICTURES = RNG.integers(0, 256, (COUNT, 6, 5), dtype=np.uint8)
EVENTS = RNG.integers(0, 90, (COUNT, 32))
LABELS = ["b", "a", "b", "c", "a", "b", "b"]


def made(**changes):
    given = {
        "layouts": {"t-SNE": PLACES, "UMAP": 2 * PLACES + 1},
        "pictures": PICTURES,
        "events": EVENTS,
        "labels": LABELS,
        "title": "Digits",
    } | changes
    items = MapItems(*(given.pop(name) for name in ("pictures", "events", "labels")))
    return melody_map(given.pop("layouts"), items, **given).data


class Page(HTMLParser):
    """Elements as (tag, attributes), the scripts' text, and whether all tags close."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.scripts, self.open = [], {}, []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            kind = self.elements[-1][1].get("type", "code")
            self.scripts[kind] = self.scripts.get(kind, "") + data


def data_of(page):
    return json.loads(Page(page).scripts["application/json"])


def payload(uri, media_type):
    head, data = uri.split(",")
    assert head == f"data:{media_type};base64"
    return base64.b64decode(data, validate=True)


def test_the_page_holds_what_it_is_to_show_and_play():
    page = Page(made())
    assert not page.open
    assert [tag for tag, _ in page.elements] == ["div", "style", "script", "noscript", "script"]
    assert page.elements[0][1]["aria-label"] == "Digits"
    data = data_of(made())
    assert list(data["layouts"]) == ["t-SNE", "UMAP"]
    for row, events in zip(data["notes"], EVENTS, strict=True):
        starts, lengths, pitches = (
            [ord(code) - data["first"] for code in row[kind::3]] for kind in range(3)
        )
        notes = [
            Note(start, start + length, pitch + data["lowest"])
            for start, length, pitch in zip(starts, lengths, pitches, strict=True)
        ]
        assert notes == ONE_VOICE.notes(events)
    assert [data["classes"][of]["name"] for of in data["classOf"]] == LABELS
    assert len({each["colour"] for each in data["classes"]}) == 3
    assert data["stepSeconds"] == 0.125
    assert data_of(made(sound=Sound(60.0)))["stepSeconds"] == 0.25


def test_places_keep_their_order_and_fill_the_map():
    found = np.array(data_of(made())["layouts"]["t-SNE"])
    for axis, sign in ((0, 1), (1, -1)):  # on a page, up is less
        assert (np.argsort(found[:, axis]) == np.argsort(sign * PLACES[:, axis])).all()
        assert found[:, axis].min() == pytest.approx(3)
        assert found[:, axis].max() == pytest.approx(97)
    assert data_of(made(layouts={"one": np.ones((COUNT, 2))}))["layouts"]["one"] == [[50, 50]] * 7


def test_every_picture_is_in_its_place_of_the_sheet():
    data = data_of(made())
    assert (data["width"], data["height"]) == (5, 6)
    sheet = np.asarray(Image.open(io.BytesIO(payload(data["sprite"], "image/png"))))
    for item, picture in enumerate(PICTURES):
        row, column = divmod(item, data["columns"])
        assert np.array_equal(sheet[6 * row : 6 * row + 6, 5 * column : 5 * column + 5], picture)
    smooth = np.full((COUNT, 8, 8, 3), 1, np.uint8) * np.arange(10, 80, 10)[:, None, None, None]
    data = data_of(made(pictures=smooth.astype(np.uint8)))
    sheet = np.asarray(Image.open(io.BytesIO(payload(data["sprite"], "image/jpeg")))).astype(int)
    for item in range(COUNT):
        row, column = divmod(item, data["columns"])
        assert abs(sheet[8 * row + 4, 8 * column + 4] - smooth[item, 4, 4]).max() < 6


def test_marked_items_carry_their_rendered_sound():
    data = data_of(made(rendered=[2, 5]))
    assert list(data["sounds"]) == ["2", "5"]
    waveform, _ = decode_audio(payload(data["sounds"]["5"], "audio/mpeg"))
    expected = resample_poly(PIANO.perform(EVENTS[5]), AUDIO_RATE // 8_000, SAMPLE_RATE // 8_000)
    assert np.corrcoef(waveform, expected)[0, 1] > 0.95
    other = made(rendered=[5], sound=Sound(program=40))
    assert data_of(other)["sounds"]["5"] != data["sounds"]["5"]


def test_a_thousand_digits_take_little_room():
    count = 1000
    onsets = RNG.random((count, 32)) < 0.3
    size = len(
        made(
            layouts=dict.fromkeys("abcd", RNG.normal(size=(count, 2))),
            pictures=np.zeros((count, 28, 28), np.uint8),
            events=np.where(onsets, RNG.integers(0, 90, (count, 32)), 0),
            labels=["7"] * count,
        )
    )
    assert size < 160_000


HOSTILE = [
    '</script><script>alert("1")</script>',
    "<!--<script>",
    "\"'><img src=x onerror=alert(1)>",
    "&lt;b&gt; & \u2028 \\u003c",
    "__proto__",
]


@pytest.mark.parametrize("evil", HOSTILE)
def test_text_stays_text_everywhere(evil):
    layouts = {evil: PLACES}
    page = Page(made(title=evil, layouts=layouts, labels=[evil] * COUNT))
    assert [tag for tag, _ in page.elements] == ["div", "style", "script", "noscript", "script"]
    assert page.elements[0][1]["aria-label"] == evil
    assert set(page.elements[0][1]) == {"class", "role", "data-lm-suppress-shortcuts", "aria-label"}
    data = json.loads(page.scripts["application/json"])
    assert list(data["layouts"]) == [evil]
    assert data["classes"][0]["name"] == evil
    assert not {"<", ">", "&"} & set(page.scripts["application/json"])


def test_the_script_writes_text_and_never_markup():
    script = Page(made()).scripts["code"]
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert word not in script
    assert "</" not in script


def test_nothing_is_fetched(remote_references):
    page = made(rendered=[1])
    assert remote_references(page) == []
    for word in ("http:", "https:", "fetch(", "XMLHttpRequest", "import("):
        assert word not in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layouts": {}}, "a map wants a layout"),
        ({"layouts": {"t-SNE": PLACES[:6]}}, "as many of everything.*'t-SNE'\": 6"),
        ({"pictures": PICTURES[:6]}, "'pictures': 6"),
        ({"events": EVENTS[:6]}, "'melodies': 6"),
        ({"labels": LABELS[:6]}, "'labels': 6"),
        (
            {
                "layouts": {"a": PLACES[:0]},
                "pictures": PICTURES[:0],
                "events": EVENTS[:0],
                "labels": [],
            },
            "at least 1",
        ),
        ({"layouts": {"a": np.full((COUNT, 2), np.nan)}}, "layout 'a' has a place that is not"),
        ({"layouts": {"a": np.full((COUNT, 2), np.inf)}}, "layout 'a' has a place that is not"),
        ({"title": " "}, "got an empty one"),
        ({"labels": ["", *LABELS[1:]]}, "got an empty one"),
        ({"layouts": {"": PLACES}}, "got an empty one"),
        ({"rendered": [7]}, r"rendered items are 0..6: got 7"),
        ({"rendered": [-1]}, r"rendered items are 0..6: got -1"),
        ({"events": EVENTS + 60}, r"event ids are 0..89"),
    ],
)
def test_bad_input_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        made(**changes)
