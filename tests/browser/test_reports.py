"""A report as a person meets it: a file, opened where there is no network."""

import subprocess
import sys

import numpy as np
import pytest
from heard import DECODE

from synvae_core.music.sound import Sound
from synvae_workbench.live.players import audio_player, roll_picture

NOTEBOOK = "42_say_it_see_it_hear_it.ipynb"


@pytest.fixture(scope="module")
def report(tree, environment):
    """What the command line leaves; in a process of its own, as Playwright may run in this one."""
    command = [sys.executable, "-m", "synvae_workbench", "run", str(tree / "notebooks" / NOTEBOOK)]
    command += ["-p", "SMOKE", "true", "--name", "browsed"]
    subprocess.run(command, env=environment, cwd=tree, check=True, capture_output=True)
    return tree / "reports" / "browsed.html"


def test_a_report_shows_and_plays_with_the_network_cut_off(report, new_page, sound_of, artifacts):
    page = new_page(allowed=report.as_uri())
    page.context.set_offline(True)
    page.goto(report.as_uri())
    assert page.title()
    sounds = page.locator("audio")
    assert sounds.count() >= 6, "three digits, spoken and played"
    for audio in sounds.all():
        sound = sound_of(audio)
        assert sound.seconds > 0.1
        assert sound.loudest > 0.01
    for picture in page.locator("img").all():
        assert picture.evaluate("img => img.complete && img.naturalWidth > 0")
    page.screenshot(path=artifacts / "report.png")
    page.set_viewport_size({"width": 600, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "fits 600 pixels"
    page.screenshot(path=artifacts / "report_600.png")
    page.context.close()


def test_a_report_plays_in_firefox_and_webkit(report, other_browser, artifacts):
    page = other_browser
    page.open(report.as_uri())
    page.click("h1")  # a browser plays nothing to who has touched nothing
    page.hear_complaints()
    page.evaluate("() => document.querySelector('audio').play()")
    page.wait_for("() => document.querySelector('audio').currentTime > .1")  # a short word
    loudest = page.evaluate(f"""async () => Promise.all([...document.querySelectorAll("audio")].map(
      async audio => (await ({DECODE})(audio)).loudest))""")
    assert len(loudest) >= 6
    assert min(loudest) > 0.01
    assert page.evaluate("() => [...document.images].every(each => each.naturalWidth)")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert not page.complaints()
    page.screenshot(artifacts / f"{page.name}_report.png")


def test_a_cursor_runs_along_the_roll(new_page):
    melody = np.array([41, 0, 43, 0, 45, 0, 46, 0] * 4)
    roll = roll_picture(melody, "piano roll")
    html = audio_player(melody, label="tune", pictures=[roll], sound=Sound(qpm=60)).data
    page = new_page()
    page.set_content(html)
    cursor, audio = page.locator("[data-seconds]"), page.locator("audio")
    assert cursor.is_hidden()
    audio.evaluate("audio => { audio.currentTime = 5 }")
    place = "(node) => parseFloat(node.style.left)"
    cursor.wait_for(state="visible")
    assert cursor.evaluate(place) == pytest.approx(62.5)
    page.emulate_media(reduced_motion="reduce")
    audio.evaluate("audio => { audio.currentTime = 6 }")
    page.wait_for_function("document.querySelector('[data-seconds]').style.left === '50%'")
    page.context.close()
