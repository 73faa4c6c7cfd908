"""Notifying staff: who is on duty, what rings, and the words of the mail that says so."""
