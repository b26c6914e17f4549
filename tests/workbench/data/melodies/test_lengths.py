"""Windows of every length, and the corpus that is for evaluation alone."""

import numpy as np
import pytest

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.data.melodies.abc import parse_tunebook
from synvae_workbench.data.melodies.abc_corpus import bar_windows, build_corpus
from synvae_workbench.data.melodies.essen import ESSEN_TUNES
from synvae_workbench.data.melodies.near_duplicates import relative_to_first_note
from synvae_workbench.data.melodies.windows import fewest_notes, top_line
from synvae_workbench.data.options import BARS
from synvae_workbench.data.registry import CorpusOptions, load_corpus
from synvae_workbench.data.sources import checksum


def in_g(text: str) -> str:
    """The tune of `tune_text` a fifth higher."""
    head, body = text.split("K:C\n")
    return f"{head}K:G\n{body.translate(str.maketrans('CDEFGABc', 'GABcdefg'))}"


def tune_text(rng: np.random.Generator, *, bars: int = 20, metre: str = "4/4", title="") -> str:
    size = 8 if metre == "4/4" else 4
    body = "|".join("".join(rng.choice(list("CDEFGABc"), size)) for _ in range(bars))
    return f"X:1\nT:{title}\nM:{metre}\nL:1/8\nK:C\n{body}|\n\n"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Thirty tunes of 20 bars; of every third one also a copy in another key."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("music21") / "airdsAirs"
    folder.mkdir()
    for index in range(30):
        text = tune_text(rng, title=f"{index}")
        (folder / f"{index:02}.abc").write_text(text, encoding="utf-8")
        if index % 3 == 0:
            (folder / f"{index:02}_copy.abc").write_text(in_g(text), encoding="utf-8")
    return folder.parent


def parts_of_tunes(corpus) -> dict[str, str]:
    found = {}
    for part in ("train", "validation", "test"):
        for tune in getattr(corpus, f"{part}_tunes").tolist():
            assert found.setdefault(corpus.tunes[tune], part) == part
    return found


@pytest.mark.slow
def test_a_tune_is_in_one_part_for_windows_of_all_lengths(folder, cache):
    parts = [
        parts_of_tunes(load_corpus("abc", CorpusOptions(bars=bars, folder=folder, cache=cache)))
        for bars in BARS
    ]
    assert len(list(cache.glob("abc-*"))) == len(BARS)
    together = {tune: part for found in parts for tune, part in found.items()}
    assert all(found.items() <= together.items() for found in parts)
    assert set(parts[-1].values()) == {"train", "validation", "test"}


@pytest.mark.parametrize("bars", BARS)
def test_windows_of_every_length(folder, cache, bars):
    corpus = load_corpus("abc", CorpusOptions(bars=bars, folder=folder, cache=cache))
    events = np.concatenate(corpus[:3])
    assert events.dtype == np.uint8
    assert events.shape[1] == 16 * bars
    assert np.array_equal(events, ONE_VOICE.canonical(events))
    assert len(np.unique(relative_to_first_note(events), axis=0)) == len(events)
    assert corpus.statistics["windows"] == 40 * (20 - bars + 1)


def test_a_long_window_is_short_ones_in_a_row():
    rng = np.random.default_rng(1)
    for metre, hop in (("4/4", 1), ("2/4", 2)):
        tune = parse_tunebook(tune_text(rng, metre=metre)).tunes[0]
        ones = bar_windows(tune, bars=1)
        for bars in BARS[1:]:
            long = bar_windows(tune, bars=bars)
            assert len(long) == max(20 - hop * bars + 1, 0)
            for start, row in enumerate(long):
                assert np.array_equal(row, ones[start : start + hop * bars : hop].ravel())


def test_a_long_window_has_notes_enough_and_not_too_many_silent_bars():
    def count(body: str, bars: int) -> int:
        return len(
            bar_windows(parse_tunebook(f"X:1\nM:4/4\nL:1/4\nK:C\n{body}").tunes[0], bars=bars)
        )

    assert [fewest_notes(bars) for bars in BARS] == [2, 3, 6, 12, 24]
    assert count("CDEF|G4|z4|C4|", 4) == 1
    assert count("CDE2|G4|z4|z4|", 4) == 0  # five notes
    assert count("CDEF|GFED|z4|z4|", 4) == 1
    assert count("CDEFCDEF|z4|z4|z4|".replace("CDEFCDEF", "C/D/E/F/G/A/B/c/"), 4) == 0


