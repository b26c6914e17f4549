"""Near-duplicates, split and cache of the melody corpus."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from synvae_core.music.melody import FIRST_NOTE, ONE_VOICE
from synvae_workbench.data.melodies import abc_corpus as melodies
from synvae_workbench.data.melodies.abc import Bar, Tune, TuneNote, parse_tunebook
from synvae_workbench.data.melodies.abc_corpus import build_corpus, load_abc
from synvae_workbench.data.melodies.near_duplicates import relative_to_first_note
from synvae_workbench.data.options import CorpusOptions


def random_tune(rng: np.random.Generator, reference: str) -> Tune:
    """Eight bars of random eighths and quarters out of one octave."""
    notes = []
    for bar in range(8):
        time = 0
        while time < 8:
            length = min(int(rng.choice([1, 1, 2])), 8 - time)
            pitch = 60 + int(rng.choice([0, 2, 4, 5, 7, 9, 11]))
            notes.append(TuneNote(4 * bar + Fraction(time, 2), Fraction(length, 2), pitch))
            time += length
    bars = tuple(Bar(Fraction(4 * bar), Fraction(4), (4, 4)) for bar in range(8))
    return Tune("tune", reference, "planted", "C", tuple(notes), bars)


def variant(rng: np.random.Generator, tune: Tune, reference: str, *, changes: int) -> Tune:
    """The tune in another key, with some notes changed."""
    shift = int(rng.integers(-7, 8))
    changed = set(rng.choice(len(tune.notes), changes, replace=False).tolist())
    notes = tuple(
        note._replace(pitch=note.pitch + shift + int(index in changed and rng.integers(1, 9)))
        for index, note in enumerate(tune.notes)
    )
    return tune._replace(reference=reference, notes=notes)


@pytest.fixture(scope="module")
def planted() -> list[Tune]:
    """120 tunes, and of the first 60 a transposed copy and a variant."""
    rng = np.random.default_rng(0)
    tunes = [random_tune(rng, f"{index}") for index in range(120)]
    copies = [variant(rng, tune, f"{tune.reference} copy", changes=0) for tune in tunes[:60]]
    variants = [variant(rng, tune, f"{tune.reference} variant", changes=3) for tune in tunes[:60]]
    return tunes + copies + variants


def nearest_distances(held_out: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Steps on which each window differs from its nearest in training, over all transpositions."""
    nearest = np.full(len(held_out), held_out.shape[1])
    train = train.astype(np.int16)
    for shift in range(-24, 25):
        for index, row in enumerate(held_out.astype(np.int16)):
            moved = np.where(row >= FIRST_NOTE, row + shift, row)
            nearest[index] = min(nearest[index], (train != moved).sum(1).min())
    return nearest


def tune_parts(corpus: melodies.Corpus) -> dict[int, set[str]]:
    """The parts of the corpus that hold windows of each tune."""
    parts: dict[int, set[str]] = {}
    for part in ("train", "validation", "test"):
        for tune in getattr(corpus, f"{part}_tunes").tolist():
            parts.setdefault(tune, set()).add(part)
    return parts


def test_planted_variants_stay_on_one_side_of_the_split(planted):
    corpus = build_corpus(planted)
    parts = tune_parts(corpus)
    assert all(len(part) == 1 for part in parts.values())
    for index in range(60):
        family = {
            part for name in (index, 120 + index, 180 + index) for part in parts.get(name, ())
        }
        assert len(family) == 1, planted[index].reference
    assert Counter(part for (part,) in parts.values()).keys() == {"train", "validation", "test"}
    held_out = np.concatenate([corpus.validation, corpus.test])
    assert nearest_distances(held_out, corpus.train).min() > melodies.MAX_DIFFERENT
    assert nearest_distances(corpus.test, corpus.validation).min() > melodies.MAX_DIFFERENT


def test_a_shared_phrase_leaves_only_training(planted):
    """Two tunes with two bars in common, a note and the key aside, differ; the bars may not."""
    rng = np.random.default_rng(1)
    tunes = planted[:60]
    for first, second in zip(planted[:60], planted[60:120], strict=True):
        phrase = first._replace(notes=tuple(note for note in first.notes if note.onset < 8))
        rest = tuple(note for note in second.notes if note.onset >= 8)
        tunes.append(second._replace(notes=variant(rng, phrase, "", changes=1).notes + rest))
    corpus = build_corpus(tunes)
    assert corpus.statistics["tune_groups"] > 100  # by chance a few share a second window
    assert corpus.statistics["held_out_near_training"] >= 5
    held_out = np.concatenate([corpus.validation, corpus.test])
    assert nearest_distances(held_out, corpus.train).min() > melodies.MAX_DIFFERENT
    assert nearest_distances(corpus.train[:1], corpus.train)[0] == 0  # the measure can be zero


