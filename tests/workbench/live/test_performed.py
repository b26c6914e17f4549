"""Players perform what a picture looks like, and say it."""

from dataclasses import replace

import numpy as np

from synvae_core.looks import ABSENT, Look
from synvae_core.music.render import sine_synthesiser
from synvae_core.music.sound import Sound
from synvae_workbench.live.performed import as_performed, performed_item
from synvae_workbench.live.players import PlayerItem, audio_player, player_grid

DARK_BLUE = Look(hue=5, lightness=0, contrast=0, busyness=0)
MELODY = np.array([41, 0, 43, 0, 45, 1, 46, 46, 48, 0, 0, 0, 1, 0, 0, 0])
SINE = Sound(synthesiser=sine_synthesiser())


def test_an_item_is_played_and_labelled_as_it_looks():
    item = performed_item(PlayerItem(MELODY, "Ship"), DARK_BLUE, SINE)
    assert item.label == "Ship: dark and blue, flat, calm: cello, low, soft, slow"
    sound = Sound(80.0, 42, 50, -1, synthesiser=SINE.synthesiser, loudness=-27.0)
    assert item.sound == sound
    grid = player_grid([item, PlayerItem(MELODY, "Plain")], sound=SINE).data
    assert audio_player(MELODY, label=item.label, sound=sound).data in grid
    assert audio_player(MELODY, label="Plain", sound=SINE).data in grid


def test_what_is_compared_keeps_its_loudness():
    sound = as_performed(SINE.plain, DARK_BLUE)
    assert sound.loudness is None
    loud = (
        sound.render(MELODY),
        as_performed(SINE.plain, DARK_BLUE._replace(contrast=2)).render(MELODY),
    )
    assert np.abs(loud[1]).max() > 1.5 * np.abs(loud[0]).max()
    assert replace(sound, velocity=104) == as_performed(SINE.plain, DARK_BLUE._replace(contrast=2))


def test_a_silent_melody_is_played_as_it_is():
    item = PlayerItem(MELODY, "Nothing")
    assert performed_item(item, Look(*[ABSENT] * 4)) == item
