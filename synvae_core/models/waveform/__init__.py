"""VAEs on waveforms, fully connected and convolutional."""
