"""Spikes of complaints: on every page while one is on, and a page of its own."""
