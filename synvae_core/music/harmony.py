"""Chords of a melody: a hidden Markov model of triads, decoded jointly with the key.

Simon et al. 2008, "MySong: Automatic Accompaniment Generation for Vocal Melodies", CHI: hidden
states are chords, observed are the durations of the melody's pitch classes. Here each half bar has
one of the 24 major and minor triads, tables are relative to the tonic, and the key is the one whose
best path is most probable. Whatever the tables, the chords of a transposed melody are its chords,
transposed: they are decoded relative to the melody's last note.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Integer
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from synvae_core.atomic import make_folder, write_bytes, write_json
from synvae_core.fields import build_from_fields
from synvae_core.music.coding import STEPS_PER_BAR
from synvae_core.music.melody import ONE_VOICE
from synvae_core.small_files import open_regular, read_json

STEPS_PER_CHORD = STEPS_PER_BAR // 2
STEPS_PER_PHRASE = 4 * STEPS_PER_BAR
TRIADS = 24  # ids: the root's pitch class, and 12 more if minor
NO_CHORD = -1
MAX_BYTES = 1_000_000  # of the tables; ours have 22,000
MAJOR, MINOR = (0, 4, 7), (0, 3, 7)
# What a chord begins that follows another: a bar, the rest of a bar, the last half bar of a phrase
# of four bars, or the last of the piece.
BAR, WITHIN, PHRASE_END, PIECE_END = range(4)
PLACES = 4
TRIAD_TONES: Bool[np.ndarray, "24 12"] = np.array(
    [
        [(tone - root) % 12 in intervals for tone in range(12)]
        for intervals in (MAJOR, MINOR)
        for root in range(12)
    ]
)


class ChordTables(NamedTuple):
    """Log scores of a harmoniser, for each mode; chords and pitch classes relative to the tonic."""

    emission: Float[np.ndarray, "modes 24 12"]  # of a pitch class over a chord
    transition: Float[np.ndarray, "modes 4 24 24"]  # by place, from a chord to the next
    initial: Float[np.ndarray, "modes 24"]


class Harmony(NamedTuple):
    """Chords of a melody, one for each half bar, and its key; all `NO_CHORD` in silence."""

    chords: Int[np.ndarray, " spans"]
    tonic: int  # pitch class
    mode: int  # of the tables


@dataclass(frozen=True, eq=False)
class Harmoniser:
    """Viterbi decoding of chord tables.

    Args:
        weight: of the melody against the progression: the exponent of the emission.
        onset_weight: of the sixteenth that starts a note, against one that holds it.
    """

    tables: ChordTables
    weight: float = 2.0
    onset_weight: float = 3.0

    def harmonise(self, events: Integer[np.ndarray, " t"]) -> Harmony:
        """Chords and key of a melody of one voice (t,); the last half bar may be cut short."""
        profile = pitch_class_profile(events, onset_weight=self.onset_weight)
        starts = ONE_VOICE.starts(events)
        if not starts.any():
            return Harmony(np.full(len(profile), NO_CHORD), 0, 0)
        last = int(starts[starts > 0][-1]) % 12
        relative = np.roll(profile, -last, axis=1)
        chords, tonic, mode = self._decode(relative)
        return Harmony(transpose_triads(chords, last), (tonic + last) % 12, mode)

    def _decode(self, profile: Float[np.ndarray, "spans 12"]) -> tuple[np.ndarray, int, int]:
        """Best path over all modes and tonics; of equal ones the first."""
        emission, (_, transition, initial) = self._emission(profile), self.tables
        score = initial[:, None] + emission[0]  # (modes, 12 tonics, 24 chords)
        best_before = []
        for span in range(1, len(profile)):
            step = transition[:, place_of(span, len(profile))]
            reached = score[..., :, None] + step[:, None]
            best_before.append(reached.argmax(2))
            score = reached.max(2) + emission[span]
        mode, tonic, chord = (int(i) for i in np.unravel_index(score.argmax(), score.shape))
        path = [chord]
        for before in reversed(best_before):
            path.append(int(before[mode, tonic, path[-1]]))
        return transpose_triads(np.array(path[::-1]), tonic), tonic, mode

    def _emission(self, profile: np.ndarray) -> Float[np.ndarray, "spans modes 12 24"]:
        tonics = profile[:, (np.arange(12)[:, None] + np.arange(12)) % 12]
        return self.weight * np.einsum("stp,mcp->smtc", tonics, self.tables.emission)


def pitch_class_profile(
    events: Integer[np.ndarray, " t"], *, onset_weight: float
) -> Float[np.ndarray, "spans 12"]:
    """Weighted duration of each pitch class in each half bar; 1 is a class that is held through."""
    sounding, starts = ONE_VOICE.sounding(events), ONE_VOICE.starts(events)
    weights = np.where(starts > 0, onset_weight, 1.0) * (sounding > 0)
    spans = -(-len(events) // STEPS_PER_CHORD)
    profile = np.zeros((spans, 12))
    np.add.at(profile, (np.arange(len(events)) // STEPS_PER_CHORD, sounding % 12), weights)
    return profile / STEPS_PER_CHORD


def place_of(span: int, spans: int) -> int:
    """Place of a half bar in a piece of so many: which transition leads to it."""
    if span == spans - 1:
        return PIECE_END
    if (span + 1) % (STEPS_PER_PHRASE // STEPS_PER_CHORD) == 0:
        return PHRASE_END
    return BAR if span % 2 == 0 else WITHIN


def transpose_triads(
    chords: Int[np.ndarray, "*b"], semitones: int | Int[np.ndarray, "*#b"]
) -> Int[np.ndarray, "*b"]:
    """Transposed triads; `NO_CHORD` stays."""
    moved = (chords + semitones) % 12 + 12 * (chords >= 12)
    return np.where(chords == NO_CHORD, NO_CHORD, moved)


def load_harmoniser(folder: Path) -> Harmoniser:
    """Harmoniser of a folder with `config.json` and `model.safetensors`.

    Raises:
        ValueError: if a file is missing, damaged or of something else.
    """
    try:
        stored = read_json(folder / "config.json")
        if stored.get("model") != "Harmoniser":
            raise ValueError(f"config.json holds a {str(stored.get('model'))[:40]}")
        settings = build_from_fields(_Settings, stored.get("config"))
        return Harmoniser(_load_tables(folder / "model.safetensors"), **vars(settings))
    except (OSError, ValueError, SafetensorError) as error:
        raise ValueError(f"{folder} holds no harmoniser ({error}); get it afresh") from error


@dataclass
class _Settings:
    weight: float = 2.0
    onset_weight: float = 3.0


def _load_tables(path: Path) -> ChordTables:
    with open_regular(path, most_bytes=MAX_BYTES):
        tables = load_file(path)
    for name, shape in (("emission", (24, 12)), ("transition", (4, 24, 24)), ("initial", (24,))):
        table = tables.get(name)
        if table is None or table.shape[1:] != shape or len(table) != len(tables["emission"]):
            raise ValueError(f"{path.name} has no {name} of any number of modes and {shape}")
        if not np.isfinite(table).all():
            raise ValueError(f"{name} holds values that are not finite")
    return ChordTables(*(tables[name].astype(np.float64) for name in ChordTables._fields))


def save_harmoniser(harmoniser: Harmoniser, folder: Path) -> None:
    """Writes a harmoniser's `config.json` and `model.safetensors`, in float32."""
    make_folder(folder)
    config = {"weight": harmoniser.weight, "onset_weight": harmoniser.onset_weight}
    stored = {"format": 1, "model": "Harmoniser", "config": config}
    write_json(folder / "config.json", stored)
    tables = harmoniser.tables._asdict()
    weights = save({name: table.astype(np.float32) for name, table in tables.items()})
    write_bytes(folder / "model.safetensors", weights)
