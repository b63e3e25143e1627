"""Suites: several models and settings as one list of planned runs (docs/suites.md)."""
