"""Folders of sound, good and hostile, and the windows that are cut from them."""

import tracemalloc

import numpy as np
import pytest
import soundfile
import torch

from synvae_workbench.data.registry import LoopOptions, load_loops
from synvae_workbench.data.waveforms.drum_patterns import STYLES, drum_loops
from synvae_workbench.data.waveforms.files import PEAK, list_sounds
from synvae_workbench.data.waveforms.sets import Loops, cut, window_places

RATE = 8_000


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNVAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SYNVAE_DATA", raising=False)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sounds").mkdir()
    return tmp_path / "sounds"


def sine(seconds, rate, hertz=440.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def write(path, waveform, rate=RATE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, rate, **options)


def all_loops(loops):
    return {
        name: split.waveform(i)
        for split in (loops.train, loops.held_out)
        for i, name in enumerate(split.names)
    }


def test_reads_every_format_rate_and_number_of_channels_alike(folder):
    stereo = np.stack([sine(1, 44_100), sine(1, 44_100)], 1)
    write(folder / "a.wav", sine(1, 22_050), 22_050)
    write(folder / "b.AIFF", stereo, 44_100)
    write(folder / "kit one" / "c.flac", sine(1, 48_000), 48_000)
    write(folder / "d.ogg", stereo, 44_100)
    write(folder / "e.wav", sine(1, RATE), RATE, subtype="PCM_U8")
    (folder / "notes.txt").write_text("no sound", encoding="utf-8")
    read = all_loops(load_loops("folder", LoopOptions(folder=folder, rate=RATE)))
    assert set(read) == {"a.wav", "b.AIFF", "kit one/c.flac", "d.ogg", "e.wav"}
    expected = PEAK / 0.5 * sine(1, RATE)
    for name, waveform in read.items():
        assert abs(len(waveform) - RATE) <= 1, name
        assert np.abs(waveform[500:7500] - expected[500:7500]).max() < 0.03, name


def test_resampling_is_that_of_the_whole_file_whatever_the_blocks(folder, monkeypatch):
    import soxr

    rng = np.random.default_rng(0)
    for name in ("a.wav", "b.wav"):
        write(folder / name, rng.uniform(-0.5, 0.5, 50_000), 11_025, subtype="FLOAT")
    monkeypatch.setattr("synvae_workbench.data.audio_files.BLOCK", 1000)
    read = all_loops(load_loops("folder", LoopOptions(folder=folder, rate=RATE)))["a.wav"]
    original = soundfile.read(folder / "a.wav")[0]
    original = original - original.mean()
    whole = soxr.resample(PEAK * original / np.abs(original).max(), 11_025, RATE)
    assert len(read) == len(whole)
    np.testing.assert_allclose(read, whole.clip(-1, 1), atol=1e-4)


def test_what_is_above_half_the_rate_is_filtered_out(folder):
    high = 0.4 * np.sin(2 * np.pi * 7_000 * np.arange(22_050) / 22_050)
    write(folder / "a.wav", sine(1, 22_050) + high, 22_050)
    write(folder / "b.wav", sine(1, 22_050, 300), 22_050)
    waveform = all_loops(load_loops("folder", LoopOptions(folder=folder, rate=RATE)))["a.wav"][
        500:7500
    ]
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(7000)))
    assert np.sort(spectrum)[-6] < 0.01 * spectrum.max()  # one peak, and no alias of the other


def test_an_offset_is_taken_off_and_clipping_is_told(folder):
    write(folder / "fine.wav", sine(1, RATE))
    write(folder / "offset.wav", 0.5 * sine(1, RATE) + 0.3)
    write(folder / "clipped.wav", np.clip(4 * sine(1, RATE), -1, 1))
    write(folder / "loud.wav", 4 * sine(1, RATE, 441), subtype="FLOAT")  # beyond full scale
    loops = load_loops("folder", LoopOptions(folder=folder, rate=RATE))
    assert loops.offset == ("offset.wav",)
    assert loops.clipped == ("clipped.wav",)
    for waveform in all_loops(loops).values():
        assert abs(waveform.mean()) < 1e-3
        assert np.abs(waveform).max() == pytest.approx(PEAK, abs=0.02)
    hertz_441 = PEAK / 0.5 * sine(1, RATE, 441)
    np.testing.assert_allclose(all_loops(loops)["loud.wav"], hertz_441, atol=2e-3)


