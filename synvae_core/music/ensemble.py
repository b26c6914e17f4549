"""Melody, chords and bass as players of one piece: MIDI files of type 1 and NoteSequences."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import mido
import numpy as np
from jaxtyping import Integer

from synvae_core.music.accompaniment import Accompaniment, accompany
from synvae_core.music.coding import STEPS_PER_QUARTER, Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import (
    TICKS_PER_QUARTER,
    NoteSequence,
    add_notes,
    check_performance,
)

MELODY, CHORDS, BASS = PLAYERS = ("melody", "chords", "bass")


class Player(NamedTuple):
    """Notes of one instrument; `program` and `velocity` as in General MIDI.

    A velocity for each note is for files alone.
    """

    name: str
    notes: list[Note]
    program: int
    velocity: int | Sequence[int]


def players_of(
    events: Integer[np.ndarray, " t"],
    accompaniment: Accompaniment,
    *,
    program: int = 0,
    velocity: int = 80,
) -> list[Player]:
    """Melody, chords and bass, in this order; a silent melody has three silent players.

    Args:
        events: a melody of one voice (t,).
        program, velocity: of the melody.
    """
    played = accompany(events, style=accompaniment.style)
    levels = accompaniment.chord_level, accompaniment.bass_level
    soft, low = (max(1, round(velocity * level)) for level in levels)
    return [
        Player(MELODY, ONE_VOICE.notes(events), program, velocity),
        Player(CHORDS, played.chords, accompaniment.chord_program, soft),
        Player(BASS, played.bass, accompaniment.bass_program, low),
    ]


def players_midi(players: list[Player], *, steps: int, qpm: float = 120.0) -> bytes:
    """The bytes of a MIDI file of type 1: a named track and a channel for each player.

    Every track ends at the last step, so that silence is kept too.
    """
    tracks = []
    for channel, player in enumerate(players):
        check_performance(qpm, player.program, player.velocity)
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=player.name)])
        if not channel:
            track.append(mido.MetaMessage("set_tempo", tempo=round(60e6 / qpm)))
            track.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
        track.append(mido.Message("program_change", program=player.program, channel=channel))
        notes = [note._replace(voice=0) for note in player.notes]
        add_notes(track, notes, channels=[channel], velocity=player.velocity, steps=steps)
        tracks.append(track)
    buffer = io.BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER, tracks=tracks).save(file=buffer)
    return buffer.getvalue()


def players_note_sequence(players: list[Player], *, steps: int, qpm: float = 120.0) -> NoteSequence:
    """A NoteSequence in 4/4 that lasts all steps; each player is an instrument with its name."""
    seconds = 60.0 / qpm / STEPS_PER_QUARTER
    sequence = NoteSequence(ticks_per_quarter=TICKS_PER_QUARTER)
    sequence.tempos.add(qpm=qpm)
    sequence.time_signatures.add(numerator=4, denominator=4)
    for number, player in enumerate(players):
        check_performance(qpm, player.program, player.velocity)
        sequence.instrument_infos.add(instrument=number, name=player.name)
        for start, end, pitch, _ in player.notes:
            sequence.notes.add(
                start_time=start * seconds,
                end_time=end * seconds,
                pitch=pitch,
                velocity=player.velocity,
                program=player.program,
                instrument=number,
            )
    sequence.total_time = steps * seconds
    return sequence
