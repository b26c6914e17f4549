"""Melody models: one interface of encoders, one of decoders, and what is built on them."""
