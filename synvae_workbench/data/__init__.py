"""Sets of pictures, melodies, speech and waveforms, packaged, downloaded or in your own folder."""
