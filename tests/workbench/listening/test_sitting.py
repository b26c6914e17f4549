"""A sitting is what its journal says: stored at once, gone on with, and refused where tampered."""

import json

import numpy as np
import pytest
from task_folders import blind_folder, published_folder

from synvae_workbench.listening import (
    Answer,
    Session,
    begin_sitting,
    behaviour,
    export_sittings,
    load_materials,
    open_sitting,
    read_sessions,
    read_sittings,
    read_tasks,
    score,
)
from synvae_workbench.listening.journal import Stale
from synvae_workbench.listening.sitting import END, EXAMPLES, QUESTION, VOLUME


@pytest.fixture(scope="module")
def materials(tmp_path_factory):
    return load_materials(blind_folder(tmp_path_factory.mktemp("blind") / "set"))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return load_materials(published_folder(tmp_path_factory.mktemp("published") / "set"))


def answer_to(sitting, place=0, **change):
    task = sitting.tasks.tasks[len(sitting.answers)]
    return Answer(
        **({"choice": task.options[place], "seconds": 2.5, "plays": 1, "confidence": 0} | change)
    )


def prepared(folder, materials, answers=0):
    sitting = begin_sitting(folder, materials)
    sitting.check_sound(3)
    sitting.hear_examples(5)
    for _ in range(answers):
        sitting.answer(answer_to(sitting))
    return sitting


def lines(folder, sitting):
    return [
        json.loads(line)
        for line in (folder / f"{sitting.id}.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def test_every_step_is_in_the_journal(tmp_path, materials):
    sitting = begin_sitting(tmp_path, materials)
    assert sitting.stage == VOLUME
    sitting.check_sound(3)
    assert sitting.stage == EXAMPLES
    sitting.hear_examples(5)
    assert sitting.stage == QUESTION
    sitting.log("pause")
    sitting.log("resume")
    first = answer_to(sitting, 1, plays=2, confidence=2)
    sitting.answer(first)
    found = lines(tmp_path, sitting)
    kinds = ["begin", "volume", "examples", "pause", "resume", "answer"]
    assert [each["kind"] for each in found] == kinds
    assert found[0]["consent"] is True
    assert found[-1] | {"at": ""} == {"kind": "answer", "task": 0, "at": "", **first._asdict()}
    assert sorted(each["at"] for each in found) == [each["at"] for each in found]
    for _ in range(3):
        sitting.answer(answer_to(sitting))
    assert sitting.stage == END
    assert sitting.session.complete


def test_a_journal_names_nobody(tmp_path, materials):
    sitting = prepared(tmp_path, materials)
    assert set(lines(tmp_path, sitting)[0]) == {
        *("kind", "at", "consent", "name", "listener", "set")
    }
    assert len({begin_sitting(tmp_path, materials).id for _ in range(5)}) == 5


@pytest.mark.parametrize("answers", [0, 1, 3, 4])
def test_a_sitting_goes_on_where_it_was(tmp_path, materials, answers):
    before = prepared(tmp_path, materials, answers)
    after = open_sitting(tmp_path, before.id, materials)
    assert after.answers == before.answers
    assert (after.stage, after.tasks) == (before.stage, before.tasks)
    assert after.session == before.session
    assert after.session.choices.count(None) == 4 - answers


def test_a_lesson_is_noted_once_and_before_the_examples(tmp_path, materials):
    sitting = begin_sitting(tmp_path, materials)
    with pytest.raises(ValueError, match="'lesson' does not follow"):
        sitting.learn(3, 8)
    sitting.check_sound(3)
    with pytest.raises(ValueError, match="'lesson' does not follow"):
        sitting.learn(9, 8)
    sitting.learn(3, 8)
    with pytest.raises(ValueError, match="'lesson' does not follow"):
        sitting.learn(8, 8)
    assert open_sitting(tmp_path, sitting.id, materials).lesson == (3, 8)
    assert lines(tmp_path, sitting)[2] | {"at": ""} == {
        **{"kind": "lesson", "right": 3, "questions": 8, "at": ""}
    }
    assert prepared(tmp_path, materials).lesson is None


def test_a_crash_in_the_middle_of_a_line_costs_no_answer_before_it(tmp_path, materials):
    before = prepared(tmp_path, materials, 2)
    path = tmp_path / f"{before.id}.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    after = open_sitting(tmp_path, before.id, materials)
    assert after.answers == before.answers[:1]
    after.answer(answer_to(after))
    after.answer(answer_to(after))
    assert open_sitting(tmp_path, before.id, materials).answers == after.answers


def test_whoever_opened_it_last_goes_on_alone(tmp_path, materials):
    first = prepared(tmp_path, materials, 1)
    second = open_sitting(tmp_path, first.id, materials)
    with pytest.raises(Stale):
        first.answer(answer_to(first, 2))
    assert len(first.answers) == 1  # what is not stored has not happened
    second.answer(answer_to(second))
    assert open_sitting(tmp_path, first.id, materials).answers == second.answers


def test_listeners_get_the_set_that_was_served_least(tmp_path, materials):
    found = [begin_sitting(tmp_path, materials).listener for _ in range(4)]
    assert found == ["listener_0", "listener_1", "listener_2", "listener_0"]


@pytest.mark.parametrize(
    "change",
    [
        {"choice": 5},
        {"choice": True},
        {"plays": 0},
        {"plays": 1.5},
        {"seconds": -1},
        {"seconds": float("nan")},
        {"seconds": 1e9},
        {"confidence": 3},
        {"confidence": -1},
        {"confidence": "sure"},
    ],
)
def test_an_impossible_answer_is_refused_and_not_stored(tmp_path, materials, change):
    sitting = prepared(tmp_path, materials)
    size = (tmp_path / f"{sitting.id}.jsonl").stat().st_size
    with pytest.raises(ValueError, match="expected one of"):
        sitting.answer(answer_to(sitting, **change))
    assert (tmp_path / f"{sitting.id}.jsonl").stat().st_size == size
    assert not sitting.answers


def test_steps_out_of_order_are_refused(tmp_path, materials):
    sitting = begin_sitting(tmp_path, materials)
    for step in (lambda: sitting.answer(answer_to(sitting)), lambda: sitting.hear_examples(1)):
        with pytest.raises(ValueError, match="does not follow in a sitting that is at volume"):
            step()
    finished = prepared(tmp_path, materials, 4)
    with pytest.raises(ValueError, match="at end with 4 answers"):
        finished.check_sound(2)


@pytest.mark.parametrize(
    "each", ["", "../x", "0" * 16, "g" * 16, "0" * 15, "/etc/passwd", "0\n" * 8]
)
def test_a_name_that_is_no_sitting_of_the_folder_is_refused(tmp_path, materials, each):
    with pytest.raises(ValueError, match="there is no sitting"):
        open_sitting(tmp_path, each, materials)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"kind": "shell"}', "line 4: 'shell' does not follow"),
        ("{}", "line 4: None does not follow"),
        ('{"kind": "answer", "task": 1}', "line 4: 'answer' does not follow"),
        ('{"kind": "answer", "task": 0, "choice": "../x"}', "line 4: expected one of"),
        ('{"kind": "volume", "tones": 3}', "line 4: 'volume' does not follow"),
    ],
)
def test_a_journal_that_was_tampered_with_is_refused_by_name(tmp_path, materials, line, message):
    sitting = prepared(tmp_path, materials)
    path = tmp_path / f"{sitting.id}.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        open_sitting(tmp_path, sitting.id, materials)
    assert path.name in str(caught.value)
    found = read_sittings(tmp_path, materials)
    assert not found.found
    assert message.split(":")[0] in found.broken[0]


