"""Runs: their directory, and what fills it."""
