"""Commands of the command line, a module for each group; `__main__` joins them."""
