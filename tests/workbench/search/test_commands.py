"""`synvae index` and `synvae search`, as they are typed."""

import numpy as np
import pytest

from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import midi_bytes
from synvae_workbench.__main__ import main


@pytest.fixture
def folder(tmp_path):
    for number in range(4):
        events = np.zeros(32, np.int64)
        events[[0, 8, 16]] = 40 + 3 * number
        (tmp_path / f"{number}.mid").write_bytes(midi_bytes(ONE_VOICE.canonical(events)))
    return tmp_path


def test_what_is_indexed_is_found(folder, capsys):
    assert main(["index", str(folder)]) == 0
    assert "4 added, 0 kept" in capsys.readouterr().err
    assert main(["search", str(folder), str(folder / "2.mid"), "-n", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[0] == "0.00"
    assert lines[0].endswith("2.mid")
    assert len(lines) == 2
    assert main(["index", str(folder)]) == 0
    assert "0 added, 4 kept" in capsys.readouterr().err


def test_what_cannot_be_done_is_told(folder, capsys):
    query = str(folder / "0.mid")
    assert main(["search", str(folder), query]) == 2
    assert "has no index: make one with" in capsys.readouterr().err
    (folder / "broken.mid").write_bytes(b"MThd")
    assert main(["index", str(folder)]) == 1
    assert "broken.mid" in capsys.readouterr().err
    assert main(["search", str(folder), query, "--by", "latents"]) == 2
    assert "needs --model" in capsys.readouterr().err
