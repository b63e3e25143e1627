"""Runs in other programs' formats."""
