"""The training loop, the objectives that it minimises, and what a run leaves."""
