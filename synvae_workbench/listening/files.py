"""Files of listening tests in Syneval's format, read as if a stranger had sent them.

Syneval (the web application of Müller-Eberstein & van Noord 2019, arXiv 1909.01218) serves a task
set from a JSON file, each datum from `ID_orig.png` and `ID_audio.wav`, and writes a JSON list for
each listener: of each task the id that was chosen, or null. To serve one, save the task file as
Syneval's `app/config.json`, and beside `app/` the media as `data/` and an empty folder `results/`.
The key of a blind design is a file of its own; keep it away from the media.
"""

import secrets
import wave
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer, UInt8

from synvae_core.atomic import make_folder, replace_when_written, write_json
from synvae_core.music.render import SAMPLE_RATE
from synvae_core.music.sound import PIANO, Sound
from synvae_core.places import whole_path
from synvae_core.small_files import read_json
from synvae_workbench.data.pictures.files import as_image
from synvae_workbench.listening.design import Key
from synvae_workbench.listening.scoring import Session
from synvae_workbench.listening.tasks import LARGEST_ID, Task, TaskSet, short_repr

REQUIRED = ("name", "classes", "examples", "tasks")
KINDS = {dict: "an object", list: "a list", str: "text", int: "a whole number"}
OPTIONAL = ("code", "disclaimer", "data_path", "result_path")


def write_tasks(path: str | Path, task_set: TaskSet) -> None:
    """Writes a task set as Syneval reads it, with a new key that signs the sessions it serves."""
    content = asdict(task_set) | {"SECRET_KEY": secrets.token_hex(32)}
    if not task_set.disclaimer:
        del content["disclaimer"]
    write_json(Path(path), content)


