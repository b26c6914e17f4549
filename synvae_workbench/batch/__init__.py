"""Chains and sweeps of notebooks, on the cores and cards of this machine or of many."""
