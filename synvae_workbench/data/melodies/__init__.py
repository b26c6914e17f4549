"""Sets of melodies, from ABC and MIDI files."""
