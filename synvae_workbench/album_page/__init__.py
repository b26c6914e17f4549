"""One offline page of an album: each picture with its melody and what comes back of it."""
