"""The version, defined once for the package, its metadata and run manifests."""

__version__ = "0.1.0"
