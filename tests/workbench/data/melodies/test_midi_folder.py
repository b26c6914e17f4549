"""A folder of MIDI files of every kind: what is taken, counted, split, cached; flat memory."""

import os
import tracemalloc
from pathlib import Path

import mido
import numpy as np
import pytest

from synvae_core.music.coding import Note
from synvae_core.music.melody import FIRST_NOTE, ONE_VOICE
from synvae_core.music.midi import write_midi
from synvae_workbench.data.melodies import midi_folder
from synvae_workbench.data.melodies.midi_folder import load_midi_folder
from synvae_workbench.data.melodies.midi_tracks import read_song
from synvae_workbench.data.registry import CorpusOptions, load_corpus

SCALE = np.array([0, 2, 4, 5, 7, 9, 11, 12])


def melody(seed: int, *, bars: int = 4) -> np.ndarray:
    """Quarters and eighths in C major, in events."""
    rng = np.random.default_rng(seed)
    events = np.zeros(16 * bars, int)
    on = np.sort(rng.choice(8 * bars, 5 * bars, replace=False)) * 2
    events[on] = 60 - 21 + FIRST_NOTE + rng.choice(SCALE, len(on))
    events[0] = max(events[0], 60 - 21 + FIRST_NOTE)
    return events


def track(notes: list[Note], *, channel: int = 0, program: int = 0, resolution: int = 480):
    """Notes in sixteenths as a MIDI track."""
    changes = [(note.start, 1, note.pitch) for note in notes]
    changes += [(note.end, 0, note.pitch) for note in notes]
    messages, now = mido.MidiTrack(), 0
    messages.append(mido.Message("program_change", channel=channel, program=program))
    for step, on, pitch in sorted(changes):
        kind = "note_on" if on else "note_off"
        time = round((step - now) * resolution / 4)
        messages.append(mido.Message(kind, channel=channel, note=pitch, time=time))
        now = step
    return messages


def save(path: Path, *tracks, metres=(), resolution: int = 480) -> Path:
    """A file of these tracks, with the metres (step, numerator, denominator) before them."""
    head, now = mido.MidiTrack(), 0
    for step, numerator, denominator in metres:
        time = (step - now) * resolution // 4
        metre = {"numerator": numerator, "denominator": denominator}
        head.append(mido.MetaMessage("time_signature", time=time, **metre))
        now = step
    mido.MidiFile(type=1, ticks_per_beat=resolution, tracks=[head, *tracks]).save(path)
    return path


QUARTERS = [Note(step, step + 4, 60 + step % 11) for step in range(0, 16 * 6, 4)]


@pytest.mark.parametrize("resolution", [24, 96, 480, 1000])
def test_windows_are_what_was_written(tmp_path, resolution):
    path = save(tmp_path / "a.mid", track(QUARTERS, resolution=resolution), resolution=resolution)
    song = read_song(path, bars=2)
    expected = [
        ONE_VOICE.events(
            [note._replace(start=note.start - at, end=note.end - at) for note in QUARTERS
             if at <= note.start < at + 32], steps=32,
        )
        for at in range(0, 80, 16)
    ]  # fmt: skip
    assert song.windows.tolist() == [window.tolist() for window in expected]
    assert not song.refused


def test_times_are_rounded_to_sixteenths(tmp_path):
    late = [Note(note.start + 0.3, note.end - 0.4, note.pitch) for note in QUARTERS]
    one = read_song(save(tmp_path / "a.mid", track(QUARTERS)), bars=4)
    other = read_song(save(tmp_path / "b.mid", track(late)), bars=4)
    assert np.array_equal(one.windows, other.windows)
    assert one.melody == other.melody


@pytest.mark.parametrize(
    ("metres", "bars", "count"),
    [
        ([], 2, 5),
        ([(0, 4, 4)], 2, 5),
        ([(0, 2, 2)], 4, 3),
        ([(0, 2, 4)], 2, 9),
        ([(0, 4, 4), (32, 4, 4)], 4, 3),  # stated again
        ([(0, 3, 4), (24, 4, 4)], 2, 4),  # two bars of three, then 72 of 96 steps
        ([(0, 4, 4), (48, 3, 4), (60, 4, 4)], 2, 4),  # three bars, and 36 steps in two and a bit
        ([(0, 4, 4), (40, 4, 4)], 2, 4),  # a half bar
    ],
)
def test_windows_stay_in_runs_of_whole_bars(tmp_path, metres, bars, count):
    song = read_song(save(tmp_path / "a.mid", track(QUARTERS), metres=metres), bars=bars)
    assert len(song.windows) + song.repeated == count


