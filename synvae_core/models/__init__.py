"""Architectures, whose `forward` returns a typed output and never a loss, and their storage."""
