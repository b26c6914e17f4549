"""Melodies as event ids, MIDI files and sound."""
