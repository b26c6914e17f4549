"""Notebook 42 as a person meets it, in JupyterLab and as a live page: press, hear, see."""

import base64
import io
import re

import numpy as np
import psutil
import pytest
import soundfile
from axe import violations
from PIL import Image
from spoken_pages import Ear
from telephones import TELEPHONE, check_on_a_telephone, check_on_paper

from synvae_workbench.data.speech.recordings import SPEECH_RATE
from synvae_workbench.data.speech.stand_in import load_stand_in
from synvae_workbench.live.read_aloud import read_digit

NOTEBOOK = "42_say_it_see_it_hear_it.ipynb"
MELODY_SECONDS = 4  # two bars at 120 beats a minute
PLACES = ("lab", "voila")
# A browser that refuses in this way; without a name, one that has no microphones at all.
MICROPHONE = """name => {
  const getUserMedia = () => Promise.reject(Object.assign(new Error(), { name }));
  const value = name ? { getUserMedia } : undefined;
  Object.defineProperty(navigator, "mediaDevices", { value, configurable: true });
}"""
SPOKEN = 7  # into the microphone
PAUSE = 0.8  # seconds between two of them
# A browser whose microphone never opens; what is waited for comes sooner, as nobody has the time.
NEVER = """() => {
  const getUserMedia = () => new Promise(() => {});
  Object.defineProperty(navigator, "mediaDevices", { value: { getUserMedia }, configurable: true });
  const later = window.setTimeout;
  window.setTimeout = (call, ms) => later(call, ms / 50);
  return () => { window.setTimeout = later; };
}"""
PLAYING = "!document.querySelector('.rc-result .ss-played audio').paused"
SESSION = "jupyterapp.shell.currentWidget.sessionContext.session"


def said_by_a_machine(digit):
    """A digit, at 8 kHz, by the first of the synthetic voices."""
    return load_stand_in(takes=1).waveform(digit)


@pytest.fixture(scope="module")
def spoken_into_it(tmp_path_factory):
    """A digit, a pause, and the digit again: a recording of three seconds holds one whole."""
    path = tmp_path_factory.mktemp("spoken") / "seven.wav"
    pause = np.zeros(round(PAUSE * SPEECH_RATE), np.float32)
    soundfile.write(path, np.concatenate([said_by_a_machine(SPOKEN), pause]), SPEECH_RATE)
    return path


@pytest.fixture(scope="module", params=PLACES)
def place(request):
    return request.param


@pytest.fixture(scope="module")
def page(place, request):
    if place == "lab":
        return request.getfixturevalue("lab")(NOTEBOOK, SMOKE=True)
    return request.getfixturevalue("voila")(NOTEBOOK, context=TELEPHONE)


def status(page):
    return page.locator(".recorder [role=status]")


def refused(page):
    return page.locator(".rc-row + [role=alert]")  # below the row of its control


def answered(page, name):
    """Waits until the page says what became of a recording."""
    pattern = re.compile(rf"{name}.* became a picture; its melody has \d+ notes?")
    status(page).filter(has_text=pattern).wait_for()


def test_an_example_is_answered_with_sounds_and_pictures(page, place, sound_of, artifacts):
    button = page.get_by_role("button", name="two", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    answered(page, "two")
    said, played = page.locator(".rc-result audio").all()
    assert 0.1 < sound_of(said).seconds < 2
    assert sound_of(played).seconds == pytest.approx(MELODY_SECONDS, abs=2.5)
    assert min(sound_of(said).loudest, sound_of(played).loudest) > 0.01
    page.wait_for_function(PLAYING)
    pictures = page.locator(".rc-result img")
    assert pictures.count() == 4
    for picture in pictures.all():
        assert picture.evaluate("img => img.complete && img.naturalWidth >= 28")
        assert picture.get_attribute("alt")
    page.screenshot(path=artifacts / f"say_it_{place}.png", full_page=True)
    if place == "voila":
        check_on_a_telephone(page)
        (artifacts / "say_it.pdf").write_bytes(check_on_paper(page))


def test_it_is_told_to_who_cannot_see_it(page, place):
    if place != "voila":
        pytest.skip("JupyterLab's own parts are not ours")
    ear = Ear(page)
    ear.focus(page.get_by_role("button", name="one", exact=True))
    ear.press("Enter", until="From the notes")
    ear.outline()
    upload(page, "hiss.wav", recorded(hiss(0.7), "WAV"))
    status(page).filter(has_text="did not hear").wait_for()
    ear.focus(page.get_by_role("button", name="one", exact=True))
    ear.compare("42_say_it_see_it_hear_it")
    page.keyboard.press("Enter")
    answered(page, "one")
    page.locator(".rc-result audio").last.evaluate("audio => audio.play()")
    page.keyboard.press("Escape")
    assert page.locator(".rc-result audio").last.evaluate("audio => audio.paused")
    assert not violations(page)
    page.emulate_media(color_scheme="dark")
    assert not violations(page)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotAllowedError", "The microphone is not allowed here."),
        ("NotFoundError", "No microphone was found."),
        ("OverconstrainedError", "No microphone was found."),
        ("WhateverError", "The microphone cannot be used here. You can upload"),
        ("", "The browser offers no microphone to this page"),
    ],
)
def test_without_a_microphone_it_says_what_to_do(page, name, words):
    page.evaluate(MICROPHONE, name)
    page.get_by_role("button", name="Record", exact=True).click()
    refused(page).filter(has_text=words).wait_for()
    assert "Error" not in refused(page).inner_text()
    page.evaluate("delete navigator.mediaDevices")