def test_the_top_line_is_one_voice():
    melody = [Note(0, 4, 60), Note(4, 8, 62), Note(8, 12, 59)]
    assert top_line(melody[::-1]) == melody
    chord = [Note(0, 4, 48), Note(0, 2, 64), Note(2, 4, 50)]
    assert top_line(chord) == [Note(0, 2, 64), Note(2, 4, 50)]
    assert top_line([Note(0, 8, 70), Note(2, 4, 50)]) == [Note(0, 8, 70)]
    assert top_line([Note(0, 8, 50), Note(2, 4, 70)]) == [Note(0, 2, 50), Note(2, 4, 70)]
    assert top_line([Note(0, 5, 70), Note(4, 8, 50)]) == [Note(0, 4, 70), Note(4, 8, 50)]  # legato


def test_tunes_too_short_are_refused_with_the_length(folder, cache):
    tunes = parse_tunebook(tune_text(np.random.default_rng(2), bars=9)).tunes
    assert len(build_corpus(tunes, options=CorpusOptions(bars=8)).statistics)
    with pytest.raises(ValueError, match="has 16 bars of 4/4, 2/2 or 4/2 or 32 of 2/4"):
        build_corpus(tunes, options=CorpusOptions(bars=16))


def test_a_folder_without_songs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no .abc file; expected those of the Essen"):
        load_corpus("essen", CorpusOptions(folder=tmp_path))


def test_essen_holds_for_test_what_abc_has_not(folder, cache, tmp_path, monkeypatch):
    packaged = sorted(folder.glob("*/*.abc"))
    monkeypatch.setattr("synvae_workbench.data.sources.Source.files", lambda self: packaged)
    rng = np.random.default_rng(3)
    new = tune_text(rng, bars=12)
    (tmp_path / "0.abc").write_text(new, encoding="utf-8")
    (tmp_path / "1.abc").write_text(new, encoding="utf-8")
    known = (folder / "airdsAirs" / "01.abc").read_text(encoding="utf-8")
    (tmp_path / "2.abc").write_text(in_g(known), encoding="utf-8")
    for _ in range(2):
        corpus = load_corpus("essen", CorpusOptions(folder=tmp_path, cache=cache))
        assert len(corpus.train) == len(corpus.validation) == 0
        assert set(corpus.test_tunes) == {0}
        assert np.array_equal(corpus.test, bar_windows(parse_tunebook(new).tunes[0]))
        assert corpus.statistics["near_abc"] == 19
        assert corpus.statistics["repeated"] == 11
    assert len(list(cache.glob("essen-*"))) == 1


def test_the_packaged_collection_is_the_one_that_was_measured():
    files = ESSEN_TUNES.files()
    assert "non-commercial" in ESSEN_TUNES.licence
    assert checksum(*[path.read_bytes() for path in files]) == ESSEN_TUNES.sha256


def upbeat_tune() -> str:
    """An upbeat of a quarter, eight bars of which the last lacks it; bar i begins with note i."""
    bars = [f"{note}2 C2 E2 G2" for note in "CDEFGAB"]
    return "X:1\nT:upbeat\nM:4/4\nL:1/8\nK:C\nG2|" + "|".join(bars) + "|c2 C2 E2|]\n"


@pytest.mark.parametrize(("bars", "phrase", "firsts"), [(4, 4, "CG"), (4, 2, "CEG"), (8, 8, "C")])
def test_windows_may_begin_with_phrases_and_end_with_the_tune(bars, phrase, firsts):
    tune = parse_tunebook(upbeat_tune()).tunes[0]
    found = bar_windows(tune, bars=bars, phrase=phrase)
    names = {60: "C", 64: "E", 67: "G"}
    assert [names[pitch] for pitch in ONE_VOICE.starts(found[:, 0]).tolist()] == list(firsts)
    last = ONE_VOICE.notes(found[-1].astype(np.int64))[-1]
    assert (last.end, last.pitch) == (16 * bars - 4, 64)  # and a rest where the upbeat was
    assert len(bar_windows(tune, bars=8)) == 0  # the last bar is not full


def test_phrases_do_not_change_who_is_tested(folder, cache):
    every, some = (
        load_corpus("abc", CorpusOptions(bars=4, phrase=phrase, folder=folder, cache=cache))
        for phrase in (0, 4)
    )
    assert parts_of_tunes(some).items() <= parts_of_tunes(every).items()
    assert 0 < len(some.train) < len(every.train)
