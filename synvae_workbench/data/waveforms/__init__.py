"""Drum loops."""
