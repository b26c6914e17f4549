"""The live pages served without code, on this machine alone: `make explore`."""