def test_another_example_changes_the_picture(page):
    page.get_by_role("button", name="two", exact=True).click()
    answered(page, "two")
    drawn = page.locator(".rc-result img").nth(1)
    before = drawn.get_attribute("src")
    page.get_by_role("button", name="one", exact=True).click()
    answered(page, "one")
    assert drawn.get_attribute("src") != before


def test_a_microphone_that_never_opens_is_given_up(page):
    restore = page.evaluate_handle(NEVER)
    page.get_by_role("button", name="Record", exact=True).click()
    refused(page).filter(has_text="The microphone does not answer.").wait_for()
    restore.evaluate("restore => restore()")
    page.evaluate("delete navigator.mediaDevices")


def drawn_digit(page):
    """The digit that a judge reads in the picture that was drawn of the last recording."""
    shown = page.locator(".rc-result img").nth(1).get_attribute("src")
    ink = Image.open(io.BytesIO(base64.b64decode(shown.partition(",")[2]))).convert("L")
    paper = 255 - np.asarray(ink, np.float32)
    return read_digit((255 * paper / paper.max()).round().astype(np.uint8)[None])[0]


def test_what_is_said_into_the_microphone_is_drawn(page):
    page.get_by_role("button", name="Record", exact=True).click()
    answered(page, "Your recording")  # it stops by itself, as a busy browser is late to press Stop
    assert drawn_digit(page) == SPOKEN


def recorded(waveform, kind, rate=SPEECH_RATE):
    """A recording in stereo, as libsndfile writes it."""
    content = io.BytesIO()
    soundfile.write(content, np.stack([waveform, waveform / 2], 1), rate, format=kind)
    return content.getvalue()


def hiss(seconds):
    """Noise, and no digit."""
    return 0.1 * np.random.default_rng(0).standard_normal(round(seconds * SPEECH_RATE))


def upload(page, name, content):
    # Nothing is said of the kind: the browser goes by the content.
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.locator(".recorder input[type=file]").set_input_files(file)


# Of a telephone's formats libsndfile writes MP3 alone; m4a and WebM take the same way.
@pytest.mark.parametrize("kind", ["MP3", "OGG"])
def test_a_recording_of_a_telephone_is_heard(page, kind, sound_of):
    name, waveform = f"seven.{kind.lower()}", said_by_a_machine(7)
    upload(page, name, recorded(waveform, kind))
    answered(page, name)
    said = page.locator(".rc-result audio").first
    assert sound_of(said).seconds == pytest.approx(len(waveform) / SPEECH_RATE, abs=0.15)
    assert drawn_digit(page) == 7


def test_what_is_no_digit_is_not_drawn(page):
    upload(page, "hiss.wav", recorded(hiss(0.7), "WAV"))
    status(page).filter(has_text="hiss.wav: the model did not hear a digit").wait_for()
    assert not page.locator(".rc-result img").count()


def test_a_long_recording_is_refused_by_its_length(page):
    upload(page, "talk.mp3", recorded(hiss(12), "MP3"))
    refused(page).filter(has_text=re.compile("talk.mp3 lasts 12.* s, more than 10; cut")).wait_for()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("<img src=x onerror=alert(1)>.wav", b"MZ" + bytes(2000), "is no WAV, FLAC or Ogg file"),
        ("torn.wav", b"RIFF\xff\xff\xff\x7fWAVEfmt " + bytes(40), "torn.wav"),
        ("long.wav", bytes(5 << 20), "has more than 4 MB"),
    ],
    ids=["other", "torn", "large"],
)
def test_a_hostile_file_is_refused_in_words_and_the_kernel_lives_on(page, name, content, why):
    upload(page, name, content)
    refused(page).filter(has_text=re.compile(f"Not used: .*{re.escape(why)}")).wait_for()
    assert refused(page).locator("img").count() == 0, "a name is no markup"
    page.get_by_role("button", name="zero", exact=True).click()
    answered(page, "zero")


def test_a_page_whose_kernel_dies_says_so(page, place, request, artifacts):
    """The last test: nothing answers on this page from then on."""
    if place == "lab":
        kernel = page.evaluate(f"{SESSION}.kernel.id")
    else:
        kernel = re.search(r"kernelId\W+([-0-9a-f]{36})", page.content())[1]
    served = request.getfixturevalue("jupyterlab" if place == "lab" else "live_pages")
    for process in psutil.Process(served.pid).children(recursive=True):
        if kernel in " ".join(process.cmdline()):
            process.kill()
    helps = "run its cells again." if place == "lab" else "reload."
    alert = page.get_by_role("alert").filter(has_text=f"This page has lost its computer; {helps}")
    alert.wait_for()
    page.screenshot(path=artifacts / f"lost_{place}.png")
