"""Search by ear: an index of a folder's melodies, and the melodies nearest to one."""
