"""The common ground of Shenava: words as types, text, clock, hours, store, channels."""

__version__ = "0.1.0"