def test_no_window_stands_twice_in_any_key(planted):
    corpus = build_corpus(planted)
    windows = np.concatenate([corpus.train, corpus.validation, corpus.test])
    relative = relative_to_first_note(windows)
    assert len(np.unique(relative, axis=0)) == len(windows)
    assert windows.dtype == np.uint8
    assert np.array_equal(windows, ONE_VOICE.canonical(windows))
    removed = sum(corpus.statistics[key] for key in (
        "repeated_within_tune", "repeated_between_tunes", "held_out_near_training"
    ))  # fmt: skip
    assert len(windows) + removed == corpus.statistics["windows"] == 7 * 240


def test_the_split_is_seeded_and_hardly_moves_with_one_tune_less(planted):
    corpus, again = build_corpus(planted), build_corpus(planted)
    assert all(np.array_equal(one, other) for one, other in zip(corpus[:6], again[:6], strict=True))
    assert not np.array_equal(
        corpus.test_tunes, build_corpus(planted, options=CorpusOptions(seed=1)).test_tunes
    )
    fewer = tune_parts(build_corpus(planted[:-1]))
    moved = [tune for tune, part in tune_parts(corpus).items() if fewer.get(tune, part) != part]
    assert len(moved) <= 6


def test_of_no_windows_there_is_no_corpus():
    waltz = parse_tunebook("X:1\nM:3/4\nK:C\nC6|D6|E6|F6|\n").tunes
    with pytest.raises(ValueError, match="none of the 1 tunes"):
        build_corpus(waltz)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two small collections."""
    rng = np.random.default_rng(5)
    for name in ("airdsAirs", "oneills1850", "essenFolksong"):
        (tmp_path / name).mkdir()
        for index in range(8):
            body = "|".join("".join(rng.choice(list("CDEFGABc"), 8)) for _ in range(8))
            text = f"X:{index}\nT:{name}\nM:4/4\nL:1/8\nK:G\n{body}|\n\n"
            (tmp_path / name / f"{index}.abc").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_cache_is_used_and_rebuilt_where_it_is_spoilt(folder, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    corpus = load_abc(CorpusOptions(folder=folder, cache=cache))
    (path,) = cache.iterdir()
    with np.load(path, allow_pickle=False) as stored:
        assert stored["train"].dtype == np.uint8
    with monkeypatch.context() as patch:
        patch.setattr(melodies, "build_corpus", None)  # not called
        cached = load_abc(CorpusOptions(folder=folder, cache=cache))
    assert all(np.array_equal(one, two) for one, two in zip(corpus[:6], cached[:6], strict=True))
    assert corpus[6:] == cached[6:]
    content = path.read_bytes()
    damaged = bytearray(content)
    damaged[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    for spoilt in (b"", b"no zip", content[:-100], bytes(damaged)):
        path.write_bytes(spoilt)
        assert np.array_equal(
            load_abc(CorpusOptions(folder=folder, cache=cache)).train, corpus.train
        )
        assert path.read_bytes() != spoilt
    assert list(cache.iterdir()) == [path]  # no half-written file is left


def test_the_cache_follows_sources_seed_and_environment(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNVAE_CACHE", str(tmp_path / "cache"))
    corpus = load_abc(CorpusOptions(folder=folder))
    assert len(corpus.tunes) == 16
    assert not any("essen" in name for name in corpus.tunes)
    load_abc(CorpusOptions(folder=folder, seed=1))
    (folder / "airdsAirs" / "0.abc").unlink()
    assert len(load_abc(CorpusOptions(folder=folder)).tunes) == 15
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_where_nothing_can_be_cached_the_corpus_is_there(folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert len(load_abc(CorpusOptions(folder=folder, cache=tmp_path / "file" / "cache")).train)

    def full_disk(*_):
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", full_disk)
    assert len(load_abc(CorpusOptions(folder=folder, cache=tmp_path / "cache")).train)
    assert not list((tmp_path / "cache").iterdir())


def test_a_folder_without_tunes_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"holds no \.abc file in airdsAirs"):
        load_abc(CorpusOptions(folder=tmp_path))


@pytest.fixture(scope="module")
def aird(tmp_path_factory) -> melodies.Corpus:
    """The corpus of one packaged book of Aird alone."""
    folder = tmp_path_factory.mktemp("music21") / "airdsAirs"
    folder.mkdir()
    (book,) = [path for path in melodies.ABC_TUNES.files() if path.match("airdsAirs/book1.abc")]
    (folder / book.name).symlink_to(book)
    folder = folder.parent
    return load_abc(CorpusOptions(folder=folder, cache=folder / "cache"))


def test_packaged_tunes(aird):
    assert aird.statistics["tunes"] == 200
    assert aird.statistics["skipped"] == 0
    assert 1_200 < len(aird.train) < 2_000
    for part in (aird.validation, aird.test):
        assert 0.03 < len(part) / len(aird.train) < 0.08
    assert 12 < (aird.train >= FIRST_NOTE).sum(1).mean() < 22


def test_packaged_held_out_windows_are_not_in_training(aird):
    held_out = np.concatenate([aird.validation, aird.test])[::2]
    distances = nearest_distances(held_out, aird.train)
    assert distances.min() > melodies.MAX_DIFFERENT
    assert np.median(distances) >= 6  # most are far from anything that was trained on
