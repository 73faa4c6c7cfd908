"""What stops a command, said to the person who gave it."""

from __future__ import annotations


class Halt(Exception):
    """A command cannot go on. The text is one sentence or two: what is wrong, what to do.

    ``shenava`` prints it without a traceback and ends with exit code 2.
    """
