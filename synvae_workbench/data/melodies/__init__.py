"""Corpora of melodies, from ABC and MIDI files."""
