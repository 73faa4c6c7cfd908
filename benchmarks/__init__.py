"""Measurements: ``python -m benchmarks`` (``make bench``). Not part of the wheel."""
