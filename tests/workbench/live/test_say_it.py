import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image
from spoken_models import painter, small_synvae, spoken_tone

from synvae_core.models.speech.digit_check import DigitCheck, DigitCheckConfig
from synvae_core.music.acoustics import REVERB_SECONDS
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import read_midi
from synvae_core.music.render import RELEASE_SECONDS, decode_audio
from synvae_workbench.evaluation.spoken_translation import translate_speech
from synvae_workbench.live.recorder import WAITING
from synvae_workbench.live.say_it import say_it_page
from synvae_workbench.live.translation_steps import describe_translation, spoken_steps

PAINTER, SYNVAE = painter(), small_synvae()
WAVEFORMS = [spoken_tone(0.3 + 0.2 * i, seed=i) for i in range(2)]
TRANSLATION = translate_speech(PAINTER, SYNVAE, WAVEFORMS)
NAMES = ["Your recording", "two.wav"]


class Page(HTMLParser):
    """Elements as (tag, attributes), the visible text, and whether all tags close."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text, self.open = [], "", []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text += data + " "

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def payload(uri):
    return base64.b64decode(uri.partition(",")[2], validate=True)


@pytest.fixture(scope="module")
def page():
    return Page(spoken_steps(TRANSLATION, NAMES).data)


def test_every_step_of_every_recording_is_there_in_order(page):
    assert not page.open
    rows = page.all("ol")
    assert [row["aria-label"] for row in rows] == [f"{name}, step by step" for name in NAMES]
    assert len(page.all("li")) == len(page.all("img")) == 8
    assert len(page.all("audio")) == 4


def test_the_pictures_are_those_of_the_translation_in_ink_on_paper(page):
    images = [np.asarray(Image.open(io.BytesIO(payload(i["src"])))) for i in page.all("img")]
    for i in range(2):
        spectrogram, drawn, _, rebuilt = images[4 * i : 4 * i + 4]
        sources = [
            (spectrogram, TRANSLATION.spectrograms[i, 0].flip(0)),  # high sounds at the top
            (drawn, TRANSLATION.pictures[i, 0]),
            (rebuilt, 255 * TRANSLATION.rebuilt[i, 0]),
        ]
        for shown, source in sources:
            assert shown.shape == (*source.shape, 3)
            for channel, ink in enumerate((0x22, 0x30, 0x3C)):
                expected = 255 - source.double().numpy() * (255 - ink) / 255
                assert np.abs(shown[..., channel] - expected).max() <= 1


def test_sounds_are_the_recording_and_the_melody(page):
    for i, waveform in enumerate(WAVEFORMS):
        said, played = (decode_audio(payload(a["src"])) for a in page.all("audio")[2 * i :][:2])
        assert len(said[0]) / said[1] == pytest.approx(len(waveform) / 8000, abs=0.001)
        assert len(played[0]) / played[1] == pytest.approx(
            4 + RELEASE_SECONDS + REVERB_SECONDS, abs=0.001
        )


def test_the_midi_file_to_save_is_what_was_heard():
    links = Page(spoken_steps(TRANSLATION, NAMES, program=40).data).all("a")
    assert [link["download"] for link in links] == ["your_recording.mid", "two_wav.mid"]
    for link, melody in zip(links, TRANSLATION.heard, strict=True):
        data = payload(link["href"])
        assert np.array_equal(read_midi(data, allow_silence=True), melody)
        assert b"\xc0\x28" in data


def test_everything_has_words_for_those_who_cannot_see_it(page):
    alts = [image["alt"] for image in page.all("img")]
    assert alts[0].startswith("Spectrogram of Your recording: 0.30 seconds from left to right")
    assert alts[1] == "Picture drawn from Your recording"
    assert re.match(r"Piano roll of the melody: \d+ notes?, 2 bars", alts[2])
    assert alts[3] == "Picture drawn from the notes of the melody"
    assert all(audio["aria-label"] for audio in page.all("audio"))
    assert "pitch, to 4 kHz" in page.text
    assert page.text.count("From the notes: ") == 2
    assert "time, 0.30 s" in page.text


def test_names_are_text_and_nothing_is_fetched(remote_references):
    evil = '<script>alert("1")</script><img src=x onerror=alert(1)>\'"'
    html = spoken_steps(TRANSLATION, [evil, "b"]).data
    assert not Page(html).all("script")
    assert not any("onerror" in image for image in Page(html).all("img"))
    assert evil in Page(html).text
    assert remote_references(html) == []
    assert len(html) < 2 * 60_000


def test_names_that_do_not_fit_are_refused():
    for names in (["one"], ["one", " "], ["one", "two", "three"]):
        with pytest.raises(ValueError, match="each recording needs a name: got 2 recordings"):
            spoken_steps(TRANSLATION, names)


@pytest.mark.parametrize(("notes", "words"), [(0, "0 notes"), (1, "1 note"), (3, "3 notes")])
def test_what_became_of_it_is_a_sentence(notes, words):
    melody = np.zeros((1, 32), np.int64)
    melody[0, : 2 * notes : 2] = 40
    assert len(ONE_VOICE.notes(melody[0])) == notes
    sentence = describe_translation(TRANSLATION._replace(heard=melody), "Your recording")
    assert sentence.startswith(f"Your recording became a picture; its melody has {words}, and")
    assert re.search(r"From the notes: .*looks like an? \d, \d+ % sure; .*\.$", sentence)


def test_where_no_digit_is_heard_that_is_said_and_nothing_is_drawn():
    check, answers = DigitCheck(DigitCheckConfig(threshold=-1e9)).eval(), []
    live = say_it_page(PAINTER, SYNVAE, {"one": WAVEFORMS[0]}, check=check)
    live.send = lambda content, buffers=None: answers.append(content)
    live._handle_custom_msg({"kind": "example", "name": "one"}, [])
    said = "“one” (synthetic voice): the model did not hear a digit, and draws nothing."
    assert answers[-1]["said"].startswith(said)
    assert answers[-1]["page"] == ""
    check.config = DigitCheckConfig(threshold=1e9)
    live._handle_custom_msg({"kind": "example", "name": "one"}, [])
    assert "became a picture" in answers[-1]["said"]
    live.close()


def test_the_live_page_shows_what_the_pure_function_makes():
    live = say_it_page(PAINTER, SYNVAE, {"one": WAVEFORMS[0]}, program=3)
    answers = []
    live.send = lambda content, buffers=None: answers.append(content)
    live._handle_custom_msg({"kind": "example", "name": "one"}, [])
    name = "“one” (synthetic voice)"
    found = translate_speech(PAINTER, SYNVAE, WAVEFORMS[:1])
    assert torch.equal(found.spectrograms[0], TRANSLATION.spectrograms[0])
    assert [answer["said"] for answer in answers] == [WAITING, describe_translation(found, name)]
    assert answers[-1]["page"] == spoken_steps(found, [name], program=3).data
    live.close()
