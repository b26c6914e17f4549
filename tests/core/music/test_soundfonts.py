import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tinysoundfont

from synvae_core.music import soundfonts
from synvae_core.music.midi import events_to_note_sequence
from synvae_core.music.render import render, soundfont_synthesiser
from synvae_core.music.soundfont_cut import cut_instrument
from synvae_core.music.soundfont_files import read_font
from synvae_core.music.soundfonts import PACKAGED, found, open_soundfont

PATH = found()[PACKAGED]
FLUTE, MISSING = 73, 30  # a program of the small fonts here, and one that they have not
RANGE = [(21, 1), (108, 127)]  # all velocities of all keys
MELODY = np.array([50, 0, 54, 1, 57, 0, 0, 1] * 2)


@pytest.fixture(scope="module")
def small():
    return cut_instrument(read_font(PATH), 0, FLUTE, RANGE)


@pytest.fixture
def folder(tmp_path, monkeypatch, small):
    """A folder of a small font, which the variable names."""
    (tmp_path / "Small.sf2").write_bytes(small)
    monkeypatch.setenv("SYNVAE_SOUNDFONTS", str(tmp_path))
    return tmp_path


def chunks(data):
    """Chunks of a font in order, as (name, content), those of lists in their place."""
    at = 12
    while at < len(data):
        name, (size,) = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])
        if name == b"LIST":
            at += 12
        else:
            yield name, data[at + 8 : at + 8 + size]
            at += 8 + size


def compressed(font):
    """The same font as SoundFont 3, which has each sample as Ogg Vorbis and loops within it."""
    parts = dict(chunks(font))
    points, vorbis, rows = np.frombuffer(parts[b"smpl"], "<i2"), b"", b""
    for row in struct.iter_unpack("<20s5IBbHH", parts[b"shdr"]):
        name, start, end, first, last, rate, *rest, _ = row
        if end:
            buffer = io.BytesIO()
            soundfile.write(buffer, points[start:end], rate, format="OGG", subtype="VORBIS")
            first, last = first - start, last - start
            start, end = len(vorbis), len(vorbis) + len(buffer.getvalue())
            vorbis += buffer.getvalue()
        rows += struct.pack("<20s5IBbHH", name, start, end, first, last, rate, *rest, 0x11)
    parts |= {b"smpl": vorbis, b"shdr": rows}

    def listed(kind, *names):
        inner = b"".join(n + struct.pack("<I", len(parts[n])) + parts[n] for n in names)
        return b"LIST" + struct.pack("<I", len(inner) + 4) + kind + inner

    tables = (b"phdr", b"pbag", b"pmod", b"pgen", b"inst", b"ibag", b"imod", b"igen", b"shdr")
    body = b"sfbk" + listed(b"sdta", b"smpl") + listed(b"pdta", *tables)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def sound_of(font, program, *, drum=False, pitches=(48, 60, 72)):
    synth = tinysoundfont.Synth(samplerate=32_000)
    synth.program_select(0, synth.sfload(font), 0, program, drum)
    for pitch in pitches:
        synth.noteon(0, pitch, 90)
    return np.frombuffer(synth.generate(16_000), np.float32).copy()


@pytest.mark.parametrize("program", [0, 19, 40, 73, 127])
def test_an_instrument_alone_sounds_as_in_the_whole_font(program):
    alone = cut_instrument(read_font(PATH), 0, program, [(48, 90), (72, 90)])
    whole = PATH.read_bytes()
    assert len(alone) < 0.1 * len(whole)
    expected = sound_of(whole, program)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(sound_of(alone, program), expected, atol=2e-6)


def test_a_drum_kit_alone_sounds_as_in_the_whole_font():
    alone = cut_instrument(read_font(PATH), 128, 0, [(35, 90), (50, 90)])
    pitches = (36, 38, 42)
    np.testing.assert_allclose(
        sound_of(alone, 0, drum=True, pitches=pitches),
        sound_of(PATH.read_bytes(), 0, drum=True, pitches=pitches),
        atol=2e-6,
    )


def test_soundfont_3_sounds_as_soundfont_2(folder, small):
    (folder / "Pressed.sf3").write_bytes(compressed(small))
    sequence = events_to_note_sequence(MELODY, program=FLUTE)
    plain, pressed = (
        render(sequence, synthesiser=soundfont_synthesiser(name)) for name in ("Small", "Pressed")
    )
    assert np.corrcoef(plain, pressed)[0, 1] > 0.98
    assert pressed.std() == pytest.approx(plain.std(), rel=0.1)


def test_another_font_is_as_loud_as_the_packaged_one(folder):
    sequence = events_to_note_sequence(MELODY, program=FLUTE)
    small = render(sequence, synthesiser=soundfont_synthesiser(folder / "Small.sf2"))
    np.testing.assert_allclose(small, render(sequence), atol=1e-5)


def test_the_packaged_font_comes_first_and_others_by_their_names(folder):
    (folder / "link.sf2").symlink_to(folder / "Small.sf2")
    (folder / "notes.txt").write_text("no font", encoding="utf-8")
    (folder / "._Small.sf2").write_bytes(b"\0\5\x16\7")  # as macOS leaves beside a copied file
    assert next(iter(found())) == PACKAGED
    assert found()["Small"] == (folder / "Small.sf2").resolve()
    assert not {"link", "notes", "._Small"} & set(found())
    assert open_soundfont() == (PACKAGED, PATH)
    assert open_soundfont("small") == open_soundfont("Small")
    assert open_soundfont(folder / "Small.sf2").path == folder / "Small.sf2"


