"""Sets of drum loops."""
