"""The stored run: record, journal, manifest, directory, verdicts, results, marks, and ``Run``."""