def hostile(folder):
    write(folder / "one.wav", np.array([0.5]))
    write(folder / "none.wav", np.zeros(0))
    write(folder / "silent.wav", np.zeros(RATE))
    write(folder / "opposite.wav", np.stack([sine(1, RATE), -sine(1, RATE)], 1))
    broken = sine(1, RATE)
    broken[99] = np.nan
    write(folder / "nan.wav", broken, subtype="FLOAT")
    write(folder / "slow.wav", sine(1, 800), 800)
    write(folder / "many.wav", np.tile(sine(1, RATE)[:, None], 9))
    write(folder / "whole.wav", sine(1, RATE))
    content = (folder / "whole.wav").read_bytes()
    (folder / "whole.wav").unlink()
    (folder / "cut.wav").write_bytes(content[:5000])
    (folder / "text.wav").write_text("This is no sound.\n" * 100, encoding="utf-8")
    (folder / "empty.wav").touch()
    (folder / "folder.wav").mkdir()
    (folder / "lost.wav").symlink_to(folder / "nowhere.wav")
    (folder / "out.wav").symlink_to("/etc/hostname")


REASONS = {
    "one.wav": "too short",
    "none.wav": "too short",
    "silent.wav": "is silent",
    "opposite.wav": "is silent",
    "nan.wav": "NaN or infinite",
    "slow.wav": "800 Hz",
    "many.wav": "9 channels",
    "cut.wav": "is cut short",
    "text.wav": "cannot be read as sound",
    "empty.wav": "is empty",
    "lost.wav": "cannot be found",
    "out.wav": "leads out of the folder",
}


def test_broken_files_are_refused_by_name_or_skipped(folder):
    hostile(folder)
    for hertz in (300, 400):
        write(folder / f"{hertz}.wav", sine(1, RATE, hertz))
    with pytest.raises(
        ValueError, match=r'12 of 14 files in .*cut.wav is cut short.*broken="skip"'
    ):
        load_loops("folder", LoopOptions(folder=folder, rate=RATE))
    loops = load_loops("folder", LoopOptions(folder=folder, rate=RATE, broken="skip"))
    assert set(all_loops(loops)) == {"300.wav", "400.wav"}
    assert loops.skipped.keys() == REASONS.keys()
    for name, reason in REASONS.items():
        assert reason in loops.skipped[name], name


def test_a_file_that_breaks_while_it_is_resampled_leaves_nothing(folder, monkeypatch):
    from synvae_workbench.data.files import BrokenFile
    from synvae_workbench.data.waveforms import loop_folder

    for hertz in (300, 400, 500):
        write(folder / f"{hertz}.wav", sine(1, RATE, hertz))
    real = loop_folder.sound_samples

    def breaking(path, facts, rate):
        yield from real(path, facts, rate)
        if path.name == "400.wav":
            raise BrokenFile("vanished")

    monkeypatch.setattr(loop_folder, "sound_samples", breaking)
    loops = load_loops("folder", LoopOptions(folder=folder, rate=RATE, broken="skip"))
    assert loops.skipped == {"400.wav": "vanished"}
    assert len(loops.train.samples) == 2 * RATE
    expected = PEAK / 0.5 * sine(1, RATE, 500)
    np.testing.assert_allclose(all_loops(loops)["500.wav"], expected, atol=2e-3)


