"""Sets of spoken digits, and their pairing with pictures."""
