"""An album's page in a browser: it plays in order, loads what is seen, and anyone can use it."""

import numpy as np
import pytest
from axe import violations
from PIL import Image

from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import midi_bytes
from synvae_workbench.album.ledger import Found, Outcome, writing
from synvae_workbench.album_page.write import write_album_page

COUNT = 40


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Page of an album whose pictures and sounds, which are all the same, lie beside it."""
    folder = tmp_path_factory.mktemp("pages")
    album, picture = folder / "album", folder / "picture.png"
    Image.fromarray(np.full((30, 40, 3), 90, np.uint8)).save(picture)
    found = []
    for number in range(COUNT):
        found.append(Found(f"<i>{number:02d}</i>.png", folder / f"{number}.png", 1, 1))
        found[-1].source.symlink_to(picture)
    with writing(album, {"makes": "melodies", "model": ""}) as ledger:
        ledger.add(found, ".mid")
        waiting = ledger.waiting(0, COUNT)
        for entry in waiting:
            events = np.zeros(32, np.int64)
            events[::4] = 40 + entry.number % 7
            midi = entry.file(album, ".mid")
            midi.parent.mkdir(parents=True, exist_ok=True)
            midi.write_bytes(midi_bytes(ONE_VOICE.canonical(events)))
        ledger.record(Outcome(entry.number, {"steps": 32}) for entry in waiting)
    return write_album_page(album, order="ear", embedded=10).path


@pytest.fixture
def page(browser, path):
    """The page, and the addresses that it asks for."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(path.as_uri())
    yield page
    page.close()


def until(page, expression):
    """Waits until an expression is true; the page's own policy forbids `wait_for_function`."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{expression} stays false: {page.locator('#now').inner_text()}")


def test_nothing_is_loaded_before_it_is_seen_or_played(page):
    assert not [each for each in page.asked if each.endswith((".mp3", ".mid"))]
    assert page.locator("ol.album > li").count() == COUNT
    page.locator("ol.album button").first.click()
    until(page, "sound.currentTime > 0")
    assert len({each for each in page.asked if each.endswith(".mp3")}) == 1
    assert all(each.startswith("file://") for each in page.asked)
    until(page, "list.querySelector('img').naturalWidth > 0")


def test_entries_are_played_in_the_order_that_is_chosen(page):
    page.select_option("#order", "name")
    assert page.locator("ol.album > li h2").first.text_content() == "<i>00</i>.png"
    page.locator("#all").focus()
    page.keyboard.press("Enter")
    until(page, "!sound.paused")
    assert page.locator("#now").inner_text() == f"1 of {COUNT}: <i>00</i>.png"
    assert page.locator("#all").get_attribute("aria-pressed") == "true"
    until(page, "now.textContent.startsWith('2 of')")
    assert page.locator("[aria-current] h2").text_content() == "<i>01</i>.png"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_an_album_has_no_violations(page, scheme):
    page.emulate_media(color_scheme=scheme)
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_on_paper_three_fit_beside_each_other_and_nothing_is_cut(page):
    page.set_viewport_size({"width": 680, "height": 960})  # A4 less its margins
    page.emulate_media(media="print")
    across = """() => [...document.querySelectorAll(".album > li")].slice(0, 4)
        .map((entry) => entry.getBoundingClientRect())
        .map((box) => [box.left, box.right, box.top])"""
    (left, _, top), _, (_, right, last), (_, _, below) = page.evaluate(across)
    assert 0 < left < 10
    assert 670 < right < 680
    assert top == last < below
    assert page.locator(".controls").is_hidden()