def test_refuses_what_cannot_be_a_set(folder):
    with pytest.raises(ValueError, match="no folder"):
        load_loops("folder", LoopOptions(folder=folder / "nowhere"))
    with pytest.raises(ValueError, match="has no sound .left out: nothing.; expected files"):
        load_loops("folder", LoopOptions(folder=folder))
    write(folder / "a.wav", sine(1, RATE))
    write(folder / "copy of a.wav", sine(1, RATE))
    with pytest.raises(ValueError, match=r"1 file\(s\) unlike each other"):
        load_loops("folder", LoopOptions(folder=folder))
    with pytest.raises(ValueError, match="SYNVAE_DATA/drumloops"):
        load_loops("drumloops")
    for wrong in ({"rate": 100}, {"held_out": 0.0}, {"held_out": 1.0}):
        with pytest.raises(ValueError, match="held out between 0 and 1"):
            load_loops("folder", LoopOptions(folder=folder, **wrong))


def test_a_cache_that_cannot_be_written_is_said(folder, tmp_path):
    for hertz in (300, 400):
        write(folder / f"{hertz}.wav", sine(1, RATE, hertz))
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot be written .*SYNVAE_CACHE"):
        load_loops("folder", LoopOptions(folder=folder, cache=tmp_path / "file"))


def test_copies_of_a_file_are_held_out_together_and_the_split_is_the_same_at_any_rate(folder):
    for i in range(10):
        write(folder / f"{i}.wav", sine(0.5, 22_050, 300 + 20 * i), 22_050)
        write(folder / f"copy of {i}.wav", sine(0.5, 22_050, 300 + 20 * i), 22_050)
    held = []
    for rate in (8_000, 11_025):
        loops = load_loops("folder", LoopOptions(folder=folder, rate=rate, held_out=0.3, seed=3))
        held.append(loops.held_out.names)
        numbers = {name[-5] for name in loops.held_out.names}
        assert len(loops.held_out.names) == 6 == 2 * len(numbers)
        assert not numbers & {name[-5] for name in loops.train.names}
    assert held[0] == held[1]
    assert (
        held[0]
        != load_loops("folder", LoopOptions(folder=folder, held_out=0.3, seed=4)).held_out.names
    )


def test_a_second_reading_opens_no_sound_and_a_changed_file_is_read_again(folder, monkeypatch):
    for hertz in (300, 400):
        write(folder / f"{hertz}.wav", sine(1, RATE, hertz))
    first = load_loops("folder", LoopOptions(folder=folder, rate=RATE))
    with monkeypatch.context() as patch:
        patch.setattr(soundfile, "SoundFile", None)
        again = load_loops("folder", LoopOptions(folder=folder, rate=RATE))
    assert again.checksums == first.checksums
    assert torch.equal(again.train.samples, first.train.samples)
    write(folder / "300.wav", sine(1.1, RATE, 310))
    assert load_loops("folder", LoopOptions(folder=folder, rate=RATE)).checksums != first.checksums


def test_many_files_are_listed_without_being_opened(folder):
    for i in range(2_000):
        (folder / f"{i}.wav").write_bytes(b"RIFF")
    assert len(list_sounds(folder).files) == 2_000


def test_memory_does_not_grow_with_the_length_of_a_file(folder):
    """Twenty minutes, 38 MB as floats: reading them and cutting windows takes a few."""
    for hertz in (300, 400):
        write(folder / f"{hertz}.wav", sine(1, RATE, hertz))
    minute = np.random.default_rng(0).uniform(-0.3, 0.3, 60 * RATE)
    with soundfile.SoundFile(folder / "long.wav", "w", RATE, 1) as file:
        for _ in range(20):
            file.write(minute)
    tracemalloc.start()
    loops = load_loops("folder", LoopOptions(folder=folder, rate=RATE))
    long = next(split for split in (loops.train, loops.held_out) if "long.wav" in split.names)
    windows = cut(long.samples, window_places(long, 16_384, 1 << 20)[-8:], 16_384)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(windows) == 8
    assert peak < 12e6


def loops_of(*waveforms):
    lengths = torch.tensor([len(each) for each in waveforms])
    starts = lengths.cumsum(0) - lengths
    samples = torch.cat([torch.tensor(each, dtype=torch.int16) for each in waveforms])
    return Loops(samples, starts, lengths, tuple("abc"[: len(waveforms)]), RATE)


