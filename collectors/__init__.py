"""Pulling: what customers wrote, from wherever they wrote it, into the store, once each."""