def test_a_single_file_and_a_missing_folder_may_be_named(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("SYNVAE_SOUNDFONTS", f"{tmp_path / 'none'}:{folder / 'Small.sf2'}")
    assert "Small" in found()


def test_a_font_that_changed_is_read_again(folder):
    font = open_soundfont("Small")
    (folder / "Small.sf2").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match="is no sound font"):
        soundfonts._play(font, [soundfonts.Strike(0, 80, 60)], (FLUTE, False), 8_000, 100)


def test_a_name_that_is_none_is_refused_with_those_there_are(folder):
    with pytest.raises(
        ValueError, match=r"no sound font 'Grand', .*Grand; choose one of TimGM6mb, .*Small"
    ):
        soundfont_synthesiser("Grand")


def test_a_program_that_a_font_lacks_is_refused(folder):
    sequence = events_to_note_sequence(MELODY, program=MISSING)
    with pytest.raises(ValueError, match=f"has no program {MISSING}; choose another"):
        render(sequence, synthesiser=soundfont_synthesiser("Small"))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda font: b"", "is no sound font"),
        (lambda font: b"MThd" + font, "is no sound font"),
        (lambda font: font[:8] + b"WAVE" + font[12:], "is no sound font"),
        (lambda font: font[:-100], "truncated or corrupt: .* bytes are announced"),
        (lambda font: font[:12], "truncated or corrupt"),
        (lambda font: font.replace(b"shdr", b"shdx"), "has no shdr"),
        (lambda font: font.replace(b"smpl", b"smpx"), "has no smpl"),
    ],
    ids=["empty", "other start", "wave", "truncated", "head alone", "no table", "no samples"],
)
def test_what_is_no_whole_font_is_refused_in_words(tmp_path, small, broken, message):
    path = tmp_path / "broken.sf2"
    path.write_bytes(broken(small))
    with pytest.raises(ValueError, match=message):
        open_soundfont(path)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.sf2"
    with path.open("wb") as file:
        file.truncate((1 << 31) + 1)  # sparse: it takes no room
    with pytest.raises(ValueError, match="at most 2 GiB"):
        open_soundfont(path)


def test_a_sample_that_is_no_vorbis_is_refused(tmp_path, small):
    path = tmp_path / "noise.sf3"
    font = compressed(small)
    path.write_bytes(font.replace(b"OggS", b"Oops"))
    with pytest.raises(ValueError, match="no Ogg Vorbis"):
        cut_instrument(read_font(path), 0, FLUTE, RANGE)


@pytest.mark.parametrize("generator", [0, 1, 2, 3, 4, 12, 45, 50])
def test_samples_outside_of_the_file_are_not_played(tmp_path, small, generator):
    # The first generator of the instrument now moves a sample's points out of the file.
    at = small.index(b"igen") + 8
    path = tmp_path / "far.sf2"
    path.write_bytes(small[:at] + struct.pack("<Hh", generator, -32_000) + small[at + 4 :])
    with pytest.raises(ValueError, match="it plays points"):
        cut_instrument(read_font(path), 0, FLUTE, RANGE)


def test_fonts_with_any_damage_are_refused_or_played(tmp_path, small):
    rng = np.random.default_rng(0)
    tables, path = small.index(b"pdta"), tmp_path / "damaged.sf2"
    outcomes = {"refused": 0, "played": 0}
    for _ in range(300):
        damaged = bytearray(small)
        for at in rng.integers(tables, len(small), rng.integers(1, 6)):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            alone = cut_instrument(read_font(path), 0, FLUTE, RANGE)
        except ValueError:
            outcomes["refused"] += 1
            continue
        assert np.isfinite(sound_of(alone, FLUTE)).all()
        outcomes["played"] += 1
    assert min(outcomes.values()) > 20


@pytest.mark.parametrize("program", [0, 24, 73, 127])
def test_gains_that_are_kept_are_those_that_are_measured(program):
    measured = soundfonts._measured_gain(open_soundfont(), program, False)
    assert soundfonts._known_gains()[str(program)] == pytest.approx(measured, rel=1e-4)


def test_gains_of_another_packaged_font_are_measured(monkeypatch):
    kept = soundfonts._known_gains
    monkeypatch.setattr(soundfonts, "_packaged_bytes", lambda: b"another")
    kept.cache_clear()
    try:
        assert kept() == {}
    finally:
        kept.cache_clear()


@pytest.mark.parametrize(
    ("name", "programs"),
    [("FluidR3Mono_GM", (0, 40)), ("MuseScore_General_Lite", (40, 73))],
)
def test_the_fonts_that_the_documentation_names_play(name, programs):
    if name not in found():
        pytest.skip(f"{name} is not installed")
    assert Path(found()[name]).suffix == ".sf3"
    for program in programs:
        sequence = events_to_note_sequence(MELODY, program=program)
        waveform = render(sequence, synthesiser=soundfont_synthesiser(name))
        assert 0.02 < np.abs(waveform).max() < 0.95