def read_tasks(path: str | Path) -> TaskSet:
    """Reads a task set; fields that Syneval alone needs, such as SECRET_KEY, are left out.

    An empty `code`, which earlier versions wrote, is the default.

    Raises:
        ValueError: naming the file and the field, if anything is not as Syneval writes it.
    """
    content = read_json(Path(path), object)
    try:
        _expect(content, dict, "the whole")
        absent = [field for field in REQUIRED if field not in content]
        if absent:
            raise ValueError(f"{absent[0]}: missing")
        texts = {
            field: _expect(content[field], str, field)
            for field in ("name", *OPTIONAL)
            if field in content and not (field == "code" and content[field] == "")
        }
        return TaskSet(
            classes=_parse_list("classes", content["classes"], str),
            examples=_parse_list("examples", content["examples"], int),
            tasks=tuple(
                _parse_task(f"tasks[{index}]", task)
                for index, task in enumerate(_expect(content["tasks"], list, "tasks"))
            ),
            **texts,
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def write_results(path: str | Path, session: Session) -> None:
    """Writes a listener's choices, as Syneval writes them."""
    write_json(Path(path), list(session.choices))


def read_results(path: str | Path, task_set: TaskSet) -> Session:
    """Reads a listener's choices in a task set.

    Raises:
        ValueError: naming the file and the task, unless there is for each task null or the id of
            one of its options.
    """
    content = read_json(Path(path), object)
    try:
        return Session(
            task_set,
            tuple(
                each if each is None else _expect(each, int, f"choice {index}")
                for index, each in enumerate(_expect(content, list, "the whole"))
            ),
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_served(path: str | Path) -> TaskSet | dict[str, TaskSet]:
    """Reads what was served: a task file, or those of a folder by the name of each listener.

    Raises:
        ValueError: if the folder has none, or as `read_tasks`.
    """
    path = whole_path(path)
    if not path.is_dir():
        return read_tasks(path)
    served = {file.stem: read_tasks(file) for file in sorted(path.glob("[!.]*.json"))}
    if not served:
        raise ValueError(f"{path} has no task files: expected NAME.json of each listener")
    return served


def read_sessions(
    folder: str | Path, task_sets: TaskSet | Mapping[str, TaskSet]
) -> dict[str, Session]:
    """Reads all result files `NAME.json` of a folder, by name.

    Args:
        task_sets: the task set that all listeners had, or that of each by name.

    Raises:
        ValueError: if there is none, if nothing was served to a name, or as `read_results`.
    """
    folder = whole_path(folder)
    paths = {path.stem: path for path in sorted(folder.glob("[!.]*.json"))}
    if not paths:
        raise ValueError(f"{folder} has no result files: expected NAME.json of each listener")
    if isinstance(task_sets, TaskSet):
        task_sets = dict.fromkeys(paths, task_sets)
    strange = [name for name in paths if name not in task_sets]
    if strange:
        raise ValueError(
            f"{paths[strange[0]]}: nothing was served to this name; expected one of "
            f"{', '.join(list(task_sets)[:3])} ..."
        )
    return {name: read_results(path, task_sets[name]) for name, path in paths.items()}


def write_key(path: str | Path, key: Key) -> None:
    """Writes the key of a blind design."""
    ids = {str(each): [key.sources[each], key.labels[each]] for each in key.sources}
    write_json(Path(path), {"ids": ids, "catch": key.catch, "seed": key.seed})


def read_key(path: str | Path) -> Key:
    """Reads the key of a blind design.

    Raises:
        ValueError: naming the file and the field that is not as `write_key` writes it.
    """
    path = whole_path(path)
    content = read_json(path, object)
    try:
        _expect(content, dict, "the whole")
        ids = _expect(content.get("ids"), dict, "ids")
        pairs = {
            _parse_id(f"ids.{each[:20]}", each): _parse_pair(each, pair)
            for each, pair in ids.items()
        }
        catch = _parse_list("catch", content.get("catch"), int)
        return Key(
            {each: source for each, (source, _) in pairs.items()},
            {each: label for each, (_, label) in pairs.items()},
            catch,
            _parse_number("seed", content.get("seed")),
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def write_media(
    folder: str | Path,
    sources: Mapping[int, int],
    images: UInt8[np.ndarray, "n c h w"],
    melodies: Integer[np.ndarray, "m t"],
    *,
    sound: Sound = PIANO,
) -> None:
    """Writes `ID_orig.png` and `ID_audio.wav`, 16 bits mono, of every id of a task set.

    Args:
        sources: by id, the position among the pictures; of a published set an id is its position.
        images: grey or colour.
        melodies: event ids, as they were heard.
        sound: how a melody is played.

    Raises:
        ValueError: if a position is not among the pictures, or there are not as many melodies.
    """
    if len(images) != len(melodies):
        raise ValueError(f"got {len(images)} pictures and {len(melodies)} melodies")
    folder = make_folder(Path(folder))
    for each, source in sources.items():
        _parse_number("sources", each)  # the file is called after it
        if not 0 <= source < len(images):
            raise ValueError(f"sources[{each}] is {source}: expected 0 to {len(images) - 1}")
        with replace_when_written(folder / f"{each}_orig.png") as part:
            as_image(images[source]).save(part, "PNG")
        _write_wav(folder / f"{each}_audio.wav", sound.render(melodies[source]))


def _write_wav(path: Path, waveform: np.ndarray) -> None:
    with replace_when_written(path) as part, wave.open(str(part), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.round(waveform * 32767).astype("<i2").tobytes())


def _parse_task(field: str, content: Any) -> Task:
    _expect(content, dict, field)
    if "truth" not in content or "options" not in content:
        raise ValueError(f"{field}: expected `truth` and `options`")
    options = _parse_list(f"{field}.options", content["options"], int)
    truth = _expect(content["truth"], int, f"{field}.truth")
    try:
        return Task(truth, options)
    except ValueError as error:
        raise ValueError(f"{field}.{error}") from error


def _parse_pair(each: str, pair: Any) -> tuple[int, int]:
    field = f"ids.{each[:20]}"
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError(f"{field}: expected a position and a class")
    return _parse_number(field, pair[0]), _parse_number(field, pair[1])


def _parse_id(field: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and str(int(text)) == text):
        raise ValueError(f"{field}: expected a whole number as id")
    return _parse_number(field, int(text))


def _parse_number(field: str, value: Any) -> int:
    if not 0 <= _expect(value, int, field) <= LARGEST_ID:
        raise ValueError(f"{field}: expected a whole number from 0 to {LARGEST_ID}")
    return value


def _parse_list(field: str, values: Any, kind: type) -> tuple:
    _expect(values, list, field)
    return tuple(_expect(each, kind, f"{field}[{i}]") for i, each in enumerate(values))


def _expect(value: Any, kind: type, field: str) -> Any:
    """The value, if it is of that kind; JSON's true is no number, though Python's is."""
    if type(value) is not kind:
        raise ValueError(f"{field}: expected {KINDS[kind]}, got {short_repr(value)}")
    return value
