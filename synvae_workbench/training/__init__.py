"""Training: the loop, the objectives that it minimises, and the files that a run writes."""
