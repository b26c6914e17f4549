"""Spoken digits, and pictures that go with them."""