def test_melodies_are_taken_and_the_rest_is_left(tmp_path):
    chords = [Note(n.start, n.end, n.pitch + up) for n in QUARTERS for up in (0, 4, 7)]
    few_chords = [*QUARTERS, Note(0, 4, 48), Note(32, 36, 48)]
    others = (
        track(chords, channel=1),
        track(QUARTERS, channel=9),
        track(QUARTERS, channel=2, program=33),
        track(QUARTERS, channel=3, program=118),
    )
    alone = read_song(save(tmp_path / "alone.mid", track(QUARTERS)), bars=2)
    mixed = read_song(save(tmp_path / "mixed.mid", track(few_chords), *others), bars=2)
    assert np.array_equal(mixed.windows, alone.windows)
    assert mixed.melody == alone.melody
    assert read_song(save(tmp_path / "rest.mid", *others), bars=2).refused


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a MIDI file"),
        (b"RIFF" * 100, "not a MIDI file"),
        (b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x99\0\x90", "truncated or corrupt"),
        (b"MThd" + b"\xff" * 2000, "truncated or corrupt"),
        (b"MThd" + bytes(1 << 20), "larger than 512 KB"),
        (b"MThd\0\0\0\6\0\2\0\0\1\xe0", "not of type 0 or 1 in ticks per quarter"),
        (b"MThd\0\0\0\6\0\1\0\0\xe7\x28", "not of type 0 or 1 in ticks per quarter"),
        (b"MThd\0\0\0\6\0\1\0\0\1\xe0", "no melodic track with one voice"),
        (
            b"MThd\0\0\0\6\0\1\0\1\0\1MTrk\0\0\0\x0b\0\x90\x40\x40\xff\xff\xff\x7f\x80\x40\0",
            "absurdly long",
        ),
    ],
)
def test_broken_files_are_refused_with_the_reason(tmp_path, content, reason):
    (tmp_path / "a.mid").write_bytes(content)
    assert read_song(tmp_path / "a.mid", bars=2).refused == reason
    assert read_song(tmp_path / "none.mid", bars=2).refused == "cannot be read"


