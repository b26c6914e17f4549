"""VAEs of raw waveforms, fully connected and convolutional."""
