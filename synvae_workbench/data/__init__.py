"""Data sets of pictures, melodies, speech and waveforms: packaged, downloaded or the user's own."""
