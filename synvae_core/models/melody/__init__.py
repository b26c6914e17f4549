"""Melody models, with one interface of encoders and one of decoders."""
