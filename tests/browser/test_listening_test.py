"""A person takes the listening test, by keyboard alone, and the kernel dies in the middle of it."""

import json

import pytest
from axe import violations
from spoken_pages import Ear
from telephones import TELEPHONE, check_on_a_telephone, check_on_paper

NOTEBOOK = "43_listening_test.ipynb"
QUESTIONS = 4  # of a smoke run, catch trial included
# How often a sound gets loud: what a person counts in the sound check.
ONSETS = """async audio => {
  const bytes = await (await fetch(audio.src)).arrayBuffer();
  const sound = await new OfflineAudioContext(1, 1, 32000).decodeAudioData(bytes);
  const data = sound.getChannelData(0), block = Math.floor(sound.sampleRate / 20);
  let onsets = 0, before = 0;
  for (let start = 0; start < data.length; start += block) {
    const peak = data.slice(start, start + block).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    if (peak > 1.6 * before + .02) onsets += 1;
    before = peak;
  }
  return onsets;
}"""


def at(page, screen):
    root = page.locator(f".listening[data-screen={screen}]")
    root.wait_for()
    return root


def play(page):
    page.keyboard.press("Space")
    page.locator(".listening [data-playing]").wait_for()


def begin(page, press):
    at(page, "welcome").get_by_role("checkbox").focus()
    press("Space")
    press("Enter")
    at(page, "volume")


def to_questions(page):
    begin(page, page.keyboard.press)
    to_examples(page)


def to_examples(page):
    play(page)
    page.keyboard.press(str(page.locator(".listening audio").evaluate(ONSETS)))
    at(page, "examples")
    play(page)
    page.keyboard.press("Enter")
    at(page, "question")


def answer(page, number, *, place="1"):
    at(page, "question").get_by_role("heading", name=f"Question {number} of").wait_for()
    play(page)
    for key in (place, "s", "Enter"):
        page.keyboard.press(key)
    page.locator(".lt-status", has_text="Saved.").wait_for()


def answers(tree):
    """Of each sitting, in the order in which they began, the answers that are on the disk."""
    found = []
    for path in (tree / "runs").glob("listening_test_smoke/sittings/*.jsonl"):
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        answered = [each for each in records if each["kind"] == "answer"]
        found.append((records[0]["at"], path.stem, answered))
    return [(name, each) for _, name, each in sorted(found)]


@pytest.fixture(autouse=True)
def no_sittings(tree):
    for path in (tree / "runs").glob("listening_test_smoke/sittings/*.jsonl"):
        path.unlink()


def test_a_restart_of_the_kernel_loses_no_answer(lab, tree, artifacts, sound_of):
    page = lab(NOTEBOOK, SMOKE=True)
    at(page, "welcome").screenshot(path=artifacts / "listening_welcome.png")
    to_questions(page)
    play(page)
    sound = sound_of(page.locator(".listening audio"))
    assert 4 < sound.seconds < 6
    assert sound.loudest > 0.02
    at(page, "question").screenshot(path=artifacts / "listening_question.png")
    page.keyboard.press("Space")
    answer(page, 1)
    answer(page, 2, place="3")
    ((_, before),) = answers(tree)
    assert [each["plays"] for each in before] == [1, 1], "what was paused went on"
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    at(page, "question").get_by_role("heading", name="Question 3 of").wait_for()
    page.locator(".listening").focus()
    for number in range(3, QUESTIONS + 1):
        answer(page, number)
    end = at(page, "end")
    end.screenshot(path=artifacts / "listening_end.png")
    ((name, after),) = answers(tree)
    assert after[:2] == before
    assert [each["task"] for each in after] == [*range(QUESTIONS)]
    with page.expect_download() as saved:
        end.get_by_role("link").click()
    chosen = [each["choice"] for each in after]
    assert json.loads(saved.value.path().read_text(encoding="utf-8")) == chosen
    result = tree / "runs" / "listening_test_smoke" / "results" / f"{name}.json"
    assert json.loads(result.read_text(encoding="utf-8")) == chosen


def test_two_people_at_two_pages_do_not_mix_answers(voila, tree, artifacts):
    first, second = voila(NOTEBOOK), voila(NOTEBOOK, context=TELEPHONE)
    for page in (first, second):
        at(page, "welcome")
    check_on_a_telephone(second)
    ear = Ear(first)
    ear.outline()
    assert not violations(first)
    begin(first, ear.press)
    ear.outline()
    ear.press("Enter")
    play(first)
    first.keyboard.press("Escape")
    assert first.locator(".listening audio").evaluate("audio => audio.paused")
    ear.compare("43_listening_test")
    to_examples(first)
    for scheme in ("dark", "light"):
        first.emulate_media(color_scheme=scheme)
        assert not violations(first)
    to_questions(second)
    check_on_a_telephone(second)
    keys = [page.locator(".lt-keys").inner_text() for page in (first, second)]
    assert keys[0].startswith("Keys: space plays")
    assert keys[1].startswith("Tap the melody")
    second.keyboard.press("Enter")
    second.get_by_text("Play the melody first: tap its button.").wait_for()
    check_on_paper(second, sounds=False)
    answer(first, 1, place="1")
    answer(second, 1, place="3")
    answer(first, 2, place="1")
    second.keyboard.press("p")
    second.get_by_role("heading", name="Paused").wait_for()
    second.screenshot(path=artifacts / "listening_paused_telephone.png")
    first.screenshot(path=artifacts / "listening_voila.png", full_page=True)
    found = [each for _, each in answers(tree)]
    assert [len(each) for each in found] == [2, 1]