def test_unsuitable_files_are_refused_with_the_reason(tmp_path):
    waltz = save(tmp_path / "a.mid", track(QUARTERS), metres=[(0, 3, 4)])
    assert read_song(waltz, bars=2).refused == "too few bars of 4/4 in a row"
    short = save(tmp_path / "b.mid", track(QUARTERS[:8]))
    assert len(read_song(short, bars=2).windows) == 1
    assert read_song(short, bars=4).refused == "too few bars of 4/4 in a row"
    sparse = save(tmp_path / "c.mid", track(QUARTERS[::16]))
    assert read_song(sparse, bars=2).refused == "too few notes"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two hundred melodies in two folders, every fifth once more in another key, and rubbish."""
    folder = tmp_path_factory.mktemp("midi")
    for name in ("a", "b/c"):
        (folder / name).mkdir(parents=True)
    for index in range(200):
        events = melody(index)
        write_midi(events, folder / ("a", "b/c")[index % 2] / f"{index}.mid", qpm=90 + index % 60)
        if index % 5 == 0:
            write_midi(ONE_VOICE.transpose(events, -7), folder / f"again{index}.MIDI")
    (folder / "broken.mid").write_bytes(b"MThd")
    (folder / "b" / "empty.mid").write_bytes(b"")
    (folder / "b" / "gone.mid").symlink_to(folder / "nowhere.mid")
    (folder / "readme.txt").write_text("", encoding="utf-8")
    (folder / "b" / "loop").symlink_to(folder, target_is_directory=True)
    return folder


def test_a_folder_becomes_a_corpus_on_disk(folder, tmp_path):
    corpus = load_corpus("midi", CorpusOptions(folder=folder, cache=tmp_path))
    assert all(isinstance(array, np.memmap) for array in corpus[:6])
    statistics = corpus.statistics
    assert statistics["files"] == 243
    assert statistics["repeated_melodies"] == 40
    assert statistics["tunes_with_windows"] == len(corpus.tunes) == 200
    assert statistics["refused"] == {
        "truncated or corrupt": 1, "not a MIDI file": 1, "cannot be read": 1
    }  # fmt: skip
    assert statistics["windows"] == 600
    assert sum(map(len, corpus[:3])) == 600 - statistics["repeated_within_tune"]
    parts = [set(tunes.tolist()) for tunes in corpus[3:6]]
    assert all(parts)
    assert sum(map(len, parts)) == 200
    assert len(parts[0]) > 160
    for part in (0, 2):
        for row, tune in list(zip(corpus[part], corpus[3 + part], strict=True))[:40]:
            name = Path(corpus.tunes[tune]).stem.removeprefix("again")
            first = np.flatnonzero(melody(int(name)) >= FIRST_NOTE)
            assert len(first) and any(
                np.array_equal(row, read_song(folder / corpus.tunes[tune], bars=2).windows[i])
                for i in range(3)
            )
    assert corpus.tunes[-1] == list(corpus.tunes)[199]
    with pytest.raises(IndexError):
        corpus.tunes[200]


def song_parts(corpus) -> dict[str, int]:
    return {
        corpus.tunes[tune].removeprefix("again"): part
        for part in range(3)
        for tune in np.unique(corpus[3 + part]).tolist()
    }


def test_a_song_is_in_one_part_in_any_key_at_any_length_beside_any_others(folder, tmp_path):
    parts = song_parts(load_midi_folder(CorpusOptions(folder=folder, cache=tmp_path)))
    assert (
        song_parts(load_midi_folder(CorpusOptions(folder=folder, bars=4, cache=tmp_path))) == parts
    )
    assert (
        song_parts(load_midi_folder(CorpusOptions(folder=folder, cache=tmp_path, seed=1))) != parts
    )
    some = {name for part in range(3) for name in [n for n in parts if parts[n] == part][:2]}
    for name in some:  # of each part, as a small folder has no empty one
        moved = ONE_VOICE.transpose(melody(int(Path(name).stem)), 4)
        write_midi(moved, tmp_path / "moved" / name)
    moved = song_parts(load_midi_folder(CorpusOptions(folder=tmp_path / "moved", cache=tmp_path)))
    assert moved == {name: parts[name] for name in some}


def test_processes_change_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(midi_folder, "_CHUNK", 16)
    one = load_midi_folder(CorpusOptions(folder=folder, cache=tmp_path / "one"))
    two = load_midi_folder(CorpusOptions(folder=folder, cache=tmp_path / "two", workers=2))
    assert all(np.array_equal(a, b) for a, b in zip(one[:6], two[:6], strict=True))
    assert list(one.tunes) == list(two.tunes)
    assert one.statistics == two.statistics


def test_the_cache_is_used_follows_the_files_and_is_rebuilt_where_spoilt(tmp_path, monkeypatch):
    folder, cache = tmp_path / "midi", tmp_path / "cache"
    for index in range(3):
        write_midi(melody(index), folder / f"{index}.mid")
    corpus = load_midi_folder(CorpusOptions(folder=folder, cache=cache))
    arrays, names = [np.array(array) for array in corpus[:6]], list(corpus.tunes)
    (path,) = cache.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(midi_folder, "read_song", None)
        assert np.array_equal(
            load_midi_folder(CorpusOptions(folder=folder, cache=cache)).train, arrays[0]
        )
    part = max(("train", "validation", "test"), key=lambda part: (path / part).stat().st_size)
    for name, spoilt in ((part, b"x"), ("statistics.json", b"{"), ("names", b"")):
        (path / name).write_bytes(spoilt)
        again = load_midi_folder(CorpusOptions(folder=folder, cache=cache))
        assert all(np.array_equal(a, b) for a, b in zip(again[:6], arrays, strict=True))
        assert list(again.tunes) == names
    os.utime(folder / "0.mid", (1, 1))
    load_midi_folder(CorpusOptions(folder=folder, cache=cache))
    write_midi(melody(3), folder / "sub" / "3.mid")
    assert load_midi_folder(CorpusOptions(folder=folder, cache=cache)).statistics["files"] == 4
    assert len(list(cache.iterdir())) == 3


def test_what_was_interrupted_is_never_taken_for_whole(tmp_path, monkeypatch):
    folder, cache = tmp_path / "midi", tmp_path / "cache"
    for index in range(6):
        write_midi(melody(index), folder / f"{index}.mid")

    def interrupted(path, *, bars):
        if path.name == "4.mid":
            raise KeyboardInterrupt
        return read_song(path, bars=bars)

    with monkeypatch.context() as patch:
        patch.setattr(midi_folder, "read_song", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load_midi_folder(CorpusOptions(folder=folder, cache=cache))
    assert not list(cache.iterdir())
    with monkeypatch.context() as patch:  # killed: nobody tidies up
        patch.setattr(midi_folder, "read_song", interrupted)
        patch.setattr("shutil.rmtree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            load_midi_folder(CorpusOptions(folder=folder, cache=cache))
    assert list(cache.iterdir())
    assert (
        load_midi_folder(CorpusOptions(folder=folder, cache=cache)).statistics["tunes_with_windows"]
        == 6
    )


def test_useless_folders_and_caches_are_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere is not a folder"):
        load_midi_folder(CorpusOptions(folder=tmp_path / "nowhere"))
    (tmp_path / "a.mid").write_bytes(b"")
    with pytest.raises(ValueError, match="1 MIDI files.*'not a MIDI file': 1"):
        load_midi_folder(CorpusOptions(folder=tmp_path, cache=tmp_path / "cache"))
    assert not list((tmp_path / "cache").iterdir())
    with pytest.raises(ValueError, match="cannot take the melodies.*SYNVAE_CACHE"):
        load_midi_folder(CorpusOptions(folder=tmp_path, cache=tmp_path / "a.mid" / "cache"))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_files(tmp_path):
    """100 files more are held by names and digests, which take a third of what windows would."""
    marked = [*QUARTERS[:4], Note(16, 20, 100), Note(20, 24, 101), *QUARTERS[6:]]
    content = save(tmp_path / "template", track(marked)).read_bytes()
    peaks = []
    for count in (20, 100, 200):
        for index in range(count):
            path = tmp_path / f"{count}" / f"{index // 40}" / f"{index}.mid"
            path.parent.mkdir(parents=True, exist_ok=True)
            pitches = bytes([40 + index // 40, 40 + index % 40])
            path.write_bytes(_with_pitches(content, pitches))
        tracemalloc.start()
        corpus = load_midi_folder(
            CorpusOptions(folder=tmp_path / f"{count}", cache=tmp_path / "cache")
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert corpus.statistics["tunes_with_windows"] == count
    # The peak varies by tens of kilobytes with when cycles are freed, which tests before decide.
    windows_of_100 = sum(map(len, corpus[:3])) // 2 * 32 * 8  # bytes, as int64
    assert windows_of_100 > 3 * 100 * 400
    assert peaks[2] - peaks[1] < windows_of_100


def _with_pitches(content: bytes, pitches: bytes) -> bytes:
    """The file with other pitches in place of its notes 100 and 101."""
    for marker, pitch in zip((100, 101), pitches, strict=True):
        for kind in (0x80, 0x90):
            content = content.replace(bytes([kind, marker]), bytes([kind, pitch]))
    return content


@pytest.mark.parametrize("count", range(1, 8))
def test_no_part_of_a_few_songs_is_empty(count, tmp_path):
    for index in range(count):
        write_midi(melody(index), tmp_path / "midi" / f"{index}.mid")
    for seed in range(3):
        options = CorpusOptions(folder=tmp_path / "midi", cache=tmp_path / "cache", seed=seed)
        corpus = load_midi_folder(options)
        assert sum(map(bool, map(len, corpus[:3]))) == min(count, 3)
        parts = song_parts(corpus)
        assert len(parts) == count
        for part in range(3):
            assert (
                len(corpus[part])
                == len(corpus[3 + part])
                == corpus.statistics["sizes"][("train", "validation", "test")[part]]
            )
