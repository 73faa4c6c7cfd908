"""Signing in and out: passwords, sessions, one-time links, roles, limits."""
