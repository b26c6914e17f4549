"""Songs on their beats: made-up ones with known windows, and the real ones where they are."""

import io
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from synvae_core.music.coding import Note
from synvae_core.music.melody import FIRST_NOTE
from synvae_workbench.data.melodies.pop909 import load_pop909, read_song, song_windows
from synvae_workbench.data.registry import CorpusOptions, load_corpus

RNG = np.random.default_rng(0)


def beat_text(times: np.ndarray, *, bar: int = 4, upbeat: int = 0) -> str:
    """Beats with both kinds of downbeat, the first bar starting on beat `upbeat`."""
    order = np.arange(len(times)) - upbeat
    return "".join(
        f"{time} {float(at % (bar // 2) == 0)} {float(at % bar == 0)}\n"
        for time, at in zip(times, order, strict=True)
    )


def song_bytes(notes: list[Note], times: np.ndarray, *, name: str = "MELODY") -> bytes:
    """A MIDI file whose notes, in sixteenths of the beats, are where the beats are in time."""
    midi = pretty_midi.PrettyMIDI()
    for label, shift in ((name, 0), ("PIANO", -24)):
        track = pretty_midi.Instrument(0, name=label)
        for start, end, pitch, *_ in notes:
            seconds = np.interp([start / 4, end / 4], np.arange(len(times)), times)
            track.notes.append(pretty_midi.Note(80, pitch + shift, *seconds))
        midi.instruments.append(track)
    data = io.BytesIO()
    midi.write(data)
    return data.getvalue()


def uneven_beats(count: int) -> np.ndarray:
    """Times of beats whose length drifts and jitters."""
    lengths = 0.5 + 0.1 * np.sin(np.arange(count) / 9) + RNG.uniform(-0.02, 0.02, count)
    return 0.3 + np.cumsum(lengths)


def random_notes(bars: int) -> list[Note]:
    """Eighths with gaps: one note in every other place."""
    return [
        Note(start, start + int(RNG.integers(1, 4)), int(RNG.integers(60, 80)))
        for start in range(0, 16 * bars, 4)
    ]


def test_notes_follow_the_beats_whatever_the_tempo():
    times = uneven_beats(33)
    notes = random_notes(8)
    song = read_song(song_bytes(notes, times), beat_text(times).encode())
    assert song.notes == notes
    assert song.bar_starts.tolist() == list(range(0, 128, 16))
    for bars in (1, 2, 4, 8):
        windows = song_windows(song, bars=bars)
        assert windows.shape == (9 - bars, 16 * bars)
        pitches = windows[0][windows[0] >= FIRST_NOTE] - FIRST_NOTE + 21
        assert pitches.tolist() == [note.pitch for note in notes if note.start < 16 * bars]
    assert song_windows(song, bars=16).shape == (0, 256)


def test_bars_are_those_of_the_second_flag():
    times = uneven_beats(36)
    notes = random_notes(9)
    song = read_song(song_bytes(notes, times), beat_text(times, upbeat=3).encode())
    assert song.bar_starts.tolist() == list(range(12, 125, 16))
    assert song_windows(song, bars=2)[0, 0] == notes[3].pitch - 21 + FIRST_NOTE


