"""The stored run: record, journal, manifest, directory, verdicts, results and marks."""
