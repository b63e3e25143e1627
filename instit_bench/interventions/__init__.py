"""Alter what a model is asked, to see what its score depends on (docs/audit.md)."""
