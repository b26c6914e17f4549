import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from scipy.signal import resample_poly

from synvae_core.music.acoustics import REVERB_SECONDS
from synvae_core.music.render import (
    AUDIO_RATE,
    RELEASE_SECONDS,
    SAMPLE_RATE,
    decode_audio,
    sine_synthesiser,
)
from synvae_core.music.sound import PIANO, Sound
from synvae_workbench.live.players import (
    Picture,
    PlayerItem,
    audio_player,
    player_grid,
    roll_picture,
)

MELODY = np.array([41, 0, 43, 0, 45, 0, 46, 0] * 4)
VOID = {"img"}


class Page(HTMLParser):
    """Elements in order as (tag, attributes), the visible text, and whether all tags close."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self.open = [], "", []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def payload(uri, media_type):
    head, data = uri.split(",")
    assert head == f"data:{media_type};base64"
    return base64.b64decode(data, validate=True)


def test_a_player_is_a_captioned_figure_that_plays_the_melody():
    page = Page(audio_player(MELODY, label="Digit 3").data)
    assert not page.open
    assert [tag for tag, _ in page.elements] == ["figure", "audio", "figcaption"]
    assert page.text == "Digit 3"
    (audio,) = page.all("audio")
    assert "controls" in audio
    assert (audio["preload"], audio["aria-label"]) == ("metadata", "Digit 3")
    waveform, sample_rate = decode_audio(payload(audio["src"], "audio/mpeg"))
    assert len(waveform) / sample_rate == pytest.approx(
        4 + RELEASE_SECONDS + REVERB_SECONDS, abs=0.001
    )
    expected = resample_poly(PIANO.perform(MELODY), AUDIO_RATE // 8_000, SAMPLE_RATE // 8_000)
    assert np.corrcoef(waveform, expected)[0, 1] > 0.98


def test_a_waveform_plays_at_its_own_rate_and_loudness():
    tone = (0.05 * np.sin(np.arange(16_000) / 5)).astype(np.float32)
    page = Page(audio_player(tone, label="Loop", sample_rate=8_000).data)
    waveform, rate = decode_audio(payload(page.all("audio")[0]["src"], "audio/mpeg"))
    assert len(waveform) / rate == pytest.approx(2, abs=0.001)
    assert np.abs(waveform).max() == pytest.approx(0.05, rel=0.2)


def test_performance_options_reach_the_sound():
    default = audio_player(MELODY, label="a").data
    options = [{"qpm": 90.0}, {"program": 73}, {"velocity": 50}]
    options += [{"synthesiser": sine_synthesiser()}, {"reverb": 0.5}, {"loudness": -30.0}]
    options += [{"expression": 2.0}]
    for option in options:
        changed = audio_player(MELODY, label="a", sound=Sound(**option)).data
        assert changed != default
        grid = player_grid([PlayerItem(MELODY, "a")], sound=Sound(**option)).data
        assert changed in grid


def test_a_two_bar_player_costs_at_most_40_kb():
    rng = np.random.default_rng(0)
    for events in (MELODY, rng.integers(2, 90, 32)):
        assert len(audio_player(events, label="Two bars").data) <= 40_000


def test_a_player_of_sixteen_bars_costs_at_most_200_kb():
    rng = np.random.default_rng(0)
    for program in (0, 13, 48):
        player = audio_player(
            rng.integers(2, 90, 256), label="A piece", sound=Sound(program=program)
        )
        assert len(player.data) <= 200_000


def test_text_is_escaped_everywhere():
    evil = '<script>alert("1")</script> & \'"><img src=x onerror=alert(1)>'
    picture = Picture(np.zeros((2, 2)), evil)
    html = player_grid([PlayerItem(MELODY, evil, [picture])]).data
    page = Page(html)
    assert "<script" not in html
    assert not page.all("script")
    assert page.text == evil
    assert page.all("audio")[0]["aria-label"] == evil
    (image,) = page.all("img")
    assert image["alt"] == evil
    assert "onerror" not in image


def test_nothing_is_fetched_from_anywhere():
    items = [PlayerItem(MELODY, "a", [roll_picture(MELODY, "b")])]
    page = Page(player_grid(items).data)
    for tag, attributes in page.elements:
        assert tag in {"div", "figure", "audio", "figcaption", "img", "span", "i"}
        for name, value in attributes.items():
            assert name not in {"href", "srcset"}
            assert name != "src" or value.startswith("data:")
            assert "url(" not in (value or "")
            assert "http" not in (value or "") or name == "src"


def test_starting_one_player_stops_the_others():
    page = Page(player_grid([PlayerItem(MELODY, "a"), PlayerItem(MELODY, "b")]).data)
    for audio in page.all("audio"):
        assert "pause()" in audio["onplay"]
        assert "a !== this" in audio["onplay"]


def test_a_grid_holds_every_item_in_order():
    rng = np.random.default_rng(0)
    digit = rng.random((28, 28)).astype(np.float32)
    roll = rng.integers(0, 256, (40, 64, 3), dtype=np.uint8)
    items = [
        PlayerItem(MELODY, f"Digit {i}", [Picture(digit, "digit"), Picture(roll, "roll")])
        for i in range(3)
    ]
    page = Page(player_grid(items, columns=4).data)
    assert not page.open
    assert [audio["aria-label"] for audio in page.all("audio")] == ["Digit 0", "Digit 1", "Digit 2"]
    grid = page.elements[0][1]["style"]
    assert "display:grid" in grid
    assert "calc((100% - 3rem) / 4)" in grid
    assert [image["alt"] for image in page.all("img")] == ["digit", "roll"] * 3
    shown = [Image.open(io.BytesIO(payload(i["src"], "image/png"))) for i in page.all("img")[:2]]
    assert np.array_equal(np.asarray(shown[0]), np.round(digit * 255).astype(np.uint8))
    assert np.array_equal(np.asarray(shown[1]), roll)


@pytest.mark.parametrize(
    "image",
    [
        np.full((2, 2), 1.5),
        np.full((2, 2), np.nan),
        np.full((2, 2), -0.1),
        np.zeros((2, 2), np.int64),
        np.zeros((2, 2, 2)),
        np.zeros(4),
        np.zeros((0, 3)),
    ],
)
def test_pictures_of_another_kind_are_refused_by_name(image):
    with pytest.raises(ValueError, match="the picture 'seven' is .*expected"):
        audio_player(MELODY, label="a", pictures=[Picture(image, "seven")])


@pytest.mark.parametrize(
    ("music", "message"),
    [
        (np.array([90]), "event ids are"),
        (np.zeros((2, 32), np.int64), "'a': music is event ids"),
        (np.array(["x"]), "'a': music is event ids"),
        (np.array([2.0]), "within -1"),
    ],
)
def test_what_is_no_music_is_refused(music, message):
    with pytest.raises(ValueError, match=message):
        audio_player(music, label="a")


def test_a_player_without_a_name_and_a_grid_without_columns_are_refused():
    with pytest.raises(ValueError, match="needs a label"):
        audio_player(MELODY, label=" ")
    with pytest.raises(ValueError, match="columns is at least 1"):
        player_grid([], columns=0)


def test_a_cursor_crosses_the_roll_alone_in_the_time_of_the_notes():
    pictures = [Picture(np.zeros((4, 4)), "a square"), roll_picture(MELODY, "piano roll")]
    page = Page(audio_player(MELODY, label="a", pictures=pictures, sound=Sound(qpm=60)).data)
    (cursor,) = page.all("i")
    assert float(cursor["data-seconds"]) == 8
    assert float(cursor["data-bars"]) == 2
    assert "hidden" in cursor
    tags = [tag for tag, _ in page.elements]
    assert tags[tags.index("i") - 1] == "img" and page.all("img")[1]["alt"] == "piano roll"
    square = Page(audio_player(MELODY, label="a", pictures=pictures[:1]).data)
    assert not square.all("i") and "onseeked" not in square.all("audio")[0]
