"""Options of playback, in one record, and the two ways to play a melody by them.

`Sound.render` is for what is measured or compared: every note is equally loud in every clip, on the
grid, in a dry room. Metrics by ear and listening tests use it. `Sound.perform` is for players in
pages and reports: with dynamics, a little phrasing and reverb, and all pieces equally loud.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Integer

from synvae_core.music.accompaniment import Accompaniment
from synvae_core.music.acoustics import add_reverb, level
from synvae_core.music.coding import STEPS_PER_QUARTER, Coding, Note
from synvae_core.music.ensemble import Player, players_midi, players_note_sequence, players_of
from synvae_core.music.expression import express
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import (
    NoteSequence,
    events_to_note_sequence,
    midi_bytes,
    moved_notes,
)
from synvae_core.music.render import SAMPLE_RATE, Synthesiser, limit, render, soundfont_synthesiser


@dataclass(frozen=True)
class Sound:
    """Options of playback, by which melodies become waveforms and MIDI files.

    Args:
        qpm: quarters per minute.
        program: General MIDI instrument, 0..127.
        velocity: of every note, 1..127; with expression, of a note in the middle of everything.
        octaves: by which the melody is moved, -1, 0 or 1; its accompaniment stays.
        soundfont: name or path of a sound font, see `soundfonts.found`; empty: the packaged one.
        synthesiser: instead of a sound font; by default the best one here, see
            `render.default_synthesiser`.
        accompaniment: chords and bass under melodies of one voice; by default none.
        expression: strength of dynamics and phrasing when performed, 0..2, see `expression`.
        reverb: level of the room when performed, as a share of a note's own, 0..1.
        loudness: of a performance, in LUFS; None: as it is rendered.
    """

    qpm: float = 120.0
    program: int = 0
    velocity: int = 80
    octaves: int = 0
    soundfont: str = ""
    synthesiser: Synthesiser | None = None
    accompaniment: Accompaniment | None = None
    expression: float = 1.0
    reverb: float = 0.15
    loudness: float | None = -21.0

    @property
    def plain(self) -> "Sound":
        """This sound whose performance is what `render` gives, for players of what is compared."""
        return replace(self, expression=0.0, reverb=0.0, loudness=None)

    def render(
        self, events: Integer[np.ndarray, " t"], *, coding: Coding = ONE_VOICE
    ) -> Float32[np.ndarray, " n"]:
        """The plain waveform of a melody, in -1..1, at `render.SAMPLE_RATE`: for comparisons.

        Raises:
            ValueError: if an event id is unknown, or an option is out of range.
        """
        return render(self._sequence(events, coding), synthesiser=self._synthesiser())

    @property
    def step_seconds(self) -> float:
        """Seconds that a sixteenth lasts."""
        return 60 / self.qpm / STEPS_PER_QUARTER

    def perform(
        self, events: Integer[np.ndarray, " t"], *, coding: Coding = ONE_VOICE
    ) -> Float32[np.ndarray, " n"]:
        """The waveform of a melody with expression, reverb and loudness: for players.

        It is in -1..1, at `render.SAMPLE_RATE`; errors as in `render`.
        """
        sequence = self._expressed(self._sequence(events, coding))
        return self.finish(render(sequence, synthesiser=self._synthesiser()))

    def finish(self, waveform: Float32[np.ndarray, " n"]) -> Float32[np.ndarray, " m"]:
        """A rendered waveform with the room and the loudness of this sound.

        Raises:
            ValueError: if an option is out of range.
        """
        if self.reverb:
            waveform = limit(add_reverb(waveform, SAMPLE_RATE, wet=self.reverb))
        if self.loudness is not None:
            waveform = limit(level(waveform, SAMPLE_RATE, loudness=self.loudness))
        return waveform

    def midi(self, events: Integer[np.ndarray, " t"], *, coding: Coding = ONE_VOICE) -> bytes:
        """The bytes of a melody's MIDI file; errors as in `render`.

        With an accompaniment, of type 1, with the tracks melody, chords and bass. It has the
        velocities of the expression, which no reader of notes looks at, and not its timing: a file
        off the grid would be refused, here and by programs that write notes down.
        """
        notes = self._expressed(self._sequence(events, coding)).notes
        if self.accompaniment is None:
            loud = [note.velocity for note in notes]
            return midi_bytes(
                events,
                qpm=self.qpm,
                program=self.program,
                velocity=loud,
                octaves=self.octaves,
                coding=coding,
            )
        players = [
            player._replace(velocity=[note.velocity for note in notes if note.instrument == number])
            for number, player in enumerate(self._players(events, coding))
        ]
        return players_midi(players, steps=len(events), qpm=self.qpm)

    def _sequence(self, events: np.ndarray, coding: Coding) -> NoteSequence:
        """All notes as they are written, each voice or player an instrument."""
        if self.accompaniment is not None:
            players = self._players(events, coding)
            return players_note_sequence(players, steps=len(events), qpm=self.qpm)
        return events_to_note_sequence(
            events,
            qpm=self.qpm,
            program=self.program,
            velocity=self.velocity,
            octaves=self.octaves,
            coding=coding,
        )

    def _expressed(self, sequence: NoteSequence) -> NoteSequence:
        """The sequence with the expression of this sound, each instrument by itself."""
        seconds = self.step_seconds
        for instrument in {note.instrument for note in sequence.notes}:
            notes = [note for note in sequence.notes if note.instrument == instrument]
            written = [
                Note(round(note.start_time / seconds), round(note.end_time / seconds), note.pitch)
                for note in notes
            ]
            velocity = notes[0].velocity
            played = express(
                written, velocity=velocity, strength=self.expression, step_seconds=seconds
            )
            for note, how in zip(notes, played, strict=True):
                note.velocity = how.velocity
                note.start_time += how.start
                note.end_time += how.end
        return sequence

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
        melody, *others = players_of(
            events, self.accompaniment, program=self.program, velocity=self.velocity
        )
        return [melody._replace(notes=moved_notes(melody.notes, self.octaves)), *others]


PIANO = Sound()  # the default
