"""Options of playback: tempo, instrument and synthesiser in one record."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Integer

from synvae_core.music.accompaniment import Accompaniment
from synvae_core.music.coding import Coding
from synvae_core.music.ensemble import Player, players_midi, players_note_sequence, players_of
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import events_to_note_sequence, midi_bytes
from synvae_core.music.render import Synthesiser, render, soundfont_synthesiser


@dataclass(frozen=True)
class Sound:
    """Options of playback, by which melodies become waveforms and MIDI files.

    Args:
        qpm: quarters per minute.
        program: General MIDI instrument, 0..127.
        velocity: of every note, 1..127.
        soundfont: name or path of a sound font, see `soundfonts.found`; empty: the packaged one.
        synthesiser: instead of a sound font; by default the best one here, see
            `render.default_synthesiser`.
        accompaniment: chords and bass under melodies of one voice; by default none.
    """

    qpm: float = 120.0
    program: int = 0
    velocity: int = 80
    soundfont: str = ""
    synthesiser: Synthesiser | None = None
    accompaniment: Accompaniment | None = None

    def render(
        self, events: Integer[np.ndarray, " t"], *, coding: Coding = ONE_VOICE
    ) -> Float32[np.ndarray, " n"]:
        """The mono waveform of a melody, in -1..1, at `render.SAMPLE_RATE`.

        Raises:
            ValueError: if an event id is unknown, or an option is out of range.
        """
        if self.accompaniment is not None:
            players = self._players(events, coding)
            sequence = players_note_sequence(players, steps=len(events), qpm=self.qpm)
            return render(sequence, synthesiser=self._synthesiser())
        sequence = events_to_note_sequence(
            events, qpm=self.qpm, program=self.program, velocity=self.velocity, coding=coding
        )
        return render(sequence, synthesiser=self._synthesiser())

    def midi(self, events: Integer[np.ndarray, " t"], *, coding: Coding = ONE_VOICE) -> bytes:
        """The bytes of a melody's MIDI file; errors as in `render`.

        With an accompaniment, of type 1, with the tracks melody, chords and bass.
        """
        if self.accompaniment is not None:
            return players_midi(self._players(events, coding), steps=len(events), qpm=self.qpm)
        return midi_bytes(
            events, qpm=self.qpm, program=self.program, velocity=self.velocity, coding=coding
        )

    def _synthesiser(self) -> Synthesiser | None:
        if self.soundfont and self.synthesiser:
            raise ValueError("choose a soundfont or a synthesiser: got both")
        return soundfont_synthesiser(self.soundfont) if self.soundfont else self.synthesiser

    def _players(self, events: np.ndarray, coding: Coding) -> list[Player]:
        if self.accompaniment is None or coding is not ONE_VOICE:
            raise ValueError(
                f"melodies of one voice are accompanied, got {coding.name}; "
                "play others without accompaniment"
            )
        return players_of(events, self.accompaniment, program=self.program, velocity=self.velocity)


PIANO = Sound()  # the default
