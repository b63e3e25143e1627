"""Inspect's log files."""
