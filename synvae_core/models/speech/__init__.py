"""Speech to image: VAEs and VAE-GANs from spoken digits to pictures."""