def test_sittings_of_other_sets_are_left_alone(tmp_path, materials, published):
    ours, theirs = prepared(tmp_path, materials, 4), prepared(tmp_path, published, 1)
    (tmp_path / "notes.jsonl").write_text("{}\n", encoding="utf-8")
    found = read_sittings(tmp_path, materials)
    assert (list(found.found), found.others, found.broken) == ([ours.id], 1, ())
    assert list(found.finished) == [ours.id]
    assert not read_sittings(tmp_path, published).finished
    with pytest.raises(ValueError, match="another task set"):
        open_sitting(tmp_path, theirs.id, materials)
    assert read_sittings(tmp_path / "none", materials).found == {}


def test_what_was_chosen_goes_to_syneval_and_back(tmp_path, materials):
    sittings = [prepared(tmp_path / "sittings", materials, 4) for _ in range(3)]
    found = read_sittings(tmp_path / "sittings", materials)
    export_sittings(tmp_path, found.finished)
    sets = {path.stem: read_tasks(path) for path in (tmp_path / "served").glob("*.json")}
    sessions = read_sessions(tmp_path / "results", sets)
    assert sessions == {each.id: each.session for each in sittings}
    again = score(list(sessions.values()), materials.key)
    assert again.overall == score([each.session for each in sittings], materials.key).overall


def test_behaviour_is_of_all_answers(tmp_path, published):
    sitting = prepared(tmp_path, published)
    right = sitting.tasks.tasks[0].truth
    sitting.answer(answer_to(sitting, right, seconds=2, plays=1, confidence=2))
    sitting.answer(answer_to(sitting, 1, seconds=5, plays=4, confidence=0))
    assert behaviour([sitting]) == {
        "median_seconds": 3.5,
        "mean_plays": 2.5,
        "accuracy_when_a_guess": 0.0,
        "accuracy_when_sure": 1.0,
    }
    sitting, learner = prepared(tmp_path, published, 1), begin_sitting(tmp_path, published)
    learner.check_sound(2)
    learner.learn(3, 4)
    found = behaviour([sitting, learner])
    assert (found["learnt_first"], found["lesson_accuracy"]) == (0.5, 0.75)
    with pytest.raises(ValueError, match="no answers yet"):
        behaviour([begin_sitting(tmp_path, published)])


def test_numbers_of_numpy_are_stored_as_numbers(tmp_path, published):
    sitting = prepared(tmp_path, published)
    sitting.answer(answer_to(sitting, seconds=float(np.float64(1.5))))
    assert isinstance(sitting.session, Session)
    assert lines(tmp_path, sitting)[-1]["seconds"] == 1.5
