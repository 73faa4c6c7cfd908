"""Text in, verdict out: the sentiment room. It knows of no database and no network."""