def test_a_bar_of_other_beats_or_with_a_gap_parts_the_windows():
    times = uneven_beats(41)
    data = song_bytes(random_notes(10), times)
    table = np.loadtxt(io.StringIO(beat_text(times)))
    table[16, 2], table[18, 2] = 0, 1  # bars of 4, 4, 4, 6, 2, 4, ... beats
    text = "\n".join(" ".join(map(str, row)) for row in table.tolist())
    song = read_song(data, text.encode())
    assert (song.bar_starts // 16).tolist() == [0, 1, 2, 5, 6, 7, 8, 9]
    assert len(song_windows(song, bars=2)) == 2 + 4
    lines = beat_text(times).splitlines(keepends=True)
    gap = "".join(lines[:21] + lines[22:])  # beat 21 was not heard
    starts = read_song(data, gap.encode()).bar_starts
    assert 80 not in starts
    times[22:] += 0.6  # beat 21 lasts twice as long
    assert 80 not in read_song(data, beat_text(times).encode()).bar_starts


TIMES = uneven_beats(33)
GOOD = song_bytes(random_notes(8), TIMES)


@pytest.mark.parametrize(
    ("midi", "beats", "reason"),
    [
        (GOOD, None, "beat_midi.txt is missing"),
        (GOOD, b"", "no beats"),
        (GOOD, b"0 1\n1 0\n", "no beats in three columns"),
        (GOOD, b"zero one one\n", "no table of numbers"),
        (GOOD, b"1 1 1\n0 0 0\n", "goes back"),
        (GOOD, b"0 1 1\nnan 0 0\n2 1 1\n", "goes back"),
        (GOOD, beat_text(TIMES, bar=6).encode(), "no bars of four beats"),
        (GOOD, beat_text(TIMES + 1e4).encode(), "no notes in a track named MELODY"),
        (GOOD[:300], beat_text(TIMES).encode(), "truncated or corrupt"),
        (b"no midi", beat_text(TIMES).encode(), "truncated or corrupt"),
        (
            song_bytes(random_notes(8), TIMES, name="PIANO"),
            beat_text(TIMES).encode(),
            "no notes in a track named MELODY",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_odd_songs_are_refused_with_the_reason(midi, beats, reason):
    with pytest.raises(ValueError, match=reason):
        read_song(midi, beats)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Thirty songs of 20 bars, two of them odd."""
    folder = tmp_path_factory.mktemp("data") / "midi" / "pop909" / "POP909"
    for index in range(1, 31):
        song = folder / f"{index:03}"
        song.mkdir(parents=True)
        times = uneven_beats(81)
        (song / f"{song.name}.mid").write_bytes(song_bytes(random_notes(20), times))
        (song / "beat_midi.txt").write_text(beat_text(times), encoding="utf-8")
    (folder / "007" / "beat_midi.txt").unlink()
    (folder / "008" / "008.mid").write_bytes(b"")
    (folder / "index.xlsx").write_bytes(b"")
    return folder


def test_songs_are_split_whole_and_alike_for_all_lengths(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNVAE_DATA", str(folder.parents[2]))
    parts = {}
    for bars in (2, 16):
        corpus = load_corpus("pop909", CorpusOptions(bars=bars, cache=tmp_path))
        assert sum(map(len, corpus[:3])) == 28 * (21 - bars)
        for part in ("train", "validation", "test"):
            for tune in np.unique(getattr(corpus, f"{part}_tunes")).tolist():
                assert parts.setdefault(corpus.tunes[tune], part) == part
    assert set(parts.values()) == {"train", "validation", "test"}
    assert corpus.statistics["skipped_reasons"] == {
        "beat_midi.txt is missing": 1,
        "the MIDI file is truncated or corrupt": 1,
    }
    again = load_corpus("pop909", CorpusOptions(bars=16, folder=folder, cache=tmp_path))
    assert np.array_equal(again.test, corpus.test)
    assert len(list(tmp_path.iterdir())) == 2


def test_where_the_songs_are_missing_it_says_where_to_get_them(tmp_path, monkeypatch):
    monkeypatch.delenv("SYNVAE_DATA", raising=False)
    for options in ({}, {"folder": tmp_path}):
        with pytest.raises(ValueError, match="github.com/music-x-lab/POP909-Dataset, and put"):
            load_pop909(CorpusOptions(**options))
    song = tmp_path / "001"
    song.mkdir()
    (song / "001.mid").write_bytes(GOOD)
    with pytest.raises(ValueError, match="none of the 0 songs has 2 bars.*beat_midi.txt is miss"):
        load_pop909(CorpusOptions(folder=tmp_path, cache=tmp_path))


@pytest.mark.data
def test_real_songs(data_folder, tmp_path):
    folder = tmp_path / "POP909"
    folder.mkdir()
    for path in sorted((data_folder / "midi" / "pop909" / "POP909").glob("[0-9]*"))[:40]:
        (folder / path.name).symlink_to(path)
    corpus = load_pop909(CorpusOptions(folder=folder, cache=tmp_path))
    assert 35 <= corpus.statistics["tunes"] <= 40
    assert 20 < sum(map(len, corpus[:3])) / 40 < 50  # 30,479 windows in 909 songs
    onsets = (corpus.train >= FIRST_NOTE).mean(0).reshape(2, 4, 4).mean((0, 1))
    assert onsets[0] > onsets[2] > max(onsets[1], onsets[3])  # the beats are where notes start