def test_windows_stay_in_their_file_and_go_round_where_it_ends():
    loops = loops_of(range(0, 10), range(100, 103))
    places = window_places(loops, 4, 3)
    windows = (cut(loops.samples, places, 4) * 32_767).round().int().tolist()
    assert windows == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9], [100, 101, 102, 100]]
    around = cut(loops.samples, window_places(loops, 4, 3, around=True), 4) * 32_767
    assert around.round().int().tolist() == [*windows[:3], [9, 0, 1, 2], windows[3]]
    later = torch.tensor([[10, 3, 7]])  # an offset beyond the file's end
    assert (cut(loops.samples, later, 2) * 32_767).round().tolist() == [[101, 102]]


def test_windows_and_hops_have_samples():
    for length, hop in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="a sample or more"):
            window_places(loops_of(range(5)), length, hop)


def test_patterns_are_two_bars_within_general_midi_and_the_same_every_time():
    loops = drum_loops(variations=2)
    assert [loop.name for loop in loops] == [
        loop.name for loop in drum_loops(variations=3)[: 2 * len(STYLES)]
    ]
    assert len({loop.name for loop in loops}) == len(loops) == 2 * len(STYLES)
    for loop, again in zip(loops, drum_loops(variations=2), strict=True):
        assert loop.sequence == again.sequence
        tempo = int(loop.name.split("_")[2].removesuffix("bpm"))
        assert loop.sequence.total_time == pytest.approx(8 * 60 / tempo)
        assert len(loop.sequence.notes) >= 10
        for note in loop.sequence.notes:
            assert note.is_drum and 35 <= note.pitch <= 81
            assert 0 <= note.start_time < note.end_time <= loop.sequence.total_time + 1e-6
    for bar in STYLES.values():
        assert len({len(line.replace(" ", "")) for line in bar.values()}) == 1
    with pytest.raises(ValueError, match="1 or more"):
        drum_loops(variations=0)


def test_packaged_loops_are_played_once_and_hit_where_the_pattern_does(monkeypatch):
    pytest.importorskip("tinysoundfont")
    monkeypatch.setattr(
        "synvae_workbench.data.waveforms.drum_patterns.STYLES",
        {"beat": {36: "X... X... X... X..."}},
    )
    monkeypatch.setattr(
        "synvae_workbench.data.waveforms.drum_patterns._vary_bar", lambda bar, *_: dict(bar)
    )
    loops = load_loops("gm_drums", LoopOptions(rate=RATE, variations=2))
    assert loops.synthetic
    (name,), waveform = loops.train.names, loops.train.waveform(0)
    seconds_per_quarter = 60 / int(name.split("_")[2].removesuffix("bpm"))
    assert len(waveform) == pytest.approx(8 * seconds_per_quarter * RATE, abs=2)
    loud = np.flatnonzero(np.abs(waveform) > 0.4) / RATE
    late = loud % seconds_per_quarter  # all of it shortly after a beat, but for a fill
    assert np.mean((late < 0.12) | (late > seconds_per_quarter - 0.02)) > 0.8
    monkeypatch.setattr("synvae_workbench.data.waveforms.drum_patterns.play", None)
    assert load_loops("gm_drums", LoopOptions(rate=RATE, variations=2)).checksums == loops.checksums


@pytest.mark.data
def test_the_real_loops(data_folder, monkeypatch):
    monkeypatch.setenv("SYNVAE_DATA", str(data_folder))
    loops = load_loops("drumloops", LoopOptions(rate=11_025))
    assert len(loops.train.names) + len(loops.held_out.names) == 14
    assert len(loops.held_out.names) == 3
    assert set(loops.clipped) == {
        "140bpmmovinbeat.wav",
        "Groove_07 (HH) Punk or Hard Core.wav",
        "HH_Groove_21_fill.wav",
    }
    assert loops.offset == ("i.wav",)
    seconds = sum(len(each) for each in all_loops(loops).values()) / 11_025
    assert seconds == pytest.approx(50.2, abs=0.3)
