"""Evaluations that join a run, a set of data and metrics."""
