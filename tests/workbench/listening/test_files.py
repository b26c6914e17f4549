"""Files of Syneval: written, read back, and refused where a stranger has tampered with them."""

import dataclasses
import json
import wave

import numpy as np
import pytest
from PIL import Image

from synvae_core.music.render import sine_synthesiser
from synvae_core.music.sound import Sound
from synvae_core.small_files import MAX_JSON_BYTES
from synvae_workbench.listening import (
    Key,
    Session,
    Task,
    TaskSet,
    read_key,
    read_results,
    read_sessions,
    read_tasks,
    write_key,
    write_media,
    write_results,
    write_tasks,
)

SET = TaskSet(
    "Digits",
    ("0", "1", "4"),
    (10, 11, 12),
    (Task(0, (3, 4, 5)), Task(2, (6, 7, 8))),
    disclaimer="Headphones, please.",
)
KEY = Key({11: 0, 12: 5}, {11: 1, 12: 0}, (12,), 7)


def saved(tmp_path, content):
    path = tmp_path / "file.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_task_set_is_written_as_syneval_reads_it(tmp_path):
    write_tasks(tmp_path / "tasks.json", SET)
    content = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert content["tasks"] == [
        {"truth": 0, "options": [3, 4, 5]},
        {"truth": 2, "options": [6, 7, 8]},
    ]
    assert content["examples"] == [10, 11, 12]
    assert content["classes"] == ["0", "1", "4"]
    assert read_tasks(tmp_path / "tasks.json") == SET


# As its README and its code have it (github.com/personads/syneval, at 1f46441).
SYNEVAL = {
    "name": str,
    "code": str,  # asked for at the login, lower case
    "disclaimer": str,  # optional
    "data_path": str,  # from app/
    "result_path": str,
    "SECRET_KEY": str,  # Flask's: without it, the login answers 500
    "classes": list,
    "examples": list,
    "tasks": list,
}


def test_a_task_file_is_syneval_s_configuration_to_the_letter(tmp_path):
    keys = set()
    for made in (SET, dataclasses.replace(SET, disclaimer="")):
        write_tasks(tmp_path / "config.json", made)
        content = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
        needed = SYNEVAL.keys() - ({"disclaimer"} if not made.disclaimer else set())
        assert content.keys() == needed
        for field in needed:
            assert type(content[field]) is SYNEVAL[field] and content[field]
        assert len(content["examples"]) % len(content["classes"]) == 0
        for task in content["tasks"]:
            # the audio of a task is that of options[truth]; an option's picture is ID_orig.png
            assert len(task["options"]) == len(content["classes"]) == 3
            assert {type(each) for each in (task["truth"], *task["options"])} == {int}
            assert 0 <= task["truth"] < 3
        keys.add(content["SECRET_KEY"])
    assert len(keys) == 2 and all(len(bytes.fromhex(key)) == 32 for key in keys)


def test_nobody_is_asked_for_a_code_of_nothing(tmp_path):
    with pytest.raises(ValueError, match="code: expected text of 1 to"):
        dataclasses.replace(SET, code="")
    write_tasks(tmp_path / "tasks.json", SET)
    old = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8")) | {"code": ""}
    assert read_tasks(saved(tmp_path, old)) == SET


def test_what_syneval_alone_needs_is_passed_over(tmp_path):
    write_tasks(tmp_path / "tasks.json", SET)
    content = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    del content["disclaimer"], content["code"]
    path = saved(tmp_path, content | {"SECRET_KEY": "s", "debug": True})
    assert read_tasks(path).disclaimer == ""


def good():
    return {
        "name": "n",
        "classes": ["a", "b", "c"],
        "examples": [0, 1, 2],
        "tasks": [{"truth": 0, "options": [3, 4, 5]}],
    }


def with_task(**change):
    return good() | {"tasks": [{"truth": 0, "options": [3, 4, 5]} | change]}


HOSTILE_TASKS = {
    "path as an id": (
        with_task(options=["../x", 4, 5]),
        r"tasks\[0\].options\[0\]: expected a whole",
    ),
    "path as an example": (
        good() | {"examples": [0, "/etc/passwd", 2]},
        r"examples\[1\]: expected a whole",
    ),
    "truth out of range": (with_task(truth=3), r"tasks\[0\].truth: expected an index from 0 to 2"),
    "negative truth": (with_task(truth=-1), r"tasks\[0\].truth"),
    "truth is a boolean": (with_task(truth=True), r"tasks\[0\].truth"),
    "truth is a number with a point": (with_task(truth=1.0), r"tasks\[0\].truth"),
    "huge id": (with_task(options=[10**30, 4, 5]), r"tasks\[0\].options\[0\]"),
    "id twice": (with_task(options=[4, 4, 5]), r"tasks\[0\].options: expected different"),
    "two options": (with_task(options=[4, 5]), r"tasks\[0\].options: expected 3"),
    "options are an object": (with_task(options={"a": 1}), r"tasks\[0\].options: expected a list"),
    "no truth": (good() | {"tasks": [{"options": [3, 4, 5]}]}, r"tasks\[0\]: expected `truth`"),
    "task is a list": (good() | {"tasks": [[0, 3, 4, 5]]}, r"tasks\[0\]: expected an object"),
    "tasks are text": (good() | {"tasks": "abc"}, "tasks: expected a list"),
    "no classes": ({**good(), "classes": None}, "classes: expected a list"),
    "class is a number": (good() | {"classes": ["a", 1, "c"]}, r"classes\[1\]: expected text"),
    "name is a list": (good() | {"name": ["n"]}, "name: expected text"),
    "code is a number": (good() | {"code": 5}, "code: expected text"),
    "examples missing": ({k: v for k, v in good().items() if k != "examples"}, "examples: missing"),
    "a list": ([good()], "the whole: expected an object"),
    "no JSON": ("{", "is not JSON"),
    "deep": ("[" * 200_000, "is not JSON"),
    "endless number": ('{"name": ' + "9" * 5000 + "}", "is not JSON"),
}


