"""The shop's own places: connecting them, how well they are, what was covered, the strip."""
