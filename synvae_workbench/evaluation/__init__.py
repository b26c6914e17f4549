"""What joins a run, a set of data and metrics."""