@pytest.mark.parametrize("case", HOSTILE_TASKS)
def test_hostile_task_files_are_refused_by_name_and_field(case, tmp_path):
    content, message = HOSTILE_TASKS[case]
    with pytest.raises(ValueError, match=message) as caught:
        read_tasks(saved(tmp_path, content))
    assert "file.json" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_files_that_are_none_or_huge_or_no_text_are_refused(tmp_path):
    with pytest.raises(ValueError, match="is no regular file"):
        read_tasks(tmp_path)
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not JSON"):
        read_tasks(tmp_path / "bytes.json")
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(MAX_JSON_BYTES + 1)
    with pytest.raises(ValueError, match="10,000,001 bytes"):
        read_tasks(tmp_path / "huge.json")


def test_results_come_back(tmp_path):
    session = Session(SET, (4, None))
    write_results(tmp_path / "abc.json", session)
    assert json.loads((tmp_path / "abc.json").read_text(encoding="utf-8")) == [4, None]
    assert read_results(tmp_path / "abc.json", SET) == session
    (tmp_path / "._abc.json").write_bytes(b"\0\5\x16\7")  # as macOS leaves beside a copied file
    assert read_sessions(tmp_path, SET) == {"abc": session}
    assert read_sessions(tmp_path, {"abc": SET, "def": SET}) == {"abc": session}
    with pytest.raises(ValueError, match=r"abc\.json: nothing was served to this name"):
        read_sessions(tmp_path, {"def": SET})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([4], "expected a choice for each of 2 tasks, got 1"),
        ([4, 5], "choice 1: expected null or one of"),
        (["../x", 6], "choice 0"),
        ([True, 6], "choice 0"),
        ([3.0, 6], "choice 0"),
        ([[3], 6], "choice 0"),
        ({"0": 3}, "expected a list"),
        ("null", "expected a list"),
    ],
)
def test_hostile_results_are_refused_by_name_and_task(content, message, tmp_path):
    with pytest.raises(ValueError, match=message) as caught:
        read_results(saved(tmp_path, content), SET)
    assert "file.json" in str(caught.value)


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no result files"):
        read_sessions(tmp_path, SET)


def test_the_key_comes_back(tmp_path):
    write_key(tmp_path / "key.json", KEY)
    assert read_key(tmp_path / "key.json") == KEY


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"ids": {"../x": [0, 1]}, "catch": [], "seed": 0}, r"ids\.\.\./x: expected a whole"),
        ({"ids": {"007": [0, 1]}, "catch": [], "seed": 0}, "ids.007"),
        ({"ids": {"7": 0}, "catch": [], "seed": 0}, "ids.7: expected a position and a class"),
        ({"ids": {"7": [0, "b"]}, "catch": [], "seed": 0}, "ids.7"),
        ({"ids": {"7": [0, 1]}, "catch": [9], "seed": 0}, "catch: id 9"),
        ({"ids": {"7": [0, 1]}, "catch": ["7"], "seed": 0}, r"catch\[0\]"),
        ({"ids": {"7": [0, 1]}, "catch": None, "seed": 0}, "catch: expected a list"),
        ({"ids": {"7": [0, 1]}, "catch": []}, "seed"),
        ({"ids": [], "catch": [], "seed": 0}, "ids: expected an object"),
        ([], "the whole"),
    ],
)
def test_hostile_keys_are_refused_by_name_and_field(content, message, tmp_path):
    with pytest.raises(ValueError, match=message) as caught:
        read_key(saved(tmp_path, content))
    assert "file.json" in str(caught.value)


@pytest.mark.parametrize("channels", [1, 3])
def test_media_are_the_picture_and_its_melody(channels, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, channels, 28, 28), dtype=np.uint8)
    melodies = np.array([[41, 0, 43, 0] * 8, [45, 0, 0, 0] * 8])
    write_media(tmp_path, {77: 1}, images, melodies, sound=Sound(synthesiser=sine_synthesiser()))
    assert {path.name for path in tmp_path.iterdir()} == {"77_orig.png", "77_audio.wav"}
    picture = np.asarray(Image.open(tmp_path / "77_orig.png"))
    assert (picture.reshape(28, 28, channels) == images[1].transpose(1, 2, 0)).all()
    with wave.open(str(tmp_path / "77_audio.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
        spectrum = np.abs(np.fft.rfft(samples))
        pitch = np.fft.rfftfreq(len(samples), 1 / file.getframerate())[spectrum.argmax()]
    assert 4 < len(samples) / 32_000 < 6
    # event 45 is pitch 45 - 2 + 21 = 64, E4
    assert pitch == pytest.approx(329.6, abs=2)


@pytest.mark.parametrize(
    ("sources", "count", "message"),
    [
        ({-3: 0}, 1, "sources: expected a whole number"),
        ({3: 1}, 1, r"sources\[3\] is 1"),
        ({3: 0}, 2, "1 pictures and 2 melodies"),
    ],
)
def test_media_without_a_plain_name_or_source_are_refused(sources, count, message, tmp_path):
    images = np.zeros((1, 1, 28, 28), np.uint8)
    with pytest.raises(ValueError, match=message):
        write_media(tmp_path / "m", dict(sources), images, np.zeros((count, 32), np.int64))
    assert not list(tmp_path.rglob("*.png"))
