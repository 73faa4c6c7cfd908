"""Answering: the composer under a case, what becomes of an answer, and saved replies."""
