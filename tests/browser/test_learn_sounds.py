"""A person takes a lesson by keyboard alone, and hears nothing that was not asked for."""

import re

from axe import violations
from spoken_pages import Ear
from telephones import TELEPHONE, check_on_a_telephone, check_on_paper

NOTEBOOK = "46_learn_the_sounds.ipynb"
QUESTIONS = 4  # of a smoke run
FOCUS = "document.activeElement.textContent"


def at(page, screen, heading):
    root = page.locator(f".listening[data-screen={screen}]")
    root.get_by_role("heading", name=heading).wait_for()
    return root


def play(page, key):
    page.keyboard.press(key)
    page.locator(".listening [data-playing]").wait_for()


def test_a_lesson_from_its_menu_to_its_result(voila, artifacts, sound_of):
    page = voila(NOTEBOOK, context=TELEPHONE)
    check_on_a_telephone(page)
    at(page, "menu", "What does a picture sound like?").focus()
    assert not violations(page)
    ear = Ear(page)
    ear.outline()
    ear.press("Enter")
    ear.outline()
    ear.compare("46_learn_the_sounds")
    assert not violations(page)
    step = at(page, "step", re.compile("Sound 1 of"))
    assert page.locator("audio").evaluate("audio => audio.paused"), "nothing plays by itself"
    assert page.evaluate(FOCUS).startswith("Sound 1 of"), "what is new has the focus"
    play(page, "1")
    lower = sound_of(page.locator(".listening audio"))
    play(page, "2")
    assert sound_of(page.locator(".listening audio")) != lower
    check_on_a_telephone(page)
    (artifacts / "lesson.pdf").write_bytes(check_on_paper(page, sounds=False))
    step.screenshot(path=artifacts / "lesson_step_390.png")
    sounds = int(re.search("of ([0-9]+)", step.get_by_role("heading").inner_text())[1])
    for number in range(2, sounds + 1):
        page.keyboard.press("Enter")
        at(page, "step", re.compile(f"Sound {number} of"))
    page.keyboard.press("b")
    at(page, "step", re.compile(f"Sound {sounds - 1} of"))
    page.keyboard.press("q")
    right = 0
    for number in range(1, QUESTIONS + 1):
        question = at(page, "try", f"Question {number} of {QUESTIONS}")
        page.keyboard.press("Enter")
        refused = question.get_by_role("alert").inner_text()
        assert refused == "Play the melody first: tap its button."
        play(page, "Space")
        page.keyboard.press("1")
        assert question.get_by_role("radio").first.is_checked()
        if number == 1:
            page.emulate_media(color_scheme="dark")
            assert not violations(page)
        check_on_a_telephone(page)
        question.screenshot(path=artifacts / "lesson_question_390.png")
        page.keyboard.press("Enter")
        answer = at(page, "shown", re.compile("Right: it was|No, it was"))
        right += answer.get_by_role("heading").inner_text().startswith("Right")
        assert f"{number} of {QUESTIONS} answered, {right} right." in answer.inner_text()
        assert page.evaluate(FOCUS) == answer.get_by_role("heading").inner_text()
        for key in ("1", "2"):
            play(page, key)
        if number == 1:
            assert not violations(page)
        check_on_a_telephone(page)
        answer.screenshot(path=artifacts / "lesson_answer_390.png")
        page.keyboard.press("Enter")
    end = at(page, "learnt", f"{right} of {QUESTIONS} right")
    end.screenshot(path=artifacts / "lesson_end_390.png")
    page.keyboard.press("n")
    at(page, "try", f"Question 1 of {QUESTIONS}")
