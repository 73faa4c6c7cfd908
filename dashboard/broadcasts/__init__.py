"""Broadcasts, as people see them: write, plan, send and watch, on one page."""
