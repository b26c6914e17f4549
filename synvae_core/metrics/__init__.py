"""Metrics: tensors and arrays in, numbers out."""
