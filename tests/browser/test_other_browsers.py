"""One path on each page in Firefox and WebKitGTK: open it, do the main thing, hear it, see it."""

import re

import pytest
from heard import DECODE

INKED = """selector => { const canvas = document.querySelector(selector);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value, i) => i % 4 === 3 && value > 100); }"""
PLAYS = """selector => [...document.querySelectorAll(selector)].some(audio =>
  !audio.paused && audio.currentTime > .1)"""
OPENED = """() => document.querySelector(".live-audio")?.src
  && !document.querySelector(".explore[data-busy]")"""
# Nobody knows whether there is a microphone; that it says nothing for ever is what must not be.
RECORDS_OR_REFUSES = """() =>
  /The microphone|[Nn]o microphone/.test(document.querySelector(".recorder").textContent)
  || document.querySelector(".rc-record").textContent === "Stop" """
SOONER = """() => { const later = setTimeout;
  window.setTimeout = (call, ms) => later(call, ms / 10); }"""
PIXELS = """selector => { const canvas = document.querySelector(selector);
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.join(); }"""
END = "\ue010"  # of WebDriver
QUIET = "selector => [...document.querySelectorAll(selector)].every(audio => audio.paused)"


@pytest.fixture(scope="module")
def page(other_browser, live_pages):
    """A browser to which the printed address was given, as a person opens it."""
    other_browser.open(f"{live_pages.url}/?token={live_pages.token}")
    return other_browser


@pytest.fixture(autouse=True)
def nothing_to_complain_of(page):
    yield
    assert not page.complaints()


def opened(page, live_pages, name):
    page.open(f"{live_pages.url}/{name}")
    page.hear_complaints()


def heard(page, selector):
    """Waits until a sound plays there, and says how loud it gets."""
    page.wait_for(PLAYS, selector)
    return page.evaluate(f"selector => ({DECODE})(document.querySelector(selector))", selector)


def test_explore_synvae(page, artifacts):
    page.hear_complaints()  # it is what the printed address opens
    page.wait_for(OPENED)
    assert page.evaluate(QUIET, "audio"), "nothing plays by itself"
    page.click(".ex-choice")
    assert heard(page, ".live-audio")["loudest"] > 0.05
    page.wait_for("() => document.querySelector('.ex-status').textContent.includes('plays')")
    assert page.evaluate(INKED, ".ex-after canvas"), "the picture came back"
    page.screenshot(artifacts / f"{page.name}_40.png")


def test_explore_music(page, live_pages, artifacts):
    opened(page, live_pages, "41_explore_music")
    page.wait_for("() => document.querySelector('.explore-music .live-audio')?.src")
    page.click(".em-card button", "Hear")
    assert heard(page, ".live-audio")["loudest"] > 0.05
    assert page.evaluate(INKED, ".em-drawn canvas")
    page.click(".kb-piano button[aria-label='C 4']")
    page.wait_to_see(".kb-status", "C 4")
    page.wait_for("() => document.querySelector('.kb-roll').ariaLabel.includes('1 note')")
    page.screenshot(artifacts / f"{page.name}_41.png")


def test_say_it(page, live_pages, artifacts):
    opened(page, live_pages, "42_say_it_see_it_hear_it")
    page.click(".recorder button", "two")
    page.wait_to_see(".recorder [role=status]", "became a picture")
    page.wait_to_see(".rc-result audio")
    said = page.evaluate(f"() => ({DECODE})(document.querySelector('.rc-result audio'))")
    assert said["loudest"] > 0.05
    seen = "() => [...document.querySelectorAll('.rc-result img')].every(img => img.naturalWidth)"
    page.wait_for(seen)
    page.screenshot(artifacts / f"{page.name}_42.png")
    page.evaluate(SOONER)
    page.click(".recorder button", "Record")
    page.wait_for(RECORDS_OR_REFUSES)


def test_listening(page, live_pages, artifacts):
    opened(page, live_pages, "43_listening_test")
    page.click(".lt-consent")
    page.click(".lt-go", "Begin")
    page.click(".lt-play", "Play the tones")
    assert heard(page, ".live-audio")["loudest"] > 0.02
    page.screenshot(artifacts / f"{page.name}_43.png")


def test_faces_and_loops(page, live_pages, artifacts):
    opened(page, live_pages, "44_explore_faces_and_loops")
    page.wait_to_see(".explore-faces .xf-near", "training face")
    page.wait_for("() => document.querySelector('.explore-loops .xl-wav')?.href")
    before = page.evaluate(PIXELS, ".xf-drawn canvas")
    page.click(".explore-faces input[type=range]")
    page.press(END)
    page.wait_for(f"(canvas, before) => ({PIXELS})(canvas) !== before", ".xf-drawn canvas", before)
    saved = page.evaluate(f"() => ({DECODE})({{ src: document.querySelector('.xl-wav').href }})")
    assert saved["loudest"] > 0.05
    page.click(".explore-loops button", "Play")
    page.screenshot(artifacts / f"{page.name}_44.png")


def test_an_album(page, live_pages, artifacts):
    opened(page, live_pages, "45_album")
    page.wait_to_see("audio")
    heard_of_it = page.evaluate(f"() => ({DECODE})(document.querySelector('audio'))")
    assert heard_of_it["loudest"] > 0.05
    page.wait_for("() => [...document.images].every(each => each.naturalWidth)")
    page.screenshot(artifacts / f"{page.name}_45.png")


def test_lesson(page, live_pages, artifacts):
    opened(page, live_pages, "46_learn_the_sounds")
    page.click(".lt-go", "Lesson 1")
    page.click(".ls-player")
    assert heard(page, ".live-audio")["loudest"] > 0.02
    page.wait_for("() => document.querySelector('.ls-player img').naturalWidth")
    page.screenshot(artifacts / f"{page.name}_46.png")


def test_the_start_page(page, live_pages):
    page.open(live_pages.url)
    links = page.evaluate("() => [...document.links].map(link => link.getAttribute('href'))")
    assert len(links) >= 5
    assert all(re.match(r"/\d\d_", link) for link in links)
