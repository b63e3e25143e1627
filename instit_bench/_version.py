"""The version: one place for the package, its metadata and what runs record."""

__version__ = "0.1.0"
