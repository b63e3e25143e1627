"""The task's folder: YAML, functions, data."""
